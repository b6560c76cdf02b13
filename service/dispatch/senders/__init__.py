"""How each kind of target is spoken to.

- A sender gets one order and returns, or raises ``SendError``, within its time limits.
- It sends words and numbers only: no picture, nothing that leads to one, nothing about people.
- It connects to the address that was checked, follows nobody elsewhere, and shows no secret.
"""
