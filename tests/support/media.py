"""Where third-party clips and pictures are; tests that need them skip where they are not."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared"
MEDIA = SHARED / "media"
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


def clip(name: str) -> Path:
    """A clip of ../shared/media."""
    return _there(MEDIA / name, "needs ../shared, which is not beside this clone")


def pictures(name: str) -> Path:
    """A folder of ../shared/data."""
    return _there(SHARED / "data" / name, "needs ../shared, which is not beside this clone")


def held_out_road() -> list[str]:
    """The stems of ../shared/data/road that no training saw; to know them anew takes 13 s."""
    return (REPOSITORY / "tests/models/held_out_road.txt").read_text("utf-8").split()


def vtest() -> Path:
    """Hazard-free street video of Debian's opencv-doc."""
    return _there(VTEST, "needs Debian's opencv-doc: run deploy/system-packages.sh as root")


def _there(path: Path, why_not: str) -> Path:
    if not path.exists():
        pytest.skip(why_not)
    return path
