"""An RTSP client of our own: one pinned connection, no redirect, nothing unbounded.

FFmpeg follows a camera's redirect to any host and answers it with the camera's password, and wakes
for every packet. This client connects to the address that was checked and to no other, keeps the
login to itself, reads in bursts, and skips what isn't decoded without copying it.
"""
