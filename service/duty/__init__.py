"""How soon people must act, who is told when they don't, and how a shift ends.

A deadline is about what happened, not about when somebody looked: one that passed while the
service was down is kept with the time at which it passed. Nothing here changes an incident's
state: a breach is told, and people decide.
"""
