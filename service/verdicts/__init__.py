"""Operators' verdicts, the kept scores of candidates, and what follows from both for a camera.

``consumer`` stores scores, ``giving`` takes verdicts, ``replay`` and ``proposing`` are pure,
``evidence`` reads for them, ``routes`` is how to ask. Nothing changes without a person's yes, and a
proposal always says what it would have missed. Absent: pictures, and anything about people.
"""
