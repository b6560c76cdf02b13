"""Drills 演练: drawn cameras with exact ground truth, served as real RTSP, all the way to an order.

What drills show is the path. Quality is judged on pictures that the code never saw.
"""
