"""Seals what cameras are logged in to with, for the workers alone."""

from collections.abc import Iterable
from pathlib import Path

from pipelines.sealing import MAX_LOGIN_CHARS, SealError, key_pair, public_key, seal
from pipelines.secrets import Secret
from service.cameras.errors import CredentialsRefusedError
from service.refusals import Refusal

SUFFIX = ".pub"


class Sealer:
    """Holds the workers' public key. There is nothing here that could open again."""

    def __init__(self, public_path: Path) -> None:
        """Make the key's both halves if neither is there. Raises ``KeyFileError``."""
        private_path = public_path.with_name(public_path.name.removesuffix(SUFFIX))
        if not public_path.exists() and public_path.name.endswith(SUFFIX):
            key_pair(private_path)
        self._key = public_key(public_path)

    def seal(self, camera_id: str, hosts: Iterable[str], user: str, password: Secret) -> str:
        """Return a camera's credentials, sealed and bound to its hosts.

        Raises ``CredentialsRefusedError`` for what a worker couldn't log in with.
        """
        try:
            return seal(self._key, camera_id, hosts, user, password)
        except SealError as error:
            raise CredentialsRefusedError(
                str(error), Refusal.CREDENTIALS_REFUSED, most=MAX_LOGIN_CHARS
            ) from None
