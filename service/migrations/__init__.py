"""The schema's history: one file a step, run by ``service.database.migrate``."""
