"""Files that are written whole or not at all, for nobody but their owner."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to; what was there stays until all of it is on the disk.

    An ``OSError`` names the file that was meant, not the part that is written first.
    """
    with _named(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
            try:
                yield part
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(path)
            finally:
                Path(part.name).unlink(missing_ok=True)  # once renamed it is gone anyway


def require_writable(path: Path) -> None:
    """Raise ``OSError`` if a file can't be written there; leaves what is there as it is."""
    with _named(path), NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
