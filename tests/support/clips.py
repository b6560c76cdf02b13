"""Small clips that tests encode: of few pictures, with sound that ends or begins elsewhere."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 8000


def write_clip(
    path: Path,
    times_s: list[float],
    *,
    sound_s: float = 0.0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write grey noise at these times, beside silence from 0 on for so long."""
    # The index comes first, so that a cut file can still be opened.
    index = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=index) as clip:
        silence = clip.add_stream("aac", rate=RATE) if sound_s else None
        video = clip.add_stream("libx264", rate=10, options=options or {"g": "10"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        for at in range(0, int(sound_s * RATE), 1024):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            sound.rate, sound.pts = RATE, at
            clip.mux(silence.encode(sound))
        if silence:
            clip.mux(silence.encode())
        for number, at_s in enumerate(times_s):
            pixels = np.random.default_rng(number).integers(0, 60, (48, 64, 3), dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24")
            picture.pts, picture.time_base = round(at_s * 1000), Fraction(1, 1000)
            clip.mux(video.encode(picture))
        clip.mux(video.encode())
    return path
