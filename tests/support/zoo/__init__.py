"""The camera zoo: fake RTSP cameras on loopback, one for each bad habit.

``with ZOO["redirect"](speed=20) as camera:`` serves at ``camera.url``. RTSP over TCP only (RFC
2326, 10.12); blocking sockets and threads; every camera ends with its block, and none sends more
than 250 MB. Waiting times are divided by ``speed``; session time-outs are not.
"""

from tests.support.zoo import elsewhere_habits, media_habits, packet_habits, protocol_habits
from tests.support.zoo.camera import PASSWORD, USER, ZooCamera
from tests.support.zoo.media_habits import Habit
from tests.support.zoo.rtp import annex_b_to_rtp

ZOO: dict[str, Habit] = {
    **media_habits.HABITS,
    **packet_habits.HABITS,
    **protocol_habits.HABITS,
    **elsewhere_habits.HABITS,
}
"""Every camera by its habit: call one, with ``speed`` if it should be faster."""

__all__ = ["PASSWORD", "USER", "ZOO", "Habit", "ZooCamera", "annex_b_to_rtp"]
