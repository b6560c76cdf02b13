"""The live feed: what changed, in order, out of the database.

``log`` writes and reads the events, ``bell`` tells waiting clients that there are new ones,
``routes`` serves them. No event is held for a client anywhere but in the database, so a slow or
broken client costs the others nothing, and a restart loses nothing.
"""
