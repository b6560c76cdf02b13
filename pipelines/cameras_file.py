"""A list of cameras in a TOML file, for a worker without a registry."""

import tomllib
from pathlib import Path

import msgspec

from pipelines.messages import Camera


class CamerasFileError(ValueError):
    """The file can't be used. The text names the file, the place in it and what is wrong."""


class _Entry(Camera, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cameras: tuple[_Entry, ...]


def read_cameras(path: Path) -> tuple[Camera, ...]:
    """Return the cameras of a file of ``[[cameras]]`` tables. Raises ``CamerasFileError``.

    A drill can't be named here: ``drill`` is no field of a camera.
    """
    try:
        cameras = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).cameras
    except OSError as error:
        raise CamerasFileError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise CamerasFileError(f"{path}: {error}") from error
    if not cameras:
        raise CamerasFileError(f"{path}: no [[cameras]]: name at least one")
    ids = [camera.camera_id for camera in cameras]
    twice = {one for one in ids if ids.count(one) > 1}
    if twice:
        raise CamerasFileError(f"{path}: camera_id used twice: {', '.join(sorted(twice))}")
    return cameras
