"""``fengsui plan``: the cores, memory, network and servers that an estate needs.

Invariants: every figure of a stream comes from a file that ``fengsui bench --json`` printed, and is
shown with its date, machine and command; low and high are the bench's own lowest and highest,
carried through. ``measured.json`` is what the product ships with, from another machine than the
reader's. Absent on purpose: prices, and figures that nobody measured (what is not included is
listed).
"""
