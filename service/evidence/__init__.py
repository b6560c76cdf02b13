"""Evidence: who may see an alert's pictures, how long they are kept, and that they go.

``taking`` notes what an alert brings, ``retention`` says how long it stays, ``holds`` keep it
longer, ``viewing`` shows it, ``expiry`` and ``keeper`` take it away, ``door`` is the only way to
the store, ``routes`` is how to ask. No picture leaves before the audit has its row; what is due is
not shown, whether or not it has been deleted yet. Of a ref the audit keeps only a hash. Absent: any
way to bring something back that is gone.
"""
