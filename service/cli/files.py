"""Files that are written whole or not at all, for nobody but their owner."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to; what was there stays until all of it is on the disk."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        try:
            yield part
            part.flush()
            os.fsync(part.fileno())
            Path(part.name).replace(path)
        finally:
            Path(part.name).unlink(missing_ok=True)  # once renamed it is gone anyway
