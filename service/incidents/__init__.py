"""Alerts become incidents: taken from Redis, merged, stored and confirmed.

``consumer`` reads and confirms, ``store`` writes, ``merge`` decides and is pure, ``views`` is what
clients are shown, ``routes`` shows it. Whatever happens to an incident is a step through
``changing``, as ``lifecycle`` allows it; ``actions`` are those of people. Absent: any step that
history doesn't tell, any alert that changes what a person decided, and any way to join vehicles of
two cameras or zones.
"""
