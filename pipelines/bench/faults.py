"""What keeps the bench from measuring, in words."""


class BenchError(Exception):
    """It can't be measured. The text says what happened and what to do."""
