"""Nobody and no vehicle can be seen on the page, and it needs nothing from elsewhere."""

import base64
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.packs import DEFAULT_PACK
from models.scoring import Found
from pipelines.evaluate import covered
from pipelines.evaluate.covered import CELLS_HIGH, FILL
from pipelines.evaluate.images import Judgement, Request, judge
from pipelines.evaluate.looker import Looker, Seen
from pipelines.evaluate.report import images_page
from tests.pipelines.evaluate.sets import CAR as CAR_LABEL
from tests.pipelines.evaluate.sets import LABELS, labelled, noise
from tests.support.browser import Faults, chromium
from vision.masker import MaskRegions

NAMES = [one.name for one in LABELS]
Box = tuple[float, float, float, float]
H, W = 400, 640
HAZARD = (0.35, 0.20, 0.70, 0.55)
"""Just under an eighth of the picture."""
LARGE = (0.1, 0.1, 0.9, 0.9)
PERSON = (0.60, 0.30, 0.70, 0.80)
CAR = (0.30, 0.45, 0.45, 0.70)


def line(name: str, box: Box) -> str:
    x0, y0, x1, y1 = box
    return f"{NAMES.index(name)} {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}"


def judged(tmp_path: Path) -> Judgement:
    text = "\n".join([line("fire", HAZARD), line("person", PERSON), line("car", CAR)])
    labelled(tmp_path, "<b>&", noise(H, W), text)
    request = Request(
        folder=tmp_path, negatives=None, names=",".join(NAMES), known=None, limit=None,
        pack_dir=DEFAULT_PACK,
    )  # fmt: skip
    return judge(request, lambda _: None, lambda *_: None)


def pictures(html: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    raw = [np.frombuffer(base64.b64decode(one), np.uint8) for one in found]
    return [cv2.imdecode(one, cv2.IMREAD_COLOR) for one in raw]


def part(picture: np.ndarray, box: Box) -> np.ndarray:
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = box
    return picture[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]


def is_filled(pixels: np.ndarray) -> bool:
    return int(np.abs(pixels.astype(int) - FILL).max()) <= 16  # JPEG's ringing


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the detector find nothing but what a test says: noise is people all over to it."""

    def set_(people: MaskRegions | None, *vehicles: Box) -> None:
        found = Found(
            boxes=np.array(vehicles, np.float32).reshape(-1, 4) * np.float32([W, H, W, H]),
            labels=np.full(len(vehicles), CAR_LABEL, np.int64),
            scores=np.full(len(vehicles), 0.11, np.float32),
        )
        monkeypatch.setattr(Looker, "__call__", lambda *_: Seen(found=found, people=people))

    return set_


def regions(*boxes: Box) -> MaskRegions:
    return MaskRegions(np.zeros(len(boxes), np.int64), np.array(boxes, np.float32).reshape(-1, 4))


def test_labelled_people_and_vehicles_are_filled_and_the_rest_is_coarse(
    tmp_path: Path, seen: Callable[..., None]
) -> None:
    seen(regions())
    html = images_page(judged(tmp_path), "set")
    (shown,) = pictures(html)
    assert html.count("<img") == 1 == html.count("data:") - html.count("img-src data:")
    assert shown.shape == (200, 320, 3)
    assert is_filled(part(shown, PERSON)), "the fill wins over the hazard's box"
    assert is_filled(part(shown, CAR))
    sharp, coarse = part(shown, (0.47, 0.25, 0.57, 0.50)), part(shown, (0.0, 0.0, 0.28, 1.0))
    assert sharp.std() > 25, "the hazard itself can be judged"
    heights = np.diff(np.nonzero(np.abs(np.diff(coarse.astype(int).mean(axis=(1, 2)))) > 1)[0])
    assert coarse.std() < 8
    assert heights.max() >= 200 / CELLS_HIGH - 12, "cells are a sixth of the picture high"


def test_before_jpeg_what_is_filled_is_one_colour() -> None:
    hidden = np.array([PERSON, CAR], np.float32)
    hazard = np.array(HAZARD, np.float32)
    result, left = covered._covered(noise(H, W), regions((0.35, 0.25, 0.42, 0.4)), hidden, hazard)
    assert 0.2 < left < 0.6
    for box in (PERSON, CAR, (0.35, 0.25, 0.42, 0.4)):
        assert (part(result, box) == FILL).all()
    outside = part(result, (0.8, 0.0, 1.0, 1.0))
    assert len(np.unique(outside.reshape(-1, 3), axis=0)) <= CELLS_HIGH * 4


def test_what_is_detected_is_filled(tmp_path: Path, seen: Callable[..., None]) -> None:
    somebody, vehicle = (0.46, 0.22, 0.51, 0.40), (0.52, 0.22, 0.57, 0.40)
    seen(regions(somebody), vehicle)
    (shown,) = pictures(images_page(judged(tmp_path), "set"))
    assert is_filled(part(shown, somebody))
    assert is_filled(part(shown, vehicle))


def test_without_a_masker_there_is_no_picture(tmp_path: Path, seen: Callable[..., None]) -> None:
    seen(None)
    html = images_page(judged(tmp_path), "set")
    assert pictures(html) == []
    assert "nobody can say where people are" in html


def test_a_picture_that_may_be_people_all_over_is_not_shown(
    tmp_path: Path, seen: Callable[..., None]
) -> None:
    seen(regions((0, 0, 1, 1)))
    html = images_page(judged(tmp_path), "set")
    assert pictures(html) == []
    assert "1 not shown: most of the box is filled" in html


def test_a_large_box_is_coarse() -> None:
    """A head of a tenth of the picture's height has three cells: nobody's."""
    result, left = covered._covered(
        noise(H, W), regions(), np.zeros((0, 4), np.float32), np.array(LARGE, np.float32)
    )
    x0, y0, x1, y1 = covered._window(np.array(LARGE, np.float32), W, H)
    rows = np.abs(np.diff(result[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].astype(int), axis=0))
    edges = np.nonzero(rows.any(axis=(1, 2)))[0]
    assert np.diff(edges).min() >= 0.8 * H / covered.CELLS - 1
    assert left == 1.0


def test_whatever_is_labelled_and_no_hazard_is_filled(
    tmp_path: Path, seen: Callable[..., None]
) -> None:
    seen(regions())
    x0, y0, x1, y1 = CAR
    text = f"0 .525 .375 .35 .35\n1 {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}"
    labelled(tmp_path, "a", noise(H, W), text)
    request = Request(
        folder=tmp_path, negatives=None, names="fire,helmet", known=None, limit=None,
        pack_dir=DEFAULT_PACK,
    )  # fmt: skip
    (shown,) = pictures(images_page(judge(request, lambda _: None, lambda *_: None), "set"))
    assert is_filled(part(shown, CAR))


def test_what_is_mostly_filled_makes_room_for_the_next(
    tmp_path: Path, seen: Callable[..., None]
) -> None:
    seen(regions())
    for number in range(16):
        text = line("fire", HAZARD) + (f"\n{line('car', HAZARD)}" if number < 3 else "")
        labelled(tmp_path, f"{number:02}", noise(90, 160, number), text)
    request = Request(
        folder=tmp_path, negatives=None, names=",".join(NAMES), known=None, limit=None,
        pack_dir=DEFAULT_PACK,
    )  # fmt: skip
    html = images_page(judge(request, lambda _: None, lambda *_: None), "set")
    assert len(pictures(html)) == 12
    assert "3 not shown" in html
    assert "未显示 3 张" in html


def test_the_page_warns_and_explains(tmp_path: Path, seen: Callable[..., None]) -> None:
    seen(regions())
    labelled(tmp_path, "bad", noise(), "x")
    html = images_page(judged(tmp_path), "set")
    for text in ("转交前请逐图检查", "before you pass the page on", "score, 0 to 1", "wrong boxes"):
        assert text in html
    assert "label_columns" in html, "why files were left out"
    assert not re.search(r"[0-9a-f]{13}", re.sub(r"base64,[^\"]+", "", html)), "a short SHA"


@pytest.mark.parametrize("width_px", [390, 1366])
def test_the_page_fits_a_telephone_and_a_desk(
    tmp_path: Path, seen: Callable[..., None], width_px: int
) -> None:
    seen(regions())
    html = images_page(judged(tmp_path), "/a/very/long/path/without/any/space" * 4)
    (tmp_path / "page.html").write_text(html, "utf-8")
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": width_px, "height": 800})
        faults = Faults("file:")
        faults.watch(tab)
        tab.goto((tmp_path / "page.html").as_uri())
        too_wide = (
            "() => [...document.querySelectorAll('section:first-of-type td, img, svg')]"
            ".some(one => one.getBoundingClientRect().right > innerWidth)"
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= width_px
        assert not tab.evaluate(too_wide)
        faults.none()


def test_no_more_than_a_quarter_is_sharp() -> None:
    for box in ((0.0, 0.0, 1.0, 1.0), (0.5, 0.0, 1.0, 0.9), (0.1, 0.1, 0.3, 0.2)):
        x0, y0, x1, y1 = covered._window(np.array(box, np.float32), 1000, 1000)
        assert (x1 - x0) * (y1 - y0) <= 250_000
        assert x0 >= box[0] * 1000 - 1
        assert x1 <= box[2] * 1000 + 1


def test_the_page_fetches_and_runs_nothing_and_escapes_names(tmp_path: Path) -> None:
    html = images_page(judged(tmp_path), "<script>alert(1)</script>")
    assert "default-src 'none'" in html
    assert not re.search(r"https?:|<script|javascript:|<link|@import|url\(", html)
    assert "<b>&" not in html
    assert html.index("烽燧评测报告") < html.index("Fengsui evaluation")
    assert 'name="viewport"' in html
