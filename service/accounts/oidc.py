"""The identity provider: asked over HTTPS, and believed only what it has signed.

OpenID Connect Core 1.0, authorization code flow with PKCE, state and nonce.
"""

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.accounts.oidc_flows import LEEWAY, Flow
from service.settings import OidcSettings

ALGORITHMS: Final = (
    *(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)),
    "EdDSA",
)
"""Signatures that need a private key. Neither ``none`` nor HS*, whose key would be a public one."""

KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})

LEEWAY_S: Final = LEEWAY.total_seconds()
"""How far the provider's clock may be off."""

STEP_LIMIT_S: Final = 5.0
WHOLE_LIMIT_S: Final = 10.0
"""How long one exchange with the provider may take."""

LARGEST_BYTES: Final = 256 * 1024
"""Of an answer of the provider."""

METADATA_LASTS_S: Final = 300.0
"""So that whoever opens the login page again and again asks the provider rarely."""

FAULT_LASTS_S: Final = 5.0
"""How long a provider that has failed is taken to be away, and is not asked."""

KEYS_LAST_S: Final = 300.0
"""A key that the provider has withdrawn is believed no longer than this."""

KEYS_ASKED_EVERY_S: Final = 60.0
"""At most so often for the sake of ID tokens that none of the known keys has signed."""

SEATS: Final = 6
"""Exchanges with the provider at a time. It may hang, and the service's 40 threads do all else."""

SEAT_WAIT_S: Final = 2.0
"""How long a way back waits for its seat; its code would be lost. Who sets out doesn't wait."""

WAYS_BACK: Final = SEATS + 12
"""Seated or waiting; the rest is sent away, so that a flood holds no more threads."""

LONGEST_CLAIM: Final = 255


class ProviderError(Exception):
    """The provider is away, or answers what no provider should. The text is for the log."""


class SeatsTakenError(ProviderError):
    """Too many exchanges are under way here; the provider may be well."""


class NotBelievedError(Exception):
    """What came back proves nothing. The text is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who logged in at the provider."""

    issuer: str
    """Which provider says so."""
    subject: str
    """What never changes there about that person."""
    login: str
    """What they are called there."""


class Provider:
    """One identity provider. Thread-safe."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._trust = ssl.create_default_context()  # the machine's own list of authorities
        self._seats = threading.BoundedSemaphore(SEATS)
        self._ways_back = threading.BoundedSemaphore(WAYS_BACK)
        self._asking = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._metadata_until_s = 0.0
        self._away_until_s = 0.0
        self._keys: _Keys | None = None

    @property
    def issuer(self) -> str:
        """Return the provider's name for itself."""
        return self._settings.issuer

    def address(self, flow: Flow, redirect_uri: str) -> str:
        """Return where the browser has to go. Raises ``ProviderError``."""
        endpoint = _endpoint(self._told(0.0), "authorization_endpoint")
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def redeem(self, code: str, flow: Flow, redirect_uri: str) -> Identity:
        """Return whose login the code stands for.

        Raises ``ProviderError`` or ``NotBelievedError``.
        """
        with _held(self._ways_back, 0.0, "ways back"):
            told = self._told(SEAT_WAIT_S)
            # For both exchanges: without the keys the code would be spent for nothing.
            with _held(self._seats, SEAT_WAIT_S, "exchanges"):
                answer = self._exchange(told, code, flow, redirect_uri)
                id_token = answer.get("id_token")
                if not isinstance(id_token, str):
                    raise NotBelievedError("the provider's answer has no ID token")
                claims = self._verified(told, id_token)
        self._require_claims(claims, flow.nonce)
        return Identity(
            issuer=self._settings.issuer,
            subject=_text(claims, "sub"),
            login=_text(claims, self._settings.login_claim),
        )

    def _exchange(
        self, told: Mapping[str, Any], code: str, flow: Flow, redirect_uri: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": flow.verifier,
        }
        auth: tuple[str, str] | None = None
        name, secret = self._settings.client_id, self._settings.client_secret
        if secret is None:
            form["client_id"] = name
        elif told.get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            form |= {"client_id": name, "client_secret": secret.reveal()}
        else:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            auth = (quote(name, safe=""), quote(secret.reveal(), safe=""))
        return self._fetched(_endpoint(told, "token_endpoint"), form, auth)

    def _verified(self, told: Mapping[str, Any], id_token: str) -> Mapping[str, Any]:
        url = _endpoint(told, "jwks_uri")
        keys = self._keys_of(url, KEYS_LAST_S)
        try:
            return _decoded(id_token, keys)
        except NotBelievedError:
            newer = self._keys_of(url, KEYS_ASKED_EVERY_S)  # it may have changed its keys
            if newer is keys:
                raise
            return _decoded(id_token, newer)

    def _keys_of(self, url: str, lasts_s: float) -> "_Keys":
        now_s = time.monotonic()
        known = self._keys
        if known is not None and known.url == url and now_s < known.asked_s + lasts_s:
            return known
        keys = self._fetched(url).get("keys")
        if not isinstance(keys, list):
            raise ProviderError("its JWKS holds no keys")
        usable = [one for one in keys if isinstance(one, dict) and one.get("kty") in KEY_TYPES]
        self._keys = made = _Keys(url=url, asked_s=now_s, usable=usable)
        return made

    def _require_claims(self, claims: Mapping[str, Any], nonce: str) -> None:
        now_s = time.time()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        own = self._settings.client_id
        checks = {
            "iss": claims.get("iss") == self._settings.issuer,
            "aud": own in audiences,
            "azp": claims.get("azp", own if len(audiences) == 1 else None) == own,
            "exp": _seconds(claims, "exp") > now_s - LEEWAY_S,
            "iat": _seconds(claims, "iat") < now_s + LEEWAY_S,
            "nonce": compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
        }
        wrong = [name for name, good in checks.items() if not good]
        if wrong:
            raise NotBelievedError(f"the ID token's {', '.join(wrong)}")

    def _told(self, wait_s: float) -> Mapping[str, Any]:
        """Return what the provider says of itself; one at a time asks, the others take the old."""
        if time.monotonic() < self._metadata_until_s:
            return self._metadata
        if time.monotonic() < self._away_until_s:
            return self._old("it has just failed")
        if not self._asking.acquire(timeout=0.0 if self._metadata else wait_s):
            return self._old("it is being asked, and has not answered yet")
        try:
            return self._told_anew(wait_s)
        finally:
            self._asking.release()

    def _told_anew(self, wait_s: float) -> Mapping[str, Any]:
        if time.monotonic() < self._metadata_until_s:
            return self._metadata  # whoever held the lock before has asked
        if time.monotonic() < self._away_until_s:
            return self._old("it has just failed")
        try:
            with _held(self._seats, 0.0 if self._metadata else wait_s, "exchanges"):
                self._metadata = self._asked()
            self._metadata_until_s = time.monotonic() + METADATA_LASTS_S
        except ProviderError as error:
            if not isinstance(error, SeatsTakenError):
                self._away_until_s = time.monotonic() + FAULT_LASTS_S
            if not self._metadata:
                raise
        return self._metadata

    def _old(self, why: str) -> Mapping[str, Any]:
        if not self._metadata:
            raise ProviderError(why)
        return self._metadata

    def _asked(self) -> Mapping[str, Any]:
        issuer = self._settings.issuer
        told = self._fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != issuer:
            raise ProviderError("it calls itself by another name than the setting does")
        return told

    def _fetched(
        self,
        url: str,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Get, or post a form; return the object that comes back."""
        ends_s = time.monotonic() + WHOLE_LIMIT_S
        body = b""
        try:
            with (
                # Neither redirects nor a proxy of the environment: this address and no other.
                httpx.Client(
                    timeout=STEP_LIMIT_S,
                    follow_redirects=False,
                    trust_env=False,
                    verify=self._trust,
                ) as http,
                http.stream("POST" if form else "GET", url, data=form, auth=auth) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise ProviderError(f"{urlsplit(url).path} answers {answer.status_code}")
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > LARGEST_BYTES or time.monotonic() > ends_s:
                        raise ProviderError(f"{urlsplit(url).path} answers without an end")
            found = json.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise ProviderError(f"{urlsplit(url).path}: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise ProviderError(f"{urlsplit(url).path} answers no object")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """What the provider signs with."""

    url: str
    asked_s: float
    usable: list[dict[str, Any]]


@contextmanager
def _held(seats: threading.BoundedSemaphore, wait_s: float, what: str) -> Iterator[None]:
    if not seats.acquire(timeout=wait_s):
        raise SeatsTakenError(f"too many {what} are under way")
    try:
        yield
    finally:
        seats.release()


def _endpoint(told: Mapping[str, Any], name: str) -> str:
    url = told.get(name)
    if not isinstance(url, str) or not is_safe(url):
        raise ProviderError(f"its {name} is no https address")
    return url


def _decoded(id_token: str, keys: _Keys) -> Mapping[str, Any]:
    try:
        key_set = KeySet.import_key_set({"keys": keys.usable})
        return jwt.decode(id_token, key_set, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelievedError(f"the ID token's signature: {type(error).__name__}") from error


def is_safe(url: str) -> bool:
    """Tell whether an address is https, or this machine's."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return bool(host) and "@" not in parts.netloc
        return parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotBelievedError(f"the ID token's {name} is no time")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_CLAIM or not value.isprintable():
        raise NotBelievedError(f"the ID token has no {name} that could be used")
    return value
