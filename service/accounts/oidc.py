"""The identity provider: asked over HTTPS, and believed only what it has signed.

OpenID Connect Core 1.0, authorization code flow with PKCE, state and nonce.
"""

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.accounts.oidc_flows import Flow
from service.settings import OidcSettings

ALGORITHMS: Final = (
    *(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)),
    "EdDSA",
)
"""Signatures that need a private key. Neither ``none`` nor HS*, whose key would be a public one."""

KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})

LEEWAY_S: Final = 60
"""How far the provider's clock may be off."""

STEP_LIMIT_S: Final = 5.0
WHOLE_LIMIT_S: Final = 10.0
"""How long one exchange with the provider may take."""

LARGEST_BYTES: Final = 256 * 1024
"""Of an answer of the provider."""

METADATA_LASTS_S: Final = 300.0
"""So that whoever opens the login page again and again asks the provider rarely."""

LONGEST_CLAIM: Final = 255


class ProviderError(Exception):
    """The provider is away, or answers what no provider should. The text is for the log."""


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
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._metadata_until_s = 0.0

    @property
    def issuer(self) -> str:
        """Return the provider's name for itself."""
        return self._settings.issuer

    def address(self, flow: Flow, redirect_uri: str) -> str:
        """Return where the browser has to go. Raises ``ProviderError``."""
        endpoint = self._endpoint("authorization_endpoint")
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
        answer = self._exchange(code, flow, redirect_uri)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise NotBelievedError("the provider's answer has no ID token")
        claims = self._verified(id_token)
        self._require_claims(claims, flow.nonce)
        return Identity(
            issuer=self._settings.issuer,
            subject=_text(claims, "sub"),
            login=_text(claims, self._settings.login_claim),
        )

    def _exchange(self, code: str, flow: Flow, redirect_uri: str) -> Mapping[str, Any]:
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
        elif self._told().get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            form |= {"client_id": name, "client_secret": secret.reveal()}
        else:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            auth = (quote(name, safe=""), quote(secret.reveal(), safe=""))
        return self._fetched(self._endpoint("token_endpoint"), form, auth)

    def _verified(self, id_token: str) -> Mapping[str, Any]:
        told = self._fetched(self._endpoint("jwks_uri"))
        keys = told.get("keys")
        if not isinstance(keys, list):
            raise ProviderError("its JWKS holds no keys")
        usable = [one for one in keys if isinstance(one, dict) and one.get("kty") in KEY_TYPES]
        try:
            key_set = KeySet.import_key_set({"keys": usable})
            return jwt.decode(id_token, key_set, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotBelievedError(f"the ID token's signature: {type(error).__name__}") from error

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

    def _endpoint(self, name: str) -> str:
        url = self._told().get(name)
        if not isinstance(url, str) or not is_safe(url):
            raise ProviderError(f"its {name} is no https address")
        return url

    def _told(self) -> Mapping[str, Any]:
        """Return what the provider says of itself."""
        with self._lock:
            if time.monotonic() >= self._metadata_until_s:
                issuer = self._settings.issuer
                told = self._fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                if told.get("issuer") != issuer:
                    raise ProviderError("it calls itself by another name than the setting does")
                self._metadata = told
                self._metadata_until_s = time.monotonic() + METADATA_LASTS_S
            return self._metadata

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
