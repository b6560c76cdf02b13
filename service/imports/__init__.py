"""Files of cameras: read, checked row by row, committed, written again with what was found.

- What reads, checks and writes files knows no database, network or clock: ``known.py`` says what
  it asks, ``registered.py`` answers. So ``fengsui cameras import --dry-run`` needs no service.
- Memory is bounded by the limits in ``rows.py``, whatever a file claims.
- Logins leave a row where it's checked: they stand in ``Checked.login`` and in no cell.
- Every transaction is short, an alert may wait behind it; a replica works on one import at a time.
"""
