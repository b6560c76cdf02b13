"""Where makers put a camera's substream, told from where its main stream is. Pure.

A guess: many cameras answer any address with the main stream, so one counts only when its pictures
were seen and are smaller (``substream.py``).
"""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from pipelines.secrets import SECRET_IN_PATH

MOST: Final = 4
"""Tries at one camera: some lock a login out after five that they refuse."""

_RULES: Final[tuple[tuple[str, str], ...]] = (
    # Hikvision: 101 is channel 1's main stream; before 2012 /1 and /2; and by names.
    (r"(/Streaming/(?:Unicast/)?channels/\d{1,3})01\b", r"\g<1>02"),
    (r"(/Streaming/(?:Unicast/)?channels/)1\Z", r"\g<1>2"),
    (r"(/(?:h264|h265|mpeg4)/ch\d{1,3}/)main\b", r"\g<1>sub"),
    # Dahua and who builds on it: Lechange, Amcrest, Imou.
    (r"(/cam/realmonitor\?.*\bsubtype=)0\b", r"\g<1>1"),
    (r"(/cam/realmonitor\?(?!.*\bsubtype=).*)\Z", r"\g<1>&subtype=1"),
    # Uniview.
    (r"(/unicast/c\d{1,3}/s)0\b", r"\g<1>1"),
    (r"(/media/video)1\b", r"\g<1>2"),
    # TP-Link: Tapo, Vigi.
    (r"(/stream)1\b", r"\g<1>2"),
    # Axis makes any size that it is asked for.
    (r"(/axis-media/media\.amp)\Z", r"\g<1>?resolution=640x360"),
    (r"(/axis-media/media\.amp\?.*\bresolution=)\d+x\d+", r"\g<1>640x360"),
    # Huawei, Reolink, Foscam, Vivotek.
    (r"(/LiveMedia/ch\d{1,3}/Media)1\b", r"\g<1>2"),
    (r"(/(?:h26[45])?Preview_\d\d_)main\b", r"\g<1>sub"),
    (r"(/video)Main\b", r"\g<1>Sub"),
    (r"(/live)\.sdp\Z", r"\g<1>2.sdp"),
    (r"(/live\d?s)1\.sdp\Z", r"\g<1>2.sdp"),
    # XM and HiSilicon's own firmware, Tiandy, and who copies them.
    (r"(/ch\d{1,3}_)0(\.(?:264|h264|sdp)|\Z)", r"\g<1>1\g<2>"),
    (r"(/av0_)0\b", r"\g<1>1"),
    (r"(\A/\d{1,3}/)1\Z", r"\g<1>2"),
    (r"(\A/1)1\Z", r"\g<1>2"),
    # Generic.
    (r"([?&_]stream(?:type)?=)(?:0|main)\b", r"\g<1>1"),
    (r"([/_-])main(?=[/_.-]|stream|\Z)", r"\g<1>sub"),
)
"""What stands in a path and query, and what in its place for the smaller stream; case aside."""


def guesses(url: str) -> tuple[str, ...]:
    """Return addresses at the same host and port that may be the substream, the likeliest first.

    None where the path itself holds a login: it would be repeated in what is told.
    """
    parts = urlsplit(url)
    if SECRET_IN_PATH.search(parts.path):
        return ()
    whole = parts.path + (f"?{parts.query}" if parts.query else "")
    found: dict[str, None] = {}
    for pattern, put in _RULES:
        other = re.sub(pattern, put, whole, count=1, flags=re.IGNORECASE)
        if other != whole:
            path, _, query = other.partition("?")
            found[urlunsplit((parts.scheme, parts.netloc, path, query, ""))] = None
    return tuple(found)[:MOST]
