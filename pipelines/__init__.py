"""The flow: from a camera's stream to an alert in Redis, one stage a file.

Invariants: arrays stop at the rules, only scalars and references cross Redis; every drop has a
reason and a counter; FFmpeg, through PyAV, decodes and codes (``decoder.py``, ``file_source.py``,
the drills, the bench) and connects to nothing; nothing here knows of operators or of the database;
a change of one camera touches no other; a password is a ``Secret``. Absent on purpose: pictures
(until the masker can cover people, an alert leaves without one) and anything that joins one
camera's objects to another's.
"""
