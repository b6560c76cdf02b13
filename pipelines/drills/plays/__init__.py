"""Plays: drill scenes for every hazard, for what only looks like one, and for people.

A play says what is watched, where its zones lie, and from when to when a hazard is there. Its
``stage`` draws any moment of it. Nothing here is served: plays are looked at by evaluation.
"""
