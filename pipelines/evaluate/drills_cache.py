"""What the rules were given in an earlier run of a drill play, kept so that rules can be replayed.

A file a play and seed, under the fingerprint of all code and weights that made its looks: a change
of a rule replays, a change of anything before the rules draws anew. Plays are drawn, so nothing
that a camera saw is ever in it.
"""

import hashlib
import io
import os
import pickle
import stat
import sys
import tempfile
import zlib
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeGuard

import cv2
import numpy as np

from pipelines.frames import FrameRef, Look

Recorded = tuple[tuple[int, Look | None], ...]
"""Each look with its millisecond of the play; ``None`` where the camera sent nothing."""

MAX_BYTES: Final = 4 << 30
"""Beyond, what was used longest ago goes."""

SUFFIX: Final = ".looks"
"""Of files that are ours: the folder may be anybody's, and hold more."""

DIGEST_BYTES: Final = 32

MAX_PLAY_BYTES: Final = 256 << 20
"""No play's looks are so many: a file that swells beyond isn't ours."""

REPOSITORY: Final = Path(__file__).parents[2]

MADE_BY: Final = (
    "vision",
    "pipelines/drills/plays",
    "pipelines/drills/catalogue.py",
    "pipelines/drills/scenes.py",
    "pipelines/evaluate/drills_cache.py",
    "pipelines/evaluate/drills_crew.py",
    "pipelines/evaluate/rehearsal.py",
    "pipelines/bursts.py",
    "pipelines/detection.py",
    "pipelines/eyes.py",
    "pipelines/flow.py",
    "pipelines/frames.py",
    "pipelines/masking.py",
    "pipelines/messages",
    "pipelines/rules/moment.py",
    "pipelines/seeing.py",
    "pipelines/voids.py",
    "pipelines/zones.py",
)
"""Code that looks depend on: everything before the rules."""

NUMPY_NAMES: Final = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
}


FOREIGN: Final = (
    zlib.error, pickle.UnpicklingError, EOFError, ArithmeticError, AssertionError, AttributeError,
    BufferError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What a whole file may raise that isn't ours, by what it asks the unpickler to put together."""


def fingerprint(pack_dir: Path, pack_sha256: str) -> str:
    """Return what stands for the code and the weights that make looks."""
    libraries = f"{np.__version__} {cv2.__version__} {version('onnxruntime')}"
    digest = hashlib.sha256(f"{pack_sha256} {libraries}".encode())
    digest.update((pack_dir / "pack.toml").read_bytes())  # its thresholds
    for name in MADE_BY:
        path = REPOSITORY / name
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(source.relative_to(REPOSITORY).as_posix().encode())
            digest.update(source.read_bytes() if source.is_file() else b"")
    return digest.hexdigest()[:16]


class KeptLooks:
    """A folder of recorded plays. Several processes may use it at once."""

    def __init__(self, folder: Path, made_by: str) -> None:
        """Raise ``OSError`` if the folder can't be made. ``made_by`` is a ``fingerprint``."""
        self._folder = folder / made_by
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def read(self, play: str, seed: int) -> Recorded | None:
        """Return what was kept; ``None`` if there is nothing, or nothing that can be used."""
        path = self._path(play, seed)
        kept = _plain_file(path)
        digest, body = kept[:DIGEST_BYTES], kept[DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None
        recorded = _unpacked(body)
        if recorded is not None:
            with suppress(OSError):  # another's folder is read all the same
                os.utime(path)  # what was used last goes last
        return recorded

    def write(self, play: str, seed: int, recorded: Recorded) -> None:
        """Keep it if there is room: whoever has none draws again."""
        body = zlib.compress(pickle.dumps(recorded, pickle.HIGHEST_PROTOCOL), 1)
        path = self._path(play, seed)
        part: Path | None = None
        try:
            # A name that nobody knows before, and made only where nothing is: no link is followed.
            handle, name = tempfile.mkstemp(prefix=f"{path.name}-part", dir=self._folder)
            part = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(body).digest() + body)
            part.replace(path)
        except OSError:
            with suppress(OSError):
                if part:
                    part.unlink(missing_ok=True)

    def _path(self, play: str, seed: int) -> Path:
        return self._folder / f"{play}-{seed}{SUFFIX}"


def trim(folder: Path, max_bytes: int = MAX_BYTES) -> None:
    """Remove what was used longest ago until the rest fits; touch nothing but looks."""
    files = []
    for path in folder.glob(f"*/*{SUFFIX}*"):
        with suppress(OSError):  # another process was faster
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and not path.parent.is_symlink():
                files.append((found.st_mtime, found.st_size, path))
    left = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if left <= max_bytes:
            break
        left -= size
        with suppress(OSError):  # gone already, or another's; or not the last of its code
            path.unlink(missing_ok=True)
            path.parent.rmdir()


def _plain_file(path: Path) -> bytes:
    """Return what is in a file of looks; nothing of what is no file, or larger than any play."""
    try:
        # No link is followed, and a pipe that somebody put there isn't waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_PLAY_BYTES:
            return b""
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    except OSError:
        return b""
    finally:
        os.close(handle)


def _unpacked(body: bytes) -> Recorded | None:
    """Return the looks; ``None`` if it is anything else, whole as it may be."""
    try:
        plain = zlib.decompressobj().decompress(body, MAX_PLAY_BYTES)
        found: object = _LooksAlone(io.BytesIO(plain)).load()
    except FOREIGN:
        return None
    return found if _is_recorded(found) else None


def _is_recorded(found: object) -> TypeGuard[Recorded]:
    return isinstance(found, tuple) and all(
        isinstance(one, tuple)
        and len(one) == 2
        and isinstance(one[0], int)
        and (one[1] is None or (isinstance(one[1], Look) and _is_whole(one[1])))
        for one in found
    )


def _is_whole(look: Look) -> bool:
    """Say whether a look has all its parts: what reads it never runs its constructor."""
    return all(hasattr(look, one.name) for one in fields(look)) and isinstance(look.ref, FrameRef)


class _LooksAlone(pickle.Unpickler):
    """Reads looks and what they are made of: a file that somebody put there runs no code."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in NUMPY_NAMES:
            return super().find_class(module, name)
        if module == "datetime" and name in {"datetime", "timedelta", "timezone"}:
            return {"datetime": datetime, "timedelta": timedelta, "timezone": timezone}[name]
        if module.startswith(("vision.", "pipelines.")):
            # Of what is here already, as all that looks are made of: a file imports nothing.
            found = getattr(sys.modules.get(module), name, None)
            if isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum)):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a look")
