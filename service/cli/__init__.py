"""``fengsui cameras``: estates by the command line.

A client of the API like any other, with a token; it opens no database and no camera. What is for
a script goes to stdout, one object with ``--json``; what is for a person goes to stderr. The one
thing that needs no service is ``offline``: the same checks as the service's, on the file alone.
"""
