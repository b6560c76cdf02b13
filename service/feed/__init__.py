"""The live feed: what changed, in order, out of the database.

``log`` writes and reads the events, ``tail`` reads the newest once for all, ``bell`` tells waiting
clients that there are new ones, ``rechecks`` whether they still may see them, ``routes`` serves
them. Every event is in the database; the 2,000 newest are held besides, once for all clients and
never for one, so a slow or broken client costs the others nothing, and a restart loses nothing.
"""
