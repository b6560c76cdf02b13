"""Files of cameras: read, checked row by row, written again with what was found.

Pure: no database, no network, no clock. Memory is bounded by the limits in ``rows.py``, whatever a
file claims. Logins leave a row where it's checked: they stand in ``Checked.login`` and in no cell.
"""
