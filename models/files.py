"""Reading files that somebody names: plain ones, of a known size, and no pipe that never ends."""

import stat
from pathlib import Path


class FileError(Exception):
    """The file can't be read. The text says why."""


class TooLargeError(FileError):
    """The file has more bytes than are read."""


def read_file(path: Path, limit_bytes: int) -> bytes:
    """Return a file's content. Raises ``FileError``."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileError("it is no plain file")
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except OSError as error:
        raise FileError(error.strerror) from error
    except ValueError as error:  # a NUL in its name
        raise FileError("no file can have this name") from error
    if len(content) > limit_bytes:
        raise TooLargeError(f"it is larger than {limit_bytes} bytes")
    return content
