"""Looks whether a smaller stream of a camera is really there: by DESCRIBE, then by its pictures."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pipelines import faults
from pipelines.address import Address
from pipelines.decoder import DecodeError, Decoder
from pipelines.messages import FoundBy, FoundStream
from pipelines.probing.scene import Scene, is_one_scene, scene_of
from pipelines.rtsp.connection import Connection
from pipelines.rtsp.networks import Networks
from pipelines.rtsp.session import Session

DESCRIBE_S: Final = 3.0
"""The main stream answered a moment ago."""

PICTURE_S: Final = 8.0
"""For its first keyframe, all in: twice the interval that substreams have by default."""

LEAST_S: Final = 0.2
"""No connection has less, though the time is over."""

SMALLER: Final = 0.5
"""Of the main stream's pixels, at most: less of a gain isn't worth another registration."""

SMALLEST_PX: Final = (320, 180)
"""Width and height, at least: the model sees 512x288, and too little is left of less."""

_INPUT_PX: Final = (288, 512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Where a smaller stream may be."""

    url: str
    """At the camera's own host and port, without a login."""
    found_by: FoundBy
    """Who says so."""


class Search:
    """Tries candidates of one camera, with its own login, at its own host and port."""

    def __init__(
        self,
        address: Callable[[str], Address],
        networks: Networks,
        stopping: threading.Event,
        ends_s: float,
    ) -> None:
        """``address`` gives what is opened for an address without login; it ends at ``ends_s``."""
        self._address, self._networks, self._stopping = address, networks, stopping
        self._ends_s = ends_s

    def first(self, candidates: Iterable[Candidate], main: Scene) -> FoundStream | None:
        """Return the first of the candidates that is there, and smaller than the main stream."""
        for one in candidates:
            if self._is_over(self._ends_s):
                return None
            try:
                found = self._looked_at(one, main)
            except faults.UnauthorizedError:
                return None  # a login that is refused here again may be locked out
            except faults.SourceError:
                continue
            if found is not None:
                return found
        return None

    def _looked_at(self, one: Candidate, main: Scene) -> FoundStream | None:
        address = self._address(one.url)
        Session(address, self._networks, self._at_most(DESCRIBE_S)).close()
        connection = Connection(address, self._networks, self._at_most(PICTURE_S))
        try:
            codec = connection.stream.codec
            scene = self._scene(connection, codec)
        finally:
            connection.close()
        if scene is None or not is_worth(scene.size_px, main.size_px[0] * main.size_px[1]):
            return None
        # Names that follow one another may be a recorder's channels.
        if one.found_by is FoundBy.NAMING and not is_one_scene(scene, main):
            return None
        return FoundStream(
            url=one.url,
            found_by=one.found_by,
            codec=codec,
            width_px=scene.size_px[0],
            height_px=scene.size_px[1],
        )

    def _is_over(self, ends_s: float) -> bool:
        return self._stopping.is_set() or time.monotonic() > ends_s

    def _at_most(self, longest_s: float) -> float:
        """Return so much time, or what is left."""
        return max(LEAST_S, min(longest_s, self._ends_s - time.monotonic()))

    def _scene(self, connection: Connection, codec: str) -> Scene | None:
        decoder, ends_s = Decoder(codec, _INPUT_PX), time.monotonic() + self._at_most(PICTURE_S)
        connection.assembler.keyframes_only = True

        def is_over() -> bool:
            return self._is_over(ends_s)

        for units in connection.units(PICTURE_S, is_over, self._stopping.wait):
            for unit in units:
                if is_over():
                    return None
                if unit.is_keyframe and unit.is_whole and unit.data:
                    try:
                        pictures = decoder.keyframe(unit.data)
                    except DecodeError:
                        continue
                    if pictures:
                        return scene_of(pictures[0])
        return None


def is_worth(size_px: tuple[int, int], main_px: int) -> bool:
    """Say whether a stream of this width and height would be watched instead of the main one."""
    width_px, height_px = max(size_px), min(size_px)
    is_large_enough = width_px >= SMALLEST_PX[0] and height_px >= SMALLEST_PX[1]
    return is_large_enough and width_px * height_px <= main_px * SMALLER
