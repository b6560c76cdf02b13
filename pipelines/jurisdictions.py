"""Where the cameras of a place may be, inside what the installation allows: a TOML file.

```toml
"654300" = ["10.43.0.0/16"]
"654301002" = ["10.43.8.0/24", "10.43.9.0/24"]   # not 10.43.0.0/16: the nearest line counts alone
"0" = []                                         # no camera of places that no line is for
```

What the installation doesn't allow, no line allows. Without a line for "0" the places that no line
is for have all of the installation's. A camera whose place nobody says may be anyone's: it is not
connected to where there is such a file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pipelines.faults import PlaceUnknownError
from pipelines.messages import Camera
from pipelines.rtsp.networks import Networks, NetworksError, PlaceNetworks

MAX_BYTES: Final = 4 * 1024 * 1024
"""Some 60,000 places, more than have cameras."""

_CODE: Final = re.compile(
    r"0|(?:11|12|31|50)0000|(?!(?:11|12|31|50)..00)[0-9]{2}(?!00)[0-9]{4}"
    r"|(?:[0-9]{9}|[0-9]{12})(?<!000)|[0-9]{14,18}"
)
"""What service/places/codes.py takes, in any province. A line for a code that no place can have, a
province's or one filled up with zeros, would guard nothing."""

ROOT: Final = "0"
"""The place that is the whole installation."""

_AS: Final = 'write lines as "654300" = ["10.43.0.0/16"]'


@dataclass(frozen=True, slots=True)
class Jurisdictions:
    """The networks of places; none are written for any by default."""

    networks: Mapping[str, PlaceNetworks] = field(default_factory=dict)
    """By the code of the place."""

    def narrow(self, networks: Networks, camera: Camera) -> Networks:
        """Return an installation's networks with those that a camera's place narrows them to.

        Raises ``PlaceUnknownError``.
        """
        if not self.networks:
            return networks
        if camera.place[:1] != (ROOT,):
            what = "is not told from the root down" if camera.place else "is not known"
            raise PlaceUnknownError(
                camera.camera_id, f"its place {what}, and networks are allowed by place here"
            )
        listed = (self.networks[code] for code in reversed(camera.place) if code in self.networks)
        return replace(networks, of_place=next(listed, None))


NO_JURISDICTIONS: Final = Jurisdictions()
"""The installation's networks are everybody's."""


def read_jurisdictions(path: Path) -> Jurisdictions:
    """Return what a file says of places. Raises ``NetworksError``."""
    text = _read(path)
    try:
        lines = tomllib.loads(text.decode())
    except RecursionError as error:
        raise NetworksError(f"{path}: nested too deeply: {_AS}") from error
    except ValueError as error:
        raise NetworksError(f"{path}: {error}: {_AS}") from error
    if not lines:
        raise NetworksError(f"{path}: no place: {_AS}")
    return Jurisdictions({code: _networks(path, code, texts) for code, texts in lines.items()})


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NetworksError(f"{path}: {error.strerror}: name a file for --networks-of") from error
    if len(text) > MAX_BYTES:
        raise NetworksError(f"{path}: larger than {MAX_BYTES} bytes: name places, not cameras")
    return text


def _networks(path: Path, code: str, texts: Any) -> PlaceNetworks:
    where = f"{path}: place {code[:40]!r}"
    if not _CODE.fullmatch(code):
        raise NetworksError(f"{where}: no place has this code: write it as the console shows it")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise NetworksError(f'{where}: write its networks as a list: ["10.43.0.0/16"]')
    try:
        return PlaceNetworks(code=code, allowed=Networks.parse(texts).allowed)
    except NetworksError as error:
        raise NetworksError(f"{where}: {error}") from None
