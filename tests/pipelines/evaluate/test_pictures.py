"""Files that are no pictures, or not what they say."""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.evaluate import pictures
from pipelines.evaluate.faults import LeftOutError
from pipelines.evaluate.pictures import MAX_PIXELS, picture_size, read_picture
from tests.pipelines.evaluate.sets import noise, write


def encoded(suffix: str, pixels: np.ndarray | None = None) -> bytes:
    _, content = cv2.imencode(suffix, noise(60, 90) if pixels is None else pixels)
    return content.tobytes()


def reason(path: Path) -> str:
    with pytest.raises(LeftOutError) as caught:
        read_picture(path)
    assert path.name in str(caught.value)
    assert len(str(caught.value)) > len(str(path)) + 20, "it says what to do"
    return caught.value.reason


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_the_header_says_the_size_of_every_format(suffix: str, tmp_path: Path) -> None:
    assert picture_size(encoded(suffix)) == (90, 60)
    path = write(tmp_path / f"a{suffix}", noise(60, 90))
    assert read_picture(path).shape == (60, 90, 3)


def test_lossy_and_extended_webp(tmp_path: Path) -> None:
    _, lossy = cv2.imencode(".webp", noise(60, 90), [cv2.IMWRITE_WEBP_QUALITY, 50])
    assert picture_size(lossy.tobytes()) == (90, 60)
    alpha = np.dstack([noise(60, 90), np.full((60, 90), 99, np.uint8)])
    assert picture_size(encoded(".webp", alpha)) == (90, 60)


def test_grey_and_sixteen_bits_become_bgr(tmp_path: Path) -> None:
    grey = write(tmp_path / "a.png", noise(60, 90)[..., 0])
    deep = write(tmp_path / "b.png", noise(60, 90).astype(np.uint16) * 256)
    assert read_picture(grey).shape == read_picture(deep).shape == (60, 90, 3)
    assert read_picture(deep).dtype == np.uint8


def test_a_huge_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures.cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    jpeg = bytearray(encoded(".jpg"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 8000, 16000)
    png = bytearray(encoded(".png"))
    png[16:24] = struct.pack(">II", 16000, 8000)
    for name, content in (("a.jpg", jpeg), ("a.png", png)):
        (tmp_path / name).write_bytes(content)
        assert reason(tmp_path / name) == "too_large"
    assert MAX_PIXELS < 16000 * 8000


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.jpg", b"", "empty_file"),
        ("text.jpg", b"no picture at all", "not_a_picture"),
        ("gif.png", b"GIF89a\x10\x00\x10\x00", "not_a_picture"),
        ("cut.jpg", encoded(".jpg")[:-400], "truncated"),
        ("cut.png", encoded(".png")[:-400], "truncated"),
        ("cut.bmp", encoded(".bmp")[:-400], "undecodable"),
        ("cut.webp", encoded(".webp")[:-400], "undecodable"),
        ("head.jpg", encoded(".jpg")[:3], "not_a_picture"),
        ("marker.jpg", b"\xff\xd8\xff\xe0\x00\x00" * 9, "not_a_picture"),
        ("tiny.png", encoded(".png", noise(1, 1)), "not_a_picture"),
    ],
)  # fmt: skip
def test_what_is_no_picture(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert reason(path) == expected


def test_a_preview_s_end_is_not_the_picture_s(tmp_path: Path) -> None:
    preview = encoded(".jpg", noise(16, 16))
    whole = encoded(".jpg")
    segment = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:2] + segment + whole[2:])
    assert read_picture(path).shape == (60, 90, 3)
    path.write_bytes((whole[:2] + segment + whole[2:])[:-400])
    assert reason(path) == "truncated"


def test_a_damaged_jpeg_is_refused_and_libjpeg_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = encoded(".jpg")
    middle = len(whole) // 2
    for name, content in {
        "zeros.jpg": whole[:middle] + bytes(len(whole) - middle - 2) + whole[-2:],
        "short.jpg": whole[:middle] + b"\xff\xd9",
        "bad.png": (png := encoded(".png"))[: len(png) // 2] + b"\7" * 90 + png[-400:],
    }.items():
        (tmp_path / name).write_bytes(content)
        assert reason(tmp_path / name) == "undecodable"
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


def test_padding_before_a_jpeg_s_end_harms_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = encoded(".jpg")
    (tmp_path / "a.jpg").write_bytes(whole[:-2] + bytes(40) + whole[-2:])
    assert read_picture(tmp_path / "a.jpg").shape == (60, 90, 3)
    assert capfd.readouterr().err == ""


def test_what_is_no_file(tmp_path: Path) -> None:
    folder, loop, pipe = tmp_path / "d.jpg", tmp_path / "l.jpg", tmp_path / "p.jpg"
    folder.mkdir()
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    assert reason(folder) == "directory"
    assert reason(loop) == "unreadable"
    assert reason(pipe) == "unreadable"
    assert reason(tmp_path / "gone.jpg") == "unreadable"
