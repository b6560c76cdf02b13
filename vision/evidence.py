"""The only maker of pictures that come from cameras, and they show a hazard and nobody.

Two kinds and no others: ``Evidence`` of a hazard, and the ``PlacePicture`` that zones are drawn on.
Nobody else can make one, whoever writes files, messages or pages takes nothing else, and both are
masked from the first pixel on:

- sharp is the hazard's box alone, a quarter of the picture at most; all else is a mosaic;
- people are filled opaque, by the pinned masker's regions of this frame and of those about it, and
  by a second look of its own at what stays sharp;
- vehicles are coarse wherever they are, and filled where one is the hazard;
- what is private was black before it came here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, final

import cv2
import numpy as np
from jaxtyping import Float32

from vision.arrays import Boxes, Pixels
from vision.covering import (
    PEOPLE_FILL,
    Box,
    Cover,
    cell_px_for,
    drawn,
    sharp_part,
    window_of,
    without_plates,
)
from vision.detector import Detector, DetectorError
from vision.hazards import Hazard
from vision.letterbox import PAD_VALUE, fit
from vision.masker import NO_BOXES, MaskRegions, Part, apart, filled, placed
from vision.mosaic import (
    even_size_px,
    median_but,
    pixel_box,
    resized,
    tiled,
)

LONGEST_PX: Final = 640
"""No side is longer: at a road's distance a face has four pixels then."""

KEPT_FRAMES: Final = 3
"""Somebody is covered for so many frames after he was last found, and before he was first."""

WITH_LIGHT: Final = frozenset({Hazard.FIRE, Hazard.SMOKE})
"""Flames and plumes are weakly taken for people; a mosaic shows them and no one."""

STRIP_FRAMES: Final = 4
"""Of a filmstrip: two by two, so that it is no wider than a still."""

JPEG: Final = (
    *(cv2.IMWRITE_JPEG_QUALITY, 85),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
"""Colours of half the size would run from a cell into the next."""

PLACE_FRAMES: Final = 15
"""Of a place picture, at least: who stands still for a look or two isn't in the median."""

PLACE_TILES: Final = tuple(
    (left, top, left + 0.3, top + 0.4) for top in (0.0, 0.3, 0.6) for left in (0.0, 0.23, 0.47, 0.7)
)
"""All of it stays sharp, so all of it is looked at again, in parts that overlap: who is a twentieth
of the picture tall has an eighth of a part's height."""

_KEY: Final = object()
"""What only this module has."""


class EvidenceError(Exception):
    """There is no picture, and this is why. ``absence`` is the reason's word on the wire."""

    def __init__(self, absence: str, text: str) -> None:
        super().__init__(text)
        self.absence = absence


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFrame:
    """A frame of a burst, in memory. It is shown to nobody and written nowhere."""

    pixels: Pixels
    """BGR, of any size; what is private is black."""
    regions: MaskRegions | None
    """Where people are in the batch in which it was looked at; ``None``: the masker can't say."""
    picture: int
    """Which of that batch's it is."""
    vehicles: Boxes
    """Those that were found, 0-1."""
    at_s: float
    """When, in seconds of any clock."""

    def __repr__(self) -> str:
        return "EvidenceFrame(...)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("unmasked pictures stay in the worker's memory: they can't be pickled")


class _Masked:
    """Masked pictures. Made here alone; can't be pickled."""

    __slots__ = ("__pictures", "__times_s")

    def __init__(self, key: object, pictures: tuple[Pixels, ...], times_s: tuple[float, ...]):
        if key is not _KEY:
            raise TypeError("pictures of cameras are made by vision/evidence.py, and masked there")
        self.__pictures = pictures
        self.__times_s = times_s

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("masked pictures leave by their writers alone: they can't be pickled")

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height, both even."""
        height_px, width_px = self.__pictures[0].shape[:2]
        return width_px, height_px

    @property
    def times_s(self) -> tuple[float, ...]:
        """When each picture was taken, in seconds of the frames' clock; ascending."""
        return self.__times_s

    def jpeg(self) -> bytes:
        """Return the one picture as JPEG, with nothing beside it: no EXIF, no thumbnail.

        Raises ``ValueError`` where there are several.
        """
        if len(self.__pictures) != 1:
            raise ValueError("several pictures are a clip: give it to the clip writer")
        _, content = cv2.imencode(".jpg", self.__pictures[0], JPEG)
        return content.tobytes()

    def pictures(self) -> Iterator[Pixels]:
        """Return each picture, BGR; for the clip writer."""
        return iter(self.__pictures)


@final
class Evidence(_Masked):
    """A still, a filmstrip or a clip of a hazard: masked pictures, oldest first."""

    __slots__ = ()


@final
class PlacePicture(_Masked):
    """What stays in a place, for drawing zones on: nobody, nothing that moved."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a second look, at a part of a frame, says of it; boxes are shares of the frame."""

    people: Part
    vehicles: Boxes
    lights: Float32[np.ndarray, "l 4"]
    """Flames and smoke that it is sure of."""


class EvidenceMaker:
    """Makes evidence and place pictures. Not thread-safe: its masker isn't."""

    def __init__(self, masker: Detector) -> None:
        """Raise ``ValueError`` unless ``masker`` is the pinned one, made for covering."""
        if not (masker.masks and masker.covering):
            raise ValueError("pictures are covered by load_masker(covering=True), by nothing else")
        self._masker = masker
        self._light_from = np.array(
            [
                one.threshold if one.hazard in WITH_LIGHT else np.inf
                for one in masker.settings.labels
            ]
        )
        self._arena = np.empty((1, *masker.input_size_px, 3), np.uint8)

    def still(self, frames: Sequence[EvidenceFrame], box: Box | None, hazard: Hazard) -> Evidence:
        """Return the last frame masked; those before it lend what they know of people.

        ``box`` is the hazard's, 0-1. Of ``None``, of an empty one and of one outside the picture
        nothing is sharp. Raises ``EvidenceError``.
        """
        near = frames[-1 - KEPT_FRAMES :]
        (picture,) = self._masked(near, near[-1:], box, hazard)
        return Evidence(_KEY, (picture,), (near[-1].at_s,))

    def clip(self, frames: Sequence[EvidenceFrame], box: Box | None, hazard: Hazard) -> Evidence:
        """Return every frame masked, as ``still`` does. Raises ``EvidenceError``."""
        pictures = self._masked(frames, frames, box, hazard)
        return Evidence(_KEY, pictures, tuple(one.at_s for one in frames))

    def filmstrip(
        self, frames: Sequence[EvidenceFrame], box: Box | None, hazard: Hazard
    ) -> Evidence:
        """Return up to four frames as one picture, evenly chosen, from left to right and down.

        Raises ``EvidenceError``.
        """
        rows = np.linspace(0, len(frames) - 1, min(STRIP_FRAMES, len(frames))).round().astype(int)
        shown = [frames[row] for row in rows]
        strip = tiled(self._masked(frames, shown, box, hazard), LONGEST_PX)
        return Evidence(_KEY, (strip,), (frames[-1].at_s,))

    def place(self, frames: Sequence[EvidenceFrame]) -> PlacePicture:
        """Return what stays in a place: the median of looks, without whoever was in them.

        Where somebody was in most of the looks it is filled. Raises ``EvidenceError``.
        """
        if len(frames) < PLACE_FRAMES:
            raise EvidenceError("no_frames", f"a place picture needs {PLACE_FRAMES} looks")
        size_px = even_size_px(frames[-1].pixels, LONGEST_PX)
        small = [resized(one.pixels, size_px) for one in frames]
        who = [filled([_people(one)], size_px) for one in frames]
        median, hidden = median_but(np.stack(small), np.stack(who))
        seen = [self._seen(median, np.array(tile, np.float32)) for tile in PLACE_TILES]
        hidden |= filled([one.people for one in seen], size_px)
        vehicles = [*(one.vehicles for one in seen), *(one.vehicles for one in frames)]
        median[hidden] = PEOPLE_FILL
        result = without_plates(median, np.concatenate(vehicles))
        result[hidden] = PEOPLE_FILL
        return PlacePicture(_KEY, (result,), (frames[-1].at_s,))

    def _masked(
        self,
        frames: Sequence[EvidenceFrame],
        shown: Sequence[EvidenceFrame],
        box: Box | None,
        hazard: Hazard,
    ) -> tuple[Pixels, ...]:
        """Return those of the frames that are shown, masked and of one size."""
        if not shown:
            raise EvidenceError("no_frames", "there is no frame to make a picture of")
        sharp = sharp_part(box)
        size_px = even_size_px(shown[-1].pixels, LONGEST_PX)
        small = [resized(one.pixels, size_px) for one in shown]
        input_px = self._masker.input_size_px
        window = None if sharp is None else window_of(sharp, size_px, input_px)
        seen = [None if window is None else self._seen(one, window) for one in small]
        rows = [next(i for i, one in enumerate(frames) if one is frame) for frame in shown]
        again = dict(zip(rows, seen, strict=True))
        covers = [_cover(frames, row, again, hazard) for row in rows]
        cell_px = max(cell_px_for(cover, size_px) for cover in covers)
        return tuple(
            drawn(picture, cover, sharp, cell_px, hazard)
            for picture, cover in zip(small, covers, strict=True)
        )

    def _seen(self, picture: Pixels, window: Float32[np.ndarray, "4"]) -> _Seen:
        """Look again at a part of a picture, as large as the masker takes it."""
        height_px, width_px = picture.shape[:2]
        x0, y0, x1, y1 = pixel_box(window, height_px, width_px)
        input_box = fit((x1 - x0, y1 - y0), *self._masker.input_size_px)
        content_px = (input_box.content_height_px, input_box.content_width_px)
        self._arena[:] = PAD_VALUE
        self._arena[0, : content_px[0], : content_px[1]] = resized(
            picture[y0:y1, x0:x1], content_px
        )
        try:
            things, regions = self._masker.with_regions(self._arena, [input_box])
        except DetectorError as error:
            raise EvidenceError("masker_failed", f"the masker: {error}") from error
        whole = np.array([width_px, height_px] * 2, np.float32)
        cut = np.array([x0, y0, x1, y1], np.float32) / whole
        boxes = things.xyxy * np.tile(cut[2:] - cut[:2], 2) + np.tile(cut[:2], 2)
        return _Seen(
            people=(placed(regions, cut[None]), 0),
            vehicles=boxes[self._masker.is_vehicle[things.label]],
            lights=boxes[things.score >= self._light_from[things.label]],
        )


def _people(frame: EvidenceFrame) -> Part:
    if frame.regions is None:
        raise EvidenceError("no_masker", "in a frame nobody could say where people are")
    return frame.regions, frame.picture


def _cover(
    frames: Sequence[EvidenceFrame], row: int, again: dict[int, _Seen | None], hazard: Hazard
) -> Cover:
    """Return what is covered in one frame: what is found there, and just before and after."""
    near = range(max(0, row - KEPT_FRAMES), min(len(frames), row + KEPT_FRAMES + 1))
    seen = [one for one in map(again.get, near) if one is not None]
    people = [_people(frames[one]) for one in near] + [one.people for one in seen]
    vehicles = [frames[one].vehicles for one in near] + [one.vehicles for one in seen]
    here = again[row]
    lights = NO_BOXES if here is None or hazard not in WITH_LIGHT else here.lights
    # Of other hazards nobody is taken for a flame, however weakly he is seen.
    parted = [apart(part, lights) for part in people] if hazard in WITH_LIGHT else []
    return Cover(
        people=tuple(rest for rest, _ in parted) or tuple(people),
        lights=tuple(light for _, light in parted),
        vehicles=np.concatenate(vehicles),
    )
