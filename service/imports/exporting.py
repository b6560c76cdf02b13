"""A file from the service, written whole or not at all, and for its owner alone."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from service.imports.client import Service

FILTERS: Final = {
    "q": "part of the name or of the GB/T 28181 id",
    "place": "code of a place: there and below",
    "programme": "xueliang, tianwang or other",
    "state": "watching, connecting, fault, unwatched or disabled",
    "place_type": "kind of place",
    "upstream": "the platform or switch, exactly",
    "hazard": "one that is looked for",
    "fault": "a fault's code",
    "probe": "never, good, fault or advice",
    "substream": "yes, no or found",
    "zones": "yes or no",
    "import_id": "cameras of that import",
}
"""The list's."""


def export(service: Service, out: Path, params: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Write the cameras of the list's filters."""
    written = download(service, f"/api/cameras/export{out.suffix.lower()}", params, out)
    return f"{out}: {written} bytes", {"file": str(out), "bytes": written}


def download(service: Service, path: str, params: Mapping[str, str], out: Path) -> int:
    """Write a file of the service; returns its bytes. What was there stays until all has come."""
    with (
        NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as part,
        ExitStack() as stack,
    ):
        stack.callback(Path(part.name).unlink, missing_ok=True)  # once renamed it is gone anyway
        with service.streamed(path, params) as pieces:
            for piece in pieces:
                part.write(piece)
        part.flush()
        os.fsync(part.fileno())
        Path(part.name).replace(out)  # the temporary file is its owner's alone: 0600
        return part.tell()
