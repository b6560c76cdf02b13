"""Alerts become incidents: taken from Redis, merged, stored and confirmed.

``consumer`` reads and confirms, ``store`` writes, ``merge`` decides and is pure, ``views`` is what
clients are shown, ``routes`` shows it. Absent: any way for a real alert to make an order.
"""
