"""Drawn places and hazards: for training, for drills, for tests.

Pure: everything comes from a ``numpy.random.Generator`` and a time in seconds; no file, clock or
network is touched. Nobody is in a still or a training picture;
``people`` draws them for plays in which nothing may alarm, and for the masker's known answers.
"""

from vision.drawing.stills import draw_still

__all__ = ["draw_still"]
