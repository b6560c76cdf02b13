"""Pictures of cameras show the hazard and nobody."""

import io
import pickle
from collections.abc import Sequence
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from models.packs import load_masker
from tests.support.media import SHARED, held_out_road
from vision.arrays import Boxes, Pixels
from vision.covering import PEOPLE_FILL, VEHICLE_FILL, Box
from vision.detector import Detector, DetectorError
from vision.evidence import (
    KEPT_FRAMES,
    PLACE_FRAMES,
    Evidence,
    EvidenceError,
    EvidenceFrame,
    EvidenceMaker,
    PlacePicture,
)
from vision.hazards import OF_VEHICLES, Hazard
from vision.letterbox import PAD_VALUE, fit
from vision.masker import NO_BOXES, MaskRegions

BOX = (0.4, 0.4, 0.6, 0.6)
PERSON = 7
"""The sets' class."""
NOBODY = MaskRegions(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))


@pytest.fixture(scope="module")
def masker() -> Detector:
    return load_masker(covering=True)


@pytest.fixture(scope="module")
def maker(masker: Detector) -> EvidenceMaker:
    return EvidenceMaker(masker)


def noise(height_px: int = 360, width_px: int = 640, seed: int = 0) -> Pixels:
    """Return what no mosaic keeps anything of: each pixel by itself."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3))
    return np.asarray(pixels, np.uint8)


def person(*xyxy: float, score: float = 0.9) -> MaskRegions:
    return MaskRegions(
        np.zeros(1, np.int64), np.array([xyxy], np.float32), np.array([score], np.float32)
    )


def frame(
    pixels: Pixels,
    regions: MaskRegions | None = NOBODY,
    vehicles: Boxes = NO_BOXES,
    at_s: float = 0.0,
) -> EvidenceFrame:
    return EvidenceFrame(pixels=pixels, regions=regions, picture=0, vehicles=vehicles, at_s=at_s)


def shown(
    maker: EvidenceMaker,
    one: EvidenceFrame,
    box: Box | None = BOX,
    hazard: Hazard = Hazard.FIRE,
) -> Pixels:
    (picture,) = maker.still([one], box, hazard).pictures()
    return picture


def part(picture: Pixels, box: Sequence[float] | np.ndarray) -> Pixels:
    height_px, width_px = picture.shape[:2]
    x0, y0, x1, y1 = (np.array(box) * ([width_px, height_px] * 2)).round().astype(int)
    return picture[y0:y1, x0:x1]


def alike(one: Pixels, other: Pixels) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def cells(strip: Pixels) -> int:
    """Return how many different cells lie side by side in a mosaic's row."""
    return 1 + int((np.diff(strip[0].astype(int), axis=0) != 0).any(axis=1).sum())


def test_only_the_hazard_s_box_is_sharp(maker: EvidenceMaker) -> None:
    pixels = noise()
    picture = shown(maker, frame(pixels))
    assert alike(part(picture, BOX), part(pixels, BOX)) > 0.99
    for beside in ((0, 0, 1, 0.39), (0, 0.61, 1, 1), (0, 0, 0.39, 1), (0.61, 0, 1, 1)):
        assert alike(part(picture, beside), part(pixels, beside)) < 0.15
    assert cells(picture[:1]) <= 64


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.1, 0, 0.9, 1), (-1, -1, 3, 3), (0, 0.2, 1, 0.7)])
def test_a_quarter_is_sharp_at_most(maker: EvidenceMaker, box: Box) -> None:
    pixels = noise()
    picture = shown(maker, frame(pixels), box)
    same = (np.abs(picture.astype(int) - pixels) <= 1).all(axis=-1).mean()
    assert 0.1 < same <= 0.25  # in noise it takes a part for vehicles


@pytest.mark.parametrize(
    "box", [None, (0.5, 0.5, 0.5, 0.9), (0.6, 0.6, 0.4, 0.4), (1.2, 0.1, 1.5, 0.4), (np.nan,) * 4]
)
def test_without_a_box_inside_the_picture_nothing_is_sharp(
    maker: EvidenceMaker, box: Box | None
) -> None:
    pixels = noise()
    assert alike(shown(maker, frame(pixels), box), pixels) < 0.15


@pytest.mark.parametrize("size", [(1079, 1919), (3, 5), (2160, 200), (17, 641), (360, 640)])
def test_it_is_small_and_even_whatever_comes(maker: EvidenceMaker, size: tuple[int, int]) -> None:
    made = maker.still([frame(noise(*size))], BOX, Hazard.SMOKE)
    width_px, height_px = made.size_px
    assert max(made.size_px) <= 640
    assert width_px % 2 == height_px % 2 == 0
    decoded = cv2.imdecode(np.frombuffer(made.jpeg(), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (height_px, width_px, 3)


def test_people_are_filled_in_the_box_and_beside_it(maker: EvidenceMaker) -> None:
    inside, beside = (0.45, 0.45, 0.5, 0.55), (0.1, 0.2, 0.15, 0.5)
    for where in (inside, beside):
        picture = shown(maker, frame(noise(), person(*where)))
        assert (part(picture, where) == PEOPLE_FILL).all()
        assert not (picture == PEOPLE_FILL).all(axis=-1).mean() > 0.1


def test_no_cell_about_somebody_holds_anything_of_him(maker: EvidenceMaker) -> None:
    pixels = np.zeros((360, 640, 3), np.uint8)
    who = (0.11, 0.21, 0.14, 0.48)
    part(pixels, who)[:] = 255
    picture = shown(maker, frame(pixels, person(*who)))
    assert set(np.unique(picture[:200, :200])) <= {0, *range(60, 73)} | set(range(60))
    assert picture[:200, :200].max() <= max(PEOPLE_FILL)


def test_who_was_there_some_frames_ago_is_covered_still(maker: EvidenceMaker) -> None:
    who = (0.45, 0.45, 0.5, 0.55)
    assert KEPT_FRAMES >= 3  # "a few": six tenths of a second of a burst
    for since, is_covered in ((KEPT_FRAMES, True), (KEPT_FRAMES + 1, False)):
        frames = [frame(noise(), person(*who)), *[frame(noise())] * since]
        (picture,) = maker.still(frames, BOX, Hazard.FIRE).pictures()
        assert (part(picture, who) == PEOPLE_FILL).all() == is_covered
    later = [frame(noise(seed=row)) for row in range(KEPT_FRAMES)] + [frame(noise(), person(*who))]
    first = next(maker.clip(later, BOX, Hazard.FIRE).pictures())
    assert (part(first, who) == PEOPLE_FILL).all()


def test_a_tall_person_makes_the_mosaic_coarser(maker: EvidenceMaker) -> None:
    tall = shown(maker, frame(noise(), person(0.1, 0.0, 0.2, 0.9)))
    assert cells(tall[:1, 150:]) <= 640 / (0.9 * 360 / 6) + 2


def test_who_stands_right_before_the_camera_is_filled_unless_it_burns(maker: EvidenceMaker) -> None:
    """A weak find of most of the picture is a near fire's, but no rock's."""
    near = person(0.1, 0.0, 0.9, 1.0, score=0.19)
    for hazard, is_filled in ((Hazard.DEBRIS, True), (Hazard.FIRE, False)):
        picture = shown(maker, frame(noise(), near), hazard=hazard)
        assert (part(picture, BOX) == PEOPLE_FILL).all() == is_filled


def test_a_portrait_picture_has_no_more_cells_along_its_longer_side(maker: EvidenceMaker) -> None:
    picture = shown(maker, frame(noise(640, 360)))
    assert cells(picture[:, :1].transpose(1, 0, 2)) <= 64


def test_a_box_that_is_mostly_somebody_shows_nothing(maker: EvidenceMaker) -> None:
    picture = shown(maker, frame(noise(), person(0.4, 0.4, 0.52, 0.6)))
    assert (part(picture, BOX) == PEOPLE_FILL).all()


def test_vehicles_have_48_cells_at_most_and_none_where_they_are_the_hazard(
    maker: EvidenceMaker,
) -> None:
    car = np.array([[0.3, 0.3, 0.7, 0.7]], np.float32)
    box = (0.3, 0.35, 0.7, 0.65)
    picture = shown(maker, frame(noise(), vehicles=car), box)
    assert 8 < cells(part(picture, box)[10:11]) <= 48
    for hazard in OF_VEHICLES:
        picture = shown(maker, frame(noise(), vehicles=car), box, hazard)
        assert (part(picture, box)[2:-2, 2:-2] == VEHICLE_FILL).all()


def test_who_cannot_be_found_is_not_shown(
    maker: EvidenceMaker, masker: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EvidenceError) as none:
        maker.still([frame(noise(), None)], BOX, Hazard.FIRE)
    assert none.value.absence == "no_masker"
    with pytest.raises(EvidenceError) as earlier:
        maker.still([frame(noise(), None), frame(noise())], BOX, Hazard.FIRE)
    assert earlier.value.absence == "no_masker"
    with pytest.raises(EvidenceError) as nothing:
        maker.clip([], BOX, Hazard.FIRE)
    assert nothing.value.absence == "no_frames"

    def fails(*_: object) -> None:
        raise DetectorError("the network's output is not finite")

    monkeypatch.setattr(masker, "with_regions", fails)
    with pytest.raises(EvidenceError) as failed:
        maker.still([frame(noise())], BOX, Hazard.FIRE)
    assert failed.value.absence == "masker_failed"


def test_no_other_detector_covers_pictures() -> None:
    with pytest.raises(ValueError, match="covering"):
        EvidenceMaker(load_masker())


@pytest.mark.parametrize("kind", [Evidence, PlacePicture])
def test_nobody_else_makes_one_and_none_leaves_but_by_its_writer(
    maker: EvidenceMaker, kind: type[Evidence | PlacePicture]
) -> None:
    with pytest.raises(TypeError, match=r"vision/evidence\.py"):
        kind(object(), (noise(),), (0.0,))
    made = maker.still([frame(noise())], BOX, Hazard.FIRE)
    assert repr(made) == str(made) == "Evidence(...)"
    for one in (made, frame(noise())):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(one)
    assert repr(frame(noise())) == "EvidenceFrame(...)"
    assert not hasattr(made, "__dict__")


def test_a_jpeg_holds_a_picture_and_nothing_else(maker: EvidenceMaker) -> None:
    content = maker.still([frame(noise())], BOX, Hazard.FIRE).jpeg()
    assert content.startswith(b"\xff\xd8\xff\xe0")  # JFIF
    for application in range(0xE1, 0xF0):  # EXIF, thumbnails, colour profiles, comments
        assert bytes((0xFF, application)) not in content[:600]
    assert content.count(b"\xff\xd8\xff") == 1
    with pytest.raises(ValueError, match="clip"):
        maker.clip([frame(noise()), frame(noise())], BOX, Hazard.FIRE).jpeg()


def test_a_clip_and_a_filmstrip_are_masked_frame_by_frame(maker: EvidenceMaker) -> None:
    frames = [frame(noise(seed=row), at_s=row / 5) for row in range(6)]
    clip = maker.clip(frames, BOX, Hazard.FIRE)
    assert clip.times_s == tuple(one.at_s for one in frames)
    for picture, one in zip(clip.pictures(), frames, strict=True):
        assert alike(part(picture, (0, 0, 1, 0.39)), part(one.pixels, (0, 0, 1, 0.39))) < 0.15
        assert alike(part(picture, BOX), part(one.pixels, BOX)) > 0.99
    strip = maker.filmstrip(frames, BOX, Hazard.FIRE)
    assert max(strip.size_px) <= 640
    assert strip.jpeg()
    assert maker.filmstrip(frames[:1], BOX, Hazard.FIRE).size_px == (640, 360)


def test_frames_of_another_size_are_brought_to_the_last_one_s(maker: EvidenceMaker) -> None:
    clip = maker.clip([frame(noise()), frame(noise(288, 352))], BOX, Hazard.FIRE)
    assert {picture.shape for picture in clip.pictures()} == {(288, 352, 3)}


def test_a_place_picture_shows_neither_what_moves_nor_who_stands(maker: EvidenceMaker) -> None:
    ground = cv2.resize(noise(9, 16), (640, 360), interpolation=cv2.INTER_NEAREST)
    stands = (0.5, 0.3, 0.55, 0.5)
    looks = []
    for row in range(PLACE_FRAMES):
        pixels = ground.copy()
        pixels[100:160, 30 * row : 30 * row + 40] = (0, 0, 255)
        looks.append(frame(pixels, person(*stands)))
    (picture,) = maker.place(looks).pictures()
    still = np.ones(picture.shape[:2], np.bool_)
    still[90:200, 290:380] = False
    assert np.abs(picture[still].astype(int) - ground[still]).max() <= 2
    assert (part(picture, stands) == PEOPLE_FILL).all()
    with pytest.raises(EvidenceError, match="looks"):
        maker.place(looks[1:])
    with pytest.raises(EvidenceError):
        maker.place([replace(one, regions=None) for one in looks])


def _looked(masker: Detector, pixels: Pixels) -> EvidenceFrame:
    """Return a frame as the worker has it: with what one look at all of it says."""
    box = fit((pixels.shape[1], pixels.shape[0]), *masker.input_size_px)
    arena = np.full((1, *masker.input_size_px, 3), PAD_VALUE, np.uint8)
    content = (box.content_width_px, box.content_height_px)
    arena[0, : content[1], : content[0]] = cv2.resize(pixels, content, interpolation=cv2.INTER_AREA)
    things, regions = masker.with_regions(arena, [box])
    vehicles = things.xyxy[masker.is_vehicle[things.label]]
    return frame(pixels, regions, vehicles)


def test_labelled_people_in_the_box_are_filled(maker: EvidenceMaker) -> None:
    """On the pictures that the masker never saw; ``fengsui eval evidence`` on all of them."""
    if not (SHARED / "data" / "road").is_dir():
        pytest.skip("no ../shared/data/road here")
    masker, shares = load_masker(), []
    for stem in held_out_road():
        source = SHARED / "data" / "road"
        (path,) = (source / "images").glob(f"{stem}.*")
        pixels = cv2.imread(str(path))
        assert pixels is not None
        for line in (source / "labels" / f"{stem}.txt").read_text("utf-8").splitlines():
            label, x, y, width, height = map(float, line.split())
            if label == PERSON and max(width * pixels.shape[1], height * pixels.shape[0]) >= 32:
                box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                picture = shown(maker, _looked(masker, pixels), box)
                covered = (part(picture, np.clip(box, 0, 1)) == PEOPLE_FILL).all(axis=-1)
                shares.append(covered.mean())
    assert len(shares) == 81
    assert np.mean(np.array(shares) >= 0.9) >= 0.99


def test_a_fire_that_weakly_looks_like_somebody_can_be_seen(maker: EvidenceMaker) -> None:
    path = SHARED / "media" / "fire_street.mp4"
    if not path.is_file():
        pytest.skip("no ../shared/media here")
    with av.open(io.BytesIO(path.read_bytes()), mode="r") as container:
        pictures = container.decode(video=0)
        pixels = next(one for row, one in enumerate(pictures) if row == 100)
    box = (0.597, 0.304, 0.754, 0.902)
    picture = shown(maker, _looked(load_masker(), pixels.to_ndarray(format="bgr24")), box)
    flames = part(picture, box)
    assert not (flames == PEOPLE_FILL).all(axis=-1).any()
    assert (flames[:, :, 2] > 200).mean() > 0.2
