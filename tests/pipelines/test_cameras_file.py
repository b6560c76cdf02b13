from pathlib import Path

import pytest

from pipelines.cameras_file import (
    HIGHEST_THRESHOLD,
    SCORED,
    CamerasFileError,
    read_cameras,
)
from service.cameras import drawn
from vision.hazards import Hazard

GOOD = """
[[cameras]]
camera_id = "gate-3"
url = "rtsp://user:password@127.0.0.1/live"
hazards = ["fire"]
[[cameras.zones]]
zone_id = "road"
polygon = [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0]]
"""


def test_a_file_names_cameras_hazards_and_zones(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(GOOD)
    (camera,) = read_cameras(tmp_path / "c.toml")
    assert (camera.camera_id, camera.hazards) == ("gate-3", (Hazard.FIRE,))
    assert camera.zones[0].polygon[2] == (0.9, 1.0)
    assert camera.place == ()


def test_a_file_may_say_where_a_camera_is(tmp_path: Path) -> None:
    placed = GOOD.replace("[[cameras.zones]]", 'place = ["0", "654300"]\n[[cameras.zones]]')
    (tmp_path / "c.toml").write_text(placed)
    (camera,) = read_cameras(tmp_path / "c.toml")
    assert camera.place == ("0", "654300")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("camera_id", "id", "unknown field `id`"),
        ('["fire"]', '["person"]', "person"),
        ('"gate-3"', '"drill-3"', "are drills'"),
        ('hazards = ["fire"]', 'sealed_credentials = "x"', "credentials go into the url"),
        ('hazards = ["fire"]', "hazards = " + "[" * 5000, "nested too deeply"),
        ('hazards = ["fire"]', "drill = true", "drill"),
        ("[[0.1, 0.5], ", "[[7, 0.5], ", "polygon"),
        ('hazards = ["fire"]', 'place = "654300"', "place"),
        ('hazards = ["fire"]', 'place = ["town"]', "place"),
        ('hazards = ["fire"]', f"place = {['0'] * 9}", "place"),
        ('hazards = ["fire"]', "hazards = []", "gate-3: hazards is empty, so nothing would be"),
        (
            'hazards = ["fire"]',
            "thresholds = {fire = 1.0}",
            "so fire would never be told: give 0.99",
        ),
        (
            'hazards = ["fire"]',
            "thresholds = {smoke = 0.991}",
            "no score reaches a threshold of 0.991",
        ),
        ('hazards = ["fire"]', "thresholds = {wrong_way = 0.5}", "only: drop wrong_way"),
        ('hazards = ["fire"]', "thresholds = {fire = nan}", "thresholds"),
        ("[[cameras]]", "[[cameras]", "line 2"),
        (GOOD, "", "cameras"),
        (GOOD, "cameras = []", "name at least one"),
        (GOOD, GOOD + GOOD, "used twice: gate-3"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "c.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(CamerasFileError, match=words) as caught:
        read_cameras(tmp_path / "c.toml")
    assert "c.toml" in str(caught.value)


def test_a_file_takes_the_thresholds_that_the_registry_takes(tmp_path: Path) -> None:
    assert HIGHEST_THRESHOLD == drawn.HIGHEST_THRESHOLD
    assert set(SCORED) == set(drawn.ThresholdsIn.model_fields)
    thresholds = f"thresholds = {{fire = {HIGHEST_THRESHOLD}, smoke = 0.0, debris = 0.7}}"
    (tmp_path / "c.toml").write_text(GOOD.replace('hazards = ["fire"]', thresholds))
    (camera,) = read_cameras(tmp_path / "c.toml")
    assert camera.thresholds[Hazard.FIRE] == HIGHEST_THRESHOLD


def test_a_file_that_isn_t_there(tmp_path: Path) -> None:
    with pytest.raises(CamerasFileError, match="No such file"):
        read_cameras(tmp_path / "none.toml")
