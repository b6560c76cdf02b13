"""``fengsui eval``: how a pack does on the user's own labelled pictures and clips.

- Runs on one machine, offline; no worker imports it, so nothing of it can leave a worker.
- Writes files only where ``--report`` says. The page's pictures come from ``covered.py`` alone:
  people, vehicles and unknown labels filled, the rest a mosaic but for the hazard's box.
- People have no figure but how many labelled ones are covered: how many were detected is not
  known here either.
- Bad input is left out with a reason that names the file, and counted; never passed over.
"""
