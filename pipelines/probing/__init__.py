"""What a worker does when the service asks it to look at a stream once.

A probe connects to the camera's own address and to no other, ends within a time, and never keeps
the inference loop waiting. What it tells are figures. The one picture that it may make is a place
picture: of many looks, with nobody in it, one a camera and day, never a live frame.
"""
