"""Orders: which a policy may make by itself, and how they get into their streams.

Absent until people can decide: orders of real incidents. Only drills' orders are made and
forwarded here, and ``dispatch.drill`` is the only stream this folder writes.
"""
