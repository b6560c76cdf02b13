"""How well a camera sees: what one picture shows of it, and how two pictures of it compare.

A ``Sight`` is some 4 kB and is kept in place of a picture. Nothing can be recognised in it: it
holds how bright, how detailed and how edged 96 cells of the picture are. The top and the bottom
eighth are left out of everything, because cameras write their clock there.

Figures below are of drawn places (three kinds, six of each, by day, dusk and night, with grain)
and, where they say so, of real cameras.
"""

import zlib
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, Int8, UInt8

from vision.arrays import Pixels

ROWS: Final = 6
"""Cells over the six eighths between the clocks."""

COLUMNS: Final = 16
"""Cells across: with ``ROWS``, a cell of a 16:9 picture is about as wide as high."""

_CELL_PX: Final = 16
"""Side of a cell in the working picture of 256x96: its finest detail is 2 px of a 512 px input,
which a good lens draws and a defocused one doesn't."""

_EDGE_PX: Final = 4
"""Side of an edge block in the working picture: sensor noise of 10 levels leaves 1 in its mean."""

_FEW_PX: Final = 12
"""Every so many rows and columns, a pixel is asked for its colour: 700 answers are enough."""

_EDGE_LEVELS: Final = 4.0
"""A difference of neighbouring blocks that counts half: above noise, below any kerb by night."""

_DARK_OFFSET: Final = 12.0
"""Added to a brightness before dividing by it: below it, levels are mostly rounding and noise."""

Cells = Float32[np.ndarray, "rows columns"]
"""One value a cell."""

Plane = Float32[np.ndarray, "h w"]
"""Brightness, 0-255."""

Smaller = Float32[np.ndarray, "less_h less_w"]
"""A plane of fewer, larger pixels."""

Edges = Float32[np.ndarray, "edge_rows edge_columns 2"]
"""As in a sight, 0-1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """What one picture says of the camera that took it."""

    digest: int
    """Of the pixels: the same only if the picture is the same, sensor noise included."""
    level: UInt8[np.ndarray, "rows columns"]
    """Brightness of each cell, 0-255."""
    brightest: float
    """Of the edge blocks, 0-255: a single lamp shows here."""
    tint: float
    """How far the middle pixel is from grey, in levels: below 2 is infrared."""
    fine: Cells
    """Detail of 2 px in each cell, as a share of its brightness, noise subtracted."""
    coarse: Cells
    """Detail of 8-16 px in each cell, likewise."""
    grain: float
    """Noise of the finest detail, in levels."""
    edges: Int8[np.ndarray, "edge_rows edge_columns 2"]
    """Direction of the edge in each block (its angle doubled, so that light on dark is as dark on
    light), times how clear it is, 127 at most."""


def sight(pixels: Pixels) -> Sight:
    """Return what a picture of any size says of its camera."""
    eighth = pixels.shape[0] // 8
    middle = pixels[eighth : pixels.shape[0] - eighth]
    grey = cv2.cvtColor(middle, cv2.COLOR_BGR2GRAY)
    size = (COLUMNS * _CELL_PX, ROWS * _CELL_PX)
    working = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    blocks = _shrunk(working, _EDGE_PX)
    level = _shrunk(blocks, _CELL_PX // _EDGE_PX)
    fine, coarse, grain = _detail(working)
    light = level + _DARK_OFFSET
    return Sight(
        digest=zlib.crc32(np.ascontiguousarray(grey).data),
        level=np.round(level).astype(np.uint8),
        brightest=float(blocks.max()),
        tint=_tint(middle),
        fine=fine / light,
        coarse=coarse / light,
        grain=grain,
        edges=_edges(blocks),
    )


def _shrunk(plane: Plane, factor: int) -> Smaller:
    rows, columns = plane.shape
    size = (columns // factor, rows // factor)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _band(plane: Plane) -> tuple[Plane, Smaller]:
    """Return what a plane shows beyond its half-sized self, and that."""
    half = _shrunk(plane, 2)
    size = (plane.shape[1], plane.shape[0])
    return plane - np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_LINEAR)), half


def _detail(working: Plane) -> tuple[Cells, Cells, float]:
    """Return fine detail, coarse detail and noise, all in levels."""
    finest, half = _band(working)
    middling, quarter = _band(half)
    coarsest, _ = _band(quarter)
    fine2, middle2, coarse2 = (
        np.asarray(cv2.resize(band * band, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA))
        for band in (finest, middling, coarsest)
    )
    # The quietest cells show noise alone. Halving the picture quarters its variance.
    noise2 = float(np.percentile(fine2, 15))
    fine = np.sqrt(np.maximum(fine2 - 1.3 * noise2, 0.0))
    coarse = np.sqrt(np.maximum(middle2 + coarse2 - 0.5 * noise2, 0.0))
    return fine.astype(np.float32), coarse.astype(np.float32), noise2**0.5


def _tint(middle: Pixels) -> float:
    few = middle[_FEW_PX // 2 :: _FEW_PX, _FEW_PX // 2 :: _FEW_PX].astype(np.int16)
    blue, green, red = few[..., 0], few[..., 1], few[..., 2]
    apart = np.abs(blue - green) + np.abs(red - green)
    return float(np.median(apart)) if apart.size else 0.0


def _edges(blocks: Plane) -> Int8[np.ndarray, "h w 2"]:
    across = cv2.Sobel(blocks, cv2.CV_32F, 1, 0, ksize=3, scale=0.25)
    down = cv2.Sobel(blocks, cv2.CV_32F, 0, 1, ksize=3, scale=0.25)
    square = across * across + down * down
    clear = square / (square + _EDGE_LEVELS**2) / np.maximum(square, 1e-6)
    doubled = np.stack([(across * across - down * down) * clear, 2 * across * down * clear], axis=2)
    return np.round(doubled * 127).astype(np.int8)


# --- one sight ---


def is_black(one: Sight) -> bool:
    """Say whether a picture is dark all over: a lamp or a shape is something to see."""
    return one.brightest < BLACK_LEVEL and edged_share(one) < EMPTY_SHARE


def is_blank(one: Sight) -> bool:
    """Say whether a picture shows one surface and nothing on it, whatever its brightness."""
    return edged_share(one) < EMPTY_SHARE


def edged_share(one: Sight) -> float:
    """Return the share of the cells in which there is an edge to see, 0-1."""
    return float((_edged(one) >= _EDGED).mean())


BLACK_LEVEL: Final = 28.0
"""No block of a black picture is brighter: a capped sensor's noise averages 3-11, the brightest
block of a night has 33 and more, that of a lamp of 4 px 32-58, as it lies on the blocks."""

EMPTY_SHARE: Final = 0.06
"""A wall's corner or a cloth's fold is no scene: 5 of 96 cells. Drawn scenes have 47 and more."""

_EDGED: Final = 0.08
"""Mean squared clearness of a cell's edges: one line of 10 levels across the cell."""


# --- two sights ---


def shared_edges(reference: Sight, now: Sight) -> float:
    """Return the share of the reference's edged cells whose edges are still there, 0-1.

    A lorry before half of the scene leaves half of the cells; another scene leaves 0.18 on average
    and 0.37 one time in twenty, the same one by another light 0.5 and more. A real marsh keeps 0.56
    from one quarter of an hour to the next, and 0.27 over six hours of moving shadows.
    """
    edged = _edged(reference) >= _EDGED
    count = int(edged.sum())
    return float((_alike(reference, now)[edged] >= _SAME_EDGES).sum() / count) if count else 1.0


_SAME_EDGES: Final = 0.4
"""Cosine of two cells' edges: unrelated cells reach it one time in five or six, those of one scene
by day and by night mostly."""


def hidden_share(reference: Sight, now: Sight) -> float:
    """Return the share of the reference's detailed cells in which nothing of it is seen, 0-1.

    Fog and defocus lower the detail, too, yet leave the edges where they were.
    """
    detailed = reference.coarse >= _DETAILED
    count = int(detailed.sum())
    if not count:
        return 0.0
    dull = now.coarse < _DULL * reference.coarse
    gone = _alike(reference, now) < _SAME_EDGES
    return float((detailed & dull & gone).sum() / count)


_DETAILED: Final = 0.03
"""Detail of a twentieth of the brightness and below is sky, tarmac or noise."""

_DULL: Final = 0.3
"""Left of a cell's detail: light and shade change it by half, a cloth to a tenth."""


def faded_share(reference: Sight, now: Sight) -> float:
    """Return the share of the reference's detailed cells that lost much detail, yet not all, 0-1.

    Fog fades what it hides (0.4 and more of the cells), a cover has a rim.
    """
    detailed = reference.coarse >= _DETAILED
    if not detailed.any():
        return 0.0
    left = now.coarse[detailed] / reference.coarse[detailed]
    return float(((left > _GONE) & (left < _FADED)).mean())


_GONE: Final = 0.12
"""Left of a cell's detail under a cloth: its own folds and noise."""

_FADED: Final = 0.5
"""Other light takes less."""


def bared_share(reference: Sight, now: Sight) -> float:
    """Return the share of the reference's edged cells in which there is no edge any more, 0-1."""
    edged = _edged(reference) >= _EDGED
    count = int(edged.sum())
    return float((_edged(now)[edged] < _EDGED).sum() / count) if count else 0.0


def likeness(reference: Sight, now: Sight) -> float:
    """Return how alike the edges of two pictures are as a whole, some -0.1 to 1.

    The mean of the share of cells that kept theirs and of the fit of all. Unrelated scenes have
    0.13 on average and 0.28 one time in twenty, one scene by another light 0.48 and more. A real
    marsh keeps 0.53 from one quarter of an hour to the next, and 0.27 over six hours.
    """
    one, other = (a.edges.astype(np.float32) / 127 for a in (reference, now))
    whole = max(float(np.sqrt((one * one).sum() * (other * other).sum())), 1e-3)
    return (shared_edges(reference, now) + float((one * other).sum()) / whole) / 2


def sharpness(reference: Sight, now: Sight) -> float:
    """Return how sharp a picture is against the reference: 1 as sharp, 0 nothing fine is left.

    It is the fine detail's share of the coarse: fog and night lower both alike, defocus the fine
    alone. By day, a blur of 2 px in a picture of 512 leaves 0.46-0.57, of 4 px 0.16-0.32.
    """
    detailed = reference.coarse >= _DETAILED
    if detailed.sum() < _FEWEST_CELLS:
        return 1.0
    left = np.minimum(now.coarse / np.maximum(reference.coarse, 1e-6), 1.0)
    due = reference.fine * left
    # Where fog or darkness leaves less than noise of the fine detail, its absence says nothing.
    noise = now.grain / (now.level.astype(np.float32) + _DARK_OFFSET)
    told = detailed & (due >= np.maximum(noise, _FINE))
    if told.sum() >= _FEWEST_CELLS:
        return float(np.median(now.fine[told] / due[told]))
    is_smooth = float(np.median(left[detailed])) < _SMOOTH
    return 0.0 if is_smooth and layout(reference, now) >= _SAME_LAYOUT else 1.0


_SMOOTH: Final = 0.5
"""A blur of 8 px of 512 leaves 0.2-0.4 of the coarse detail, and nothing to compare below it."""

_SAME_LAYOUT: Final = 0.97
"""That of a blur of 8 px. Fog that smooths so much lightens what is far: 0.92 nineteen times in
twenty. A blur of 14 px keeps less in a quarter of the places, and isn't told there."""

_FINE: Final = 0.01
"""Below a hundredth of the brightness there is rounding and what a codec leaves of noise."""

_FEWEST_CELLS: Final = 8
"""Fewer say nothing of the whole picture."""


def layout(reference: Sight, now: Sight) -> float:
    """Return how alike bright and dark lie in two pictures: 1 the same, 0 unrelated.

    It outlasts a defocus (0.97 and more at 8 px of 512, 0.91 at 14 px), not a cover.
    """
    one, other = (a.level.astype(np.float32).ravel() for a in (reference, now))
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / max(float(np.sqrt((one @ one) * (other @ other))), 1.0))


def is_elsewhere(reference: Sight, now: Sight) -> bool:
    """Say whether the reference's edges, shifted or turned, fit better than as they were."""
    one, other = (a.edges.astype(np.float32) / 127 for a in (reference, now))
    whole = max(float(np.sqrt((one * one).sum() * (other * other).sum())), 1e-3)
    here = float((one * other).sum()) / whole
    best = max(_best_shift(one, other), _best_turn(one, other)) / whole
    return best >= _FIT and best - here >= _GAIN


def _best_shift(one: Edges, other: Edges) -> float:
    """Return the largest product of two edge maps, one of them shifted."""
    size = (2 * one.shape[0], 2 * one.shape[1])  # padded, so that what leaves doesn't come back
    fits = np.zeros(size, np.float64)
    for k in range(2):
        first, second = np.fft.rfft2(one[..., k], size), np.fft.rfft2(other[..., k], size)
        fits += np.fft.irfft2(second * np.conj(first), size)
    near = _SHIFT_BLOCKS
    fits[:near, :near] = fits[:near, 1 - near :] = -1.0
    fits[1 - near :, :near] = fits[1 - near :, 1 - near :] = -1.0
    return float(fits.max())


def _best_turn(one: Edges, other: Edges) -> float:
    """Return the largest product of two edge maps, one of them turned about its middle."""
    rows, columns = one.shape[:2]
    best = -1.0
    for degrees in _TURNS_DEG:
        turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), degrees, 1.0)
        turned = cv2.warpAffine(one, turn, (columns, rows))
        twice = np.radians(-2.0 * degrees)  # rows run downwards, and angles are doubled
        cos, sin = float(np.cos(twice)), float(np.sin(twice))
        x, y = turned[..., 0], turned[..., 1]
        fit = (x * cos - y * sin) * other[..., 0] + (x * sin + y * cos) * other[..., 1]
        best = max(best, float(fit.sum()))
    return best


_TURNS_DEG: Final = (-14.0, -10.0, -6.0, 6.0, 10.0, 14.0)
"""A camera that was knocked or slips on its pole; edges bear 3 degrees of error. Beyond, it shows
another scene."""

_SHIFT_BLOCKS: Final = 2
"""A block is 8 px of 512. Wind sways a pole by one."""

_FIT: Final = 0.4
"""A shifted scene fits by 0.6 and more at 44 px, unrelated ones nowhere better than 0.35."""

_GAIN: Final = 0.15
"""Fences and windows repeat, yet fit best where they are: other light and blur never gain.
A shift of 16 px gains 0.27 and more, of 12 px 0.13; a turn of 8 degrees 0.14, of 5 too little for
four in ten."""


def blended(reference: Sight, now: Sight, share: float) -> Sight:
    """Return the reference moved by a share (0-1) towards a picture: what passes by is thinned.

    Fine detail only falls.
    """

    def mix(old: Mixed, new: Mixed) -> Float32[np.ndarray, "..."]:
        return np.asarray(old * (1 - share) + new * share, np.float32)

    return Sight(
        digest=now.digest,
        level=np.round(mix(reference.level, now.level)).astype(np.uint8),
        brightest=reference.brightest * (1 - share) + now.brightest * share,
        tint=reference.tint * (1 - share) + now.tint * share,
        # Rain draws finer than the scene is: without it, the scene must not seem blurred.
        fine=np.minimum(mix(reference.fine, now.fine), reference.fine),
        coarse=mix(reference.coarse, now.coarse),
        grain=reference.grain * (1 - share) + now.grain * share,
        edges=np.round(mix(reference.edges, now.edges)).astype(np.int8),
    )


Mixed = Float32[np.ndarray, "..."] | UInt8[np.ndarray, "..."] | Int8[np.ndarray, "..."]


def _edged(one: Sight) -> Cells:
    edges = one.edges.astype(np.float32) / 127
    return _shrunk((edges * edges).sum(axis=2), _CELL_PX // _EDGE_PX)


def _alike(reference: Sight, now: Sight) -> Cells:
    """Return for each cell how alike the edges are: the cosine, -1 to 1; 0 where none are."""
    one, other = (a.edges.astype(np.float32) / 127 for a in (reference, now))
    per = _CELL_PX // _EDGE_PX
    both = _shrunk((one * other).sum(axis=2), per)
    energy = np.sqrt(_edged(reference) * _edged(now))
    return np.asarray(both / np.maximum(energy, 1e-3), np.float32)
