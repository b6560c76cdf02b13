"""``fengsui bench``: what a camera costs here, beside what others would pay, in one run.

Invariants: every subject (the product, each baseline) is a process of its own, and what it costs is
what the kernel says of that process and its children; all of them read the same live streams of the
same server over TCP; the product runs as it is composed in a worker, without a flag that makes it
faster. Figures say how much they scatter. PyAV is imported by ``clips.py`` and ``baselines.py``
alone. Absent on purpose: anything that a worker imports, and any limit that fails a test.
"""
