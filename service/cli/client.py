"""The service over HTTP, for the command line: a token, clear faults, patience while it works."""

import errno
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import gaierror
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from service.cli.files import whole_file
from service.cli.terminal import say
from service.cli.words import SAID, called, told
from service.imports.words import Language
from service.imports.words import said as said_of_refusal
from service.settings import LOCAL_NAMES

TOKEN: Final = "FENGSUI_TOKEN"  # noqa: S105 - the name of a variable
SERVICE: Final = "FENGSUI_SERVICE"
DEFAULT_SERVICE: Final = "http://127.0.0.1:8600"

DONE, CANT, WRONG, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a service is waited for."""

    away_for_s: float
    """All in all, while it is away or busy."""
    connects_within_s: float
    """A connection, each time."""
    answers_within_s: float
    """An answer, each time."""


WORKS: Final = Patience(away_for_s=120.0, connects_within_s=60.0, answers_within_s=60.0)
"""For what was begun: a service that was there comes back."""

READS: Final = Patience(away_for_s=15.0, connects_within_s=3.0, answers_within_s=15.0)
"""For a question: somebody sits and waits."""

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 5.0


class CommandError(Exception):
    """The command can't go on. What is told says what to do."""

    exits = CANT

    def __init__(self, name: str, /, **values: object) -> None:
        """Take what names the words, and the values in them."""
        super().__init__(name)
        self._name = name
        self._values = values

    def told(self, language: Language) -> str:
        """Return it in words."""
        return told(language, self._name, **self._values)


class WrongValueError(CommandError):
    """An argument says something that is not there."""

    exits = WRONG


class AddressError(CommandError):
    """No service can be at such an address."""


class AwayError(CommandError):
    """No answer: the service, or the way to it, is gone."""


class RefusedAnswerError(CommandError):
    """The service said no."""

    def __init__(self, problem: Mapping[str, Any], scopes: str) -> None:
        """Take the problem details of the answer, and the scopes that the token should have."""
        super().__init__("refused")
        self._problem = problem
        self._scopes = scopes
        self.code = str(problem["code"])
        if self.code in _ARGUMENTS:
            self.exits = WRONG

    def told(self, language: Language) -> str:
        """Return it in words; English ones are the service's own."""
        if self.code in _HINTS:
            return told(language, _HINTS[self.code], variable=TOKEN, scopes=self._scopes)
        if self.code in _ARGUMENTS and (fields := list(self._fields(language))):
            return told(language, "wrong_arguments", why="; ".join(fields))
        title, detail = self._problem.get("title"), self._problem.get("detail")
        why = called(language, "problem", self.code) or title
        words = told(language, "refused", why=why, code=self.code, title=title, detail=detail)
        return "; ".join([words, *self._fields(language)])

    def _fields(self, language: Language) -> Iterator[str]:
        for one in self._problem.get("errors") or ():
            code = one["code"]
            why = said_of_refusal(code, one.get("params") or {}, language)
            if code == "unknown_place":
                why = told(language, "place_unknown")
            elif why == code:
                why = told(language, "not_taken", code=code, message=one["message"])
            yield told(language, "of", what=_option(one["field"]), why=why)


class Service:
    """One service, and who asks it."""

    def __init__(
        self, url: str, token: str, language: Language, *, scopes: Sequence[str], patience: Patience
    ) -> None:
        """Take a token that should have such scopes.

        Raises ``AddressError`` and ``CommandError`` for an address or a token that can't be one.
        """
        self.url = _origin(url)
        self.language = language
        self._scopes = ", ".join(scopes)
        self._patience = patience
        if not token:
            raise CommandError("no_token", variable=TOKEN, scopes=self._scopes)
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise CommandError("bad_token", variable=TOKEN)
        is_local = urlsplit(self.url).hostname in LOCAL_NAMES
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(patience.answers_within_s, connect=patience.connects_within_s),
            trust_env=not is_local,  # no proxy stands between a machine and itself
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def say(self, name: str, /, **values: object) -> None:
        """Tell the person who runs the command."""
        say(told(self.language, name, **values))

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
        away_for_s = self._patience.away_for_s
        gives_up_at_s = time.monotonic() + away_for_s
        wait_s, is_told = FIRST_WAIT_S, False
        while True:
            try:
                return self.ask(method, path, **more)
            except (AwayError, RefusedAnswerError) as error:
                if isinstance(error, RefusedAnswerError) and error.code not in _PASSES:
                    raise
                left_s = gives_up_at_s - time.monotonic()
                if left_s <= 0:
                    raise
                if not is_told:
                    self.say(
                        "asking_again", why=error.told(self.language), seconds=f"{away_for_s:.0f}"
                    )
                    is_told = True
            time.sleep(min(wait_s, left_s))
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def download(self, path: str, params: Mapping[str, Any], out: Path) -> int:
        """Write what is answered to a file; returns its bytes. Raises ``CommandError``."""
        with whole_file(out) as file, self._streamed(path, params) as pieces:
            return sum(file.write(piece) for piece in pieces)

    @contextmanager
    def _streamed(self, path: str, params: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        with (
            _faults(self.url, self.language),
            self._client.stream("GET", path, params=params) as answer,
        ):
            if answer.is_error:
                answer.read()
            self._require_good(answer)
            yield answer.iter_bytes()

    def _sent(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        with _faults(self.url, self.language):
            return send()

    def _require_good(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        if answer.is_redirect:
            elsewhere = answer.headers.get("location")
            raise CommandError(
                "sent_elsewhere", url=self.url, elsewhere=elsewhere, variable=SERVICE
            )
        is_json = "json" in answer.headers.get("content-type", "")
        problem = _json(answer, self.url) if is_json else {}
        if not isinstance(problem, dict) or not problem.get("code"):
            raise CommandError("not_ours", url=self.url, status=answer.status_code)
        raise RefusedAnswerError(problem, self._scopes)


_PASSES: Final = frozenset({"camera_import_busy", "database_away", "too_many_connections"})
"""Refusals that pass by themselves."""

_ARGUMENTS: Final = frozenset({"invalid_request", "unknown_place"})
"""Refusals of what an argument says."""

_HINTS: Final = {"unauthenticated": "token_refused", "forbidden": "token_forbidden"}
"""What to do about the token, by the problem's code."""


def _option(field: str) -> str:
    """Return the argument that says a request's field; the field if none does."""
    head, _, name = field.rpartition(".")
    if head == "defaults":
        return f"--default {name}"
    return f"--{name.replace('_', '-')}" if name in _FIELDS else field


_FIELDS: Final = frozenset({"q", "place", "upstream"})
"""Fields that have an argument of their name, and whose values the service alone knows."""


def _origin(url: str) -> str:
    if url and "://" not in url:
        raise AddressError("no_scheme", url=url if "@" not in url else "…")
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_whole = is_whole and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or parts.username is not None or parts.query or parts.fragment:
        raise AddressError("no_address")
    if parts.scheme == "http" and parts.hostname not in LOCAL_NAMES:
        raise AddressError("in_clear")
    return url.rstrip("/")


@contextmanager
def _faults(url: str, language: Language) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        if "SSL" in str(error):  # httpx has no class of its own for it
            raise CommandError("no_tls", url=url, why=_short(error)) from None
        why = told(language, _named(error))
        raise AwayError("no_answer", url=url, why=why, variable=SERVICE) from None
    except httpx.InvalidURL:
        raise AddressError("no_address") from None


def _named(error: BaseException) -> str:
    """Return the name of the words for why there is no answer: of the system's fault, if it is."""
    if isinstance(error, httpx.TimeoutException):
        return "ETIMEDOUT"
    below: BaseException | None = error
    while below is not None and not isinstance(below, OSError):
        below = below.__cause__ or below.__context__
    if isinstance(below, gaierror):
        return "host_unknown"
    name = errno.errorcode.get(getattr(below, "errno", None) or 0, "")
    return name if name in SAID else "broken_off"


def _short(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200] or type(error).__name__


def _json(answer: httpx.Response, url: str) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise CommandError("not_ours", url=url, status=answer.status_code) from None
