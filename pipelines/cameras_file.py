"""A list of cameras in a TOML file, for a worker without a registry."""

import tomllib
from pathlib import Path
from typing import Final

import msgspec

from pipelines.messages import Camera
from vision.hazards import Hazard

MAX_BYTES: Final = 16 * 1024 * 1024
"""Some fifty thousand cameras: more than one worker will ever watch."""

DRILL_PREFIX: Final = "drill-"
"""Drill cameras' names begin so; no other camera's does."""

HIGHEST_THRESHOLD: Final = 0.99
"""The registry's, too. No score reaches 1: a threshold there would switch a hazard off unseen."""

SCORED: Final = (Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS)
"""What a camera's thresholds hold for."""


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
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise CamerasFileError(f"{path}: larger than {MAX_BYTES} bytes: split it")
        cameras = msgspec.convert(tomllib.loads(text.decode()), _File).cameras
    except OSError as error:
        raise CamerasFileError(f"{path}: {error.strerror}") from error
    except RecursionError as error:
        raise CamerasFileError(f"{path}: nested too deeply") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise CamerasFileError(f"{path}: {error}") from error
    if not cameras:
        raise CamerasFileError(f"{path}: no [[cameras]]: name at least one")
    ids = [camera.camera_id for camera in cameras]
    twice = {one for one in ids if ids.count(one) > 1}
    for camera in cameras:
        fault = _fault(camera)
        if fault is not None:
            raise CamerasFileError(f"{path}: {camera.camera_id}: {fault}")
    if twice:
        raise CamerasFileError(f"{path}: camera_id used twice: {', '.join(sorted(twice))}")
    return cameras


def _fault(camera: Camera) -> str | None:
    """Return what a file may not say of a camera, if it does."""
    if camera.camera_id.startswith(DRILL_PREFIX):
        return f"names that begin with {DRILL_PREFIX} are drills'"
    if camera.sealed_credentials is not None:
        return "credentials go into the url here; sealed ones are the registry's"
    if not camera.hazards:
        return (
            "hazards is empty, so nothing would be watched for: name some, leave it out for the "
            "usual ones, or take the camera off the file"
        )
    unscored = sorted(camera.thresholds.keys() - set(SCORED))
    if unscored:
        return f"thresholds hold for {', '.join(SCORED)} only: drop {', '.join(unscored)}"
    for hazard, threshold in sorted(camera.thresholds.items()):
        if threshold > HIGHEST_THRESHOLD:
            return (
                f"no score reaches a threshold of {threshold:g}, so {hazard} would never be "
                f"told: give {HIGHEST_THRESHOLD} at most, or take it off the hazards"
            )
    return None
