"""Which address a camera is connected to, put together with its login."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pipelines.address import Address, camera_address, registered_address, renewed_address
from pipelines.faults import BadAddressError
from pipelines.messages import Camera
from pipelines.sealing import SealError, host_of, key_pair, open_sealed
from pipelines.secrets import Secret

if TYPE_CHECKING:
    from pipelines.platforms import Platforms


class Addresses:
    """The addresses of a worker's cameras; any thread may ask."""

    def __init__(self, worker_key: Path | None, platforms: "Platforms") -> None:
        """Without a key the cameras are a file's, whose addresses hold their logins themselves.

        Raises ``KeyFileError``.
        """
        self._keys = None if worker_key is None else [key_pair(worker_key)]
        self._platforms = platforms

    def of(self, camera: Camera) -> Address:
        """Return the registered one. Raises ``SourceError`` or ``SealError``."""
        if self._keys is None:
            return _in_file(camera)
        return registered_address(camera.url, _login(self._keys, camera, camera.url))

    def renewed(self, camera: Camera) -> Address | None:
        """Return another from its platform, if it has one here. Raises ``SourceError``."""
        url = self._platforms.fresh_url(camera)
        if url is None:
            return None
        try:
            login = _login(self._keys or (), camera, url)
        except SealError:  # given for another host: this one doesn't get it
            login = None
        return renewed_address(url, camera.upstream or "", login)


def _login(keys: Sequence[X25519PrivateKey], camera: Camera, url: str) -> tuple[str, Secret] | None:
    sealed = camera.sealed_credentials
    return None if sealed is None else open_sealed(keys, sealed, camera.camera_id, host_of(url))


def _in_file(camera: Camera) -> Address:
    try:
        return camera_address(camera.url)
    except BadAddressError as error:
        raise BadAddressError(f"{camera.camera_id}: {error.where}", error.what) from None
