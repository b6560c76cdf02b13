"""The service over HTTP, for the command line: a token, clear faults, patience while it works."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from service.cli.files import whole_file
from service.cli.terminal import say
from service.settings import LOCAL_NAMES

TOKEN: Final = "FENGSUI_TOKEN"  # noqa: S105 - the name of a variable
SERVICE: Final = "FENGSUI_SERVICE"
DEFAULT_SERVICE: Final = "http://127.0.0.1:8600"

ANSWERS_WITHIN_S: Final = 60.0
AWAY_FOR_S: Final = 120.0
"""How long a service that was there is waited for."""

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 5.0


class CommandError(Exception):
    """The command can't go on. The text says what to do."""


class AwayError(CommandError):
    """No answer: the service, or the way to it, is gone."""


class RefusedAnswerError(CommandError):
    """The service said no."""

    def __init__(self, said: str, code: str) -> None:
        super().__init__(said)
        self.code = code


class Service:
    """One service, and who asks it."""

    def __init__(self, url: str, token: str) -> None:
        """Raise ``CommandError`` for an address or a token that can't be one."""
        self.url = _origin(url)
        if not token:
            raise CommandError(
                f"no token: make one in the console, to see and manage cameras, for {TOKEN}"
            )
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise CommandError(f"{TOKEN} holds no token: copy it anew, without quotes or blanks")
        is_local = urlsplit(self.url).hostname in LOCAL_NAMES
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWERS_WITHIN_S,
            trust_env=not is_local,  # no proxy stands between a machine and itself
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Return what is answered, as JSON. Raises ``CommandError``."""
        answer = self._sent(lambda: self._client.request(method, path, **more))
        self._require_good(answer)
        if not answer.content:
            return None
        return _json(answer, self.url)

    def patiently(self, method: str, path: str, **more: Any) -> Any:
        """Ask as ``ask`` does, again and again while the service is away or busy.

        For what may be asked twice.
        """
        gives_up_at_s = time.monotonic() + AWAY_FOR_S
        wait_s, told = FIRST_WAIT_S, False
        while True:
            try:
                return self.ask(method, path, **more)
            except (AwayError, RefusedAnswerError) as error:
                if isinstance(error, RefusedAnswerError) and error.code not in _PASSES:
                    raise
                if time.monotonic() > gives_up_at_s:
                    raise
                if not told:
                    say(f"{error}; asking again for up to {AWAY_FOR_S:.0f} s")
                    told = True
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def download(self, path: str, params: Mapping[str, Any], out: Path) -> int:
        """Write what is answered to a file; returns its bytes. Raises ``CommandError``."""
        with whole_file(out) as file, self._streamed(path, params) as pieces:
            return sum(file.write(piece) for piece in pieces)

    @contextmanager
    def _streamed(self, path: str, params: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        with _faults(self.url), self._client.stream("GET", path, params=params) as answer:
            if answer.is_error:
                answer.read()
            self._require_good(answer)
            yield answer.iter_bytes()

    def _sent(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        with _faults(self.url):
            return send()

    def _require_good(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        if answer.is_redirect:
            raise CommandError(
                f"{self.url} sends elsewhere, to {answer.headers.get('location')}: "
                f"give the service's own address as --service or {SERVICE}"
            )
        problem = (
            _json(answer, self.url) if "json" in answer.headers.get("content-type", "") else {}
        )
        code = str(problem.get("code", "")) if isinstance(problem, dict) else ""
        if not code:
            raise CommandError(_NOT_OURS.format(url=self.url, status=answer.status_code))
        said = _HINTS.get(code) or f"{problem.get('title')}: {problem.get('detail')}"
        raise RefusedAnswerError(said, code)


_PASSES: Final = frozenset({"camera_import_busy", "database_away", "too_many_connections"})
"""Refusals that pass by themselves."""

_HINTS: Final = {
    "unauthenticated": f"the token is not let in: it has expired, was revoked, or its account is "
    f"disabled: make another in the console and put it into {TOKEN}",
    "forbidden": "the token may not do this: make one with the scope camera.write, of an "
    "integrator or administrator",
}

_NOT_OURS: Final = (
    "{url} answers {status}, but not as fengsui does: is that the service's address, or a proxy's "
    "before it?"
)


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_whole = is_whole and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or parts.username is not None or parts.query or parts.fragment:
        raise CommandError(
            "the service's address is none: give --service https://host:port, as the console's"
        )
    if parts.scheme == "http" and parts.hostname not in LOCAL_NAMES:
        raise CommandError(
            "the token would travel in clear: give --service https://… or run this on the "
            "service's own machine"
        )
    return url.rstrip("/")


@contextmanager
def _faults(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        if "SSL" in str(error):  # httpx has no class of its own for it
            raise CommandError(
                f"{url} can't be spoken to by TLS ({_short(error)}): check the address; for an "
                "authority of your own, put its certificate's path into SSL_CERT_FILE"
            ) from None
        raise AwayError(
            f"no answer from {url} ({_short(error)}): is the service running, and is "
            f"--service or {SERVICE} its address?"
        ) from None
    except httpx.InvalidURL:
        raise CommandError("the service's address is none: give --service https://host") from None


def _short(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200] or type(error).__name__


def _json(answer: httpx.Response, url: str) -> Any:
    try:
        return answer.json()
    except ValueError:
        said = _NOT_OURS.format(url=url, status=answer.status_code)
        raise CommandError(said) from None
