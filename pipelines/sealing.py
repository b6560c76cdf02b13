"""A camera's user and password, sealed for the workers alone.

Whoever registers a camera seals with the public key and can't open again; a worker opens with the
private one. HPKE (RFC 9180, X25519, HKDF-SHA256, ChaCha20-Poly1305), bound to the camera's id and
to the hosts it was given for, and whether they are spoken to through TLS: a worker that is told
another address for the camera, be it by somebody who may edit addresses but doesn't know the
password, does not send it there, nor in clear where it was given for TLS.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv6Address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pipelines.secrets import Secret

VERSION: Final = "v1"
PORTS: Final = {"rtsp": 554, "rtsps": 322}
KEY_ID_CHARS: Final = 16
MAX_LOGIN_CHARS: Final = 256
"""Of a user, and of a password."""

MAX_SEALED_CHARS: Final = 4096
"""As the wire allows; the longest user and password take about 2,900."""

_BAD_USER: Final = re.compile(r'[":\x00-\x1f\x7f]')
"""A colon ends a user in Basic (RFC 7617, 2), a quotation mark ends it in Digest for whoever reads
no escapes, a line break ends the header."""

_HOST_NAME: Final = re.compile(r"[\w.-]+")
"""Narrow, so that no two readers of an address can find two hosts in it."""

_OUR_KEYS: Final = "name one that `fengsui worker` or `serve` made"

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_CONTEXT: Final = "fengsui camera credentials v1"


class SealError(ValueError):
    """Credentials can't be sealed or opened. The text says why, ``code`` labels the fault."""

    code = "credentials_unreadable"


class ElsewhereError(SealError):
    """They were given for another host: give them anew for this one."""

    code = "credentials_elsewhere"


class UnknownKeyError(SealError):
    """They were sealed for another key than this worker's."""

    code = "credentials_key"


class LoginCharactersError(SealError):
    """A camera would take the user or password for another."""

    code = "credentials_characters"


class KeyFileError(ValueError):
    """A key file can't be used. The text names it and says what to do."""


def host_of(url: str) -> str:
    """Return what credentials of an RTSP address are bound to. Raises ``SealError``.

    That is ``host:port``, or ``rtsps://host:port`` for one through TLS.
    """
    netloc = netloc_of(url)
    return f"rtsps://{netloc}" if urlsplit(url).scheme == "rtsps" else netloc


def netloc_of(url: str) -> str:
    """Return an RTSP address's ``host:port``, written in one way. Raises ``SealError``."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = PORTS.get(parts.scheme) if parts.port is None else parts.port
        if ":" in host:
            return f"[{IPv6Address(host)}]:{port}"
    except ValueError:
        raise SealError("the address can't be read: give rtsp://host:port/path") from None
    if not port or not _HOST_NAME.fullmatch(host):
        raise SealError("the address names no host: give rtsp://host:port/path")
    return f"{host}:{port}"


def require_usable(user: str, password: str) -> None:
    """Raise ``LoginCharactersError`` if a camera would take them for others."""
    if _BAD_USER.search(user) or "\0" in password:
        raise LoginCharactersError(
            'a user holds no ", no : and no control character, a password no NUL'
        )


def seal(
    public_key: X25519PublicKey,
    camera_id: str,
    hosts: Iterable[str],
    user: str,
    password: str | Secret,
) -> str:
    """Return ``v1.<key id>.<base64>``, which only the key's owner opens, for these hosts alone.

    ``hosts`` are as ``host_of`` gives them. Raises ``SealError``.
    """
    clear = password.reveal() if isinstance(password, Secret) else password
    if not 1 <= len(user) <= MAX_LOGIN_CHARS or len(clear) > MAX_LOGIN_CHARS:
        raise SealError(
            f"give a user of 1 to {MAX_LOGIN_CHARS} characters, a password of at most as many"
        )
    require_usable(user, clear)
    bound = json.dumps(sorted(set(hosts)), ensure_ascii=True).encode()
    try:
        inside = json.dumps([user, clear], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise SealError("user or password holds half a character: type it again") from None
    box = _SUITE.encrypt(inside, public_key, _info(camera_id, bound))
    body = base64.urlsafe_b64encode(len(bound).to_bytes(2) + bound + box).decode()
    sealed = f"{VERSION}.{key_id(public_key)}.{body}"
    if len(sealed) > MAX_SEALED_CHARS:
        raise SealError("too long: give fewer hosts or shorter names of them")
    return sealed


def open_sealed(
    private_keys: Sequence[X25519PrivateKey], sealed: str, camera_id: str, host: str
) -> tuple[str, Secret]:
    """Return user and password of a camera at ``host`` (as ``host_of`` gives it).

    Several keys, so that one can be replaced. Raises ``SealError``.
    """
    key_name, bound, box = _parts(sealed)
    key = next((one for one in private_keys if key_id(one.public_key()) == key_name), None)
    if key is None:
        raise UnknownKeyError("sealed for another worker key: give user and password again")
    try:
        inside = _SUITE.decrypt(box, key, _info(camera_id, bound))
    except (InvalidTag, ValueError):
        raise SealError("not this camera's, or damaged: give user and password again") from None
    if host not in json.loads(bound):
        raise ElsewhereError(f"given for another host than {host}: give user and password again")
    try:
        user, password = msgspec.json.decode(inside, type=tuple[str, str])
    except msgspec.DecodeError:
        raise SealError("not written by this product: give user and password again") from None
    return user, Secret(password)


def sealed_hosts(sealed: str) -> tuple[str, ...]:
    """Return the hosts that credentials say they are bound to. Raises ``SealError``."""
    return tuple(json.loads(_parts(sealed)[1]))


def key_id(public_key: X25519PublicKey) -> str:
    """Return a key's short name: the beginning of its SHA-256."""
    raw = public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:KEY_ID_CHARS]


def key_pair(path: Path) -> X25519PrivateKey:
    """Return the private key of ``path``; make it and ``path``.pub if neither is there.

    Two processes that start together get the same one. Raises ``KeyFileError``.
    """
    public = path.with_name(f"{path.name}.pub")
    try:
        was_public = public.exists()  # asked first: the private one is made before it
        if not path.exists():
            if was_public:
                raise KeyFileError(
                    f"{path} is gone but {public} is there: bring it back, or remove {public} too "
                    "and give every camera's password again"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            pem = X25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
            _write_once(path, pem, mode=0o600)
        key = private_key(path)
        if not public.exists():
            pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            _write_once(public, pem, mode=0o644)
        if key_id(public_key(public)) != key_id(key.public_key()):
            raise KeyFileError(f"{public} is not the public half of {path}: remove it")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}: name a directory to write in") from error
    return key


def private_key(path: Path) -> X25519PrivateKey:
    """Return the private key of a PEM file. Raises ``KeyFileError`` or ``OSError``."""
    if stat.S_IMODE(_file_mode(path)) & 0o077:
        raise KeyFileError(f"{path}: others may read it: chmod 600 it")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except UnsupportedAlgorithm:
        key = None
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: not a private key in PEM") from error
    if not isinstance(key, X25519PrivateKey):
        raise KeyFileError(f"{path}: not an X25519 key: {_OUR_KEYS}")
    return key


def public_key(path: Path) -> X25519PublicKey:
    """Return the public key of a PEM file. Raises ``KeyFileError``."""
    try:
        _file_mode(path)
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}: bring the worker's key here") from error
    try:
        key = load_pem_public_key(pem)
    except UnsupportedAlgorithm:
        key = None
    except ValueError as error:
        raise KeyFileError(f"{path}: not a public key in PEM") from error
    if not isinstance(key, X25519PublicKey):
        raise KeyFileError(f"{path}: not an X25519 key: {_OUR_KEYS}")
    return key


def _file_mode(path: Path) -> int:
    """Return a file's mode. Raises ``KeyFileError`` for what is none, or ``OSError``."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise KeyFileError(f"{path}: not a file: name one, or one that isn't there yet")
    return mode


def _info(camera_id: str, bound: bytes) -> bytes:
    return json.dumps([_CONTEXT, camera_id, bound.decode()], ensure_ascii=True).encode()


def _parts(sealed: str) -> tuple[str, bytes, bytes]:
    """Return key id, the hosts' JSON and the box."""
    version, _, rest = sealed.partition(".")
    name, _, body = rest.partition(".")
    if version != VERSION:
        raise SealError("sealed by another version: upgrade this side, or give them again")
    try:
        raw = base64.b64decode(body, altchars=b"-_", validate=True)
        length = int.from_bytes(raw[:2])
        bound, box = raw[2 : 2 + length], raw[2 + length :]
        hosts = json.loads(bound)
    except (binascii.Error, ValueError, RecursionError):
        raise SealError("damaged: give user and password again") from None
    is_exact = base64.urlsafe_b64encode(raw).decode() == body  # the last letter has spare bits
    if not is_exact or not isinstance(hosts, list) or any(not isinstance(h, str) for h in hosts):
        raise SealError("damaged: give user and password again")
    return name, bound, box


def _write_once(path: Path, content: bytes, *, mode: int) -> None:
    """Put a file there whole, unless another process was first."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
