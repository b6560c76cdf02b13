import pytest

from pipelines.cameras_file import DRILL_PREFIX
from pipelines.drills.scenes import SCENES
from pipelines.drills.server import camera_id
from pipelines.drills.worker_process import require_drills
from pipelines.messages import Camera


def camera(name: str, host: str) -> Camera:
    return Camera(camera_id=name, url=f"rtsp://{host}:8554/street_fire")


def test_every_scene_is_named_as_a_drill() -> None:
    assert all(camera_id(scene).startswith(DRILL_PREFIX) for scene in SCENES.values())
    require_drills([camera("drill-street-fire", "127.0.0.1"), camera("drill-x", "[::1]")])


@pytest.mark.parametrize(
    ("name", "host", "said"),
    [
        ("village-7", "127.0.0.1", "begins with drill-"),  # a real camera's relay on this machine
        ("drill-street-fire", "192.0.2.7", "served on this machine"),
        ("drill-street-fire", "127.0.0.1@192.0.2.7", "served on this machine"),
    ],
)
def test_what_is_not_a_drill_is_refused(name: str, host: str, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        require_drills([camera("drill-x", "127.0.0.1"), camera(name, host)])
