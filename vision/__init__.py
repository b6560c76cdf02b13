"""Arrays in, arrays out.

Nothing here opens a socket or a file of a user's, reads a clock, a database or a log. The one
thing outside NumPy is the inference session, which lives here and nowhere else. No type of this
room describes a person: people leave it only as the opaque ``MaskRegions``.
"""
