"""The one login of a camera, wherever in a request it stands, and the hosts it is good for."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.sealing import SealError, host_of, sealed_hosts
from pipelines.secrets import Secret
from service.cameras.addresses import StreamAddress
from service.cameras.errors import CredentialsNeededError, TwoLoginsError
from service.cameras.models import CameraLogin


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a camera asks for."""

    user: str
    """Its account."""
    password: Secret
    """That account's."""


def login_of(given: CameraLogin | None, addresses: Iterable[StreamAddress | None]) -> Login | None:
    """Return the login that a request names. Raises ``TwoLoginsError``."""
    found = [
        Login(user=one.user, password=one.password)
        for one in addresses
        if one is not None and one.user is not None and one.password is not None
    ]
    if given is not None:
        found.append(Login(user=given.user, password=given.password))
    if any(one != found[0] for one in found):
        raise TwoLoginsError
    return found[0] if found else None


def hosts_of(urls: Iterable[str | None]) -> list[str]:
    """Return the hosts of a camera's addresses."""
    return [host_of(url) for url in urls if url is not None]


def require_bound(sealed: str | None, hosts: Iterable[str]) -> None:
    """Raise ``CredentialsNeededError`` if there are credentials and they aren't for these hosts.

    Otherwise whoever may edit addresses could have a password sent to a machine of their own.
    """
    if sealed is None:
        return
    try:
        bound = set(sealed_hosts(sealed))
    except SealError:
        raise CredentialsNeededError from None
    if not set(hosts) <= bound:
        raise CredentialsNeededError
