"""The one type that holds a password, and the one function that takes passwords out of text.

A secret is shown by mistake, never on purpose: so ``Secret`` shows itself nowhere, and every live
one is known to ``redact``, which the log's root handler puts all text through.
"""

import hmac
import json
import re
import threading
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import quote, quote_plus, unquote

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

MASK: Final = "***"

SHORTEST: Final = 4
"""A shorter value would take pieces out of ordinary words; patterns still find it where it's named
as a password."""

SECRET_IN_PATH: Final = re.compile(r"@|user|pass|pwd|token|auth|key", re.IGNORECASE)
"""A part of a path that names one, as recorders' paths do."""

_URL: Final = re.compile(r"[A-Za-z][\w+.-]*://")
_WORD: Final = re.compile(r"\S+")
_NAMED: Final = re.compile(
    r"((?:pass(?:word|wd)?|pwd|token|secret|api_?key)[\"']?\s*=\s*[\"']?"
    r"|(?:password|token|secret)[\"']\s*:\s*[\"']"
    r"|authorization[\"']?\s*[:=]\s*[\"']?(?:bearer |basic |digest )?)[^\s\"'&;]+",
    re.IGNORECASE,
)

_BASIC: Final = re.compile(r"(\bBasic\s+)(?=\S*(?:\d|=|[a-z][A-Z]))[A-Za-z\d+/]{8,}={0,2}")
"""User and password in base64, which ``Basic Authentication`` is not: a word."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]*")
"""A text that is written in one way everywhere."""

_ESCAPE: Final = re.compile(r"%[\dA-F]{2}")


class Secret:
    """A text that is shown nowhere: ``reveal`` is its only way out. Equal by value, unordered.

    Usable as a field of a pydantic model; not picklable, and no JSON encoder takes it. Of an
    address, what is secret is the password, the query and the parts of the path that name one.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        _live.add(self, value)

    def reveal(self) -> str:
        """Return the text, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a Secret is not written anywhere: pass it on inside this process")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: object) -> "Secret":
        return self

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, _handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        from pydantic_core import core_schema  # noqa: PLC0415 - workers have no use for pydantic

        text = core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(strict=True)
        )
        return core_schema.no_info_wrap_validator_function(
            lambda value, made: value if isinstance(value, cls) else made(value),
            text,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _refuse_to_write, when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _core: "CoreSchema", _handler: "GetJsonSchemaHandler"
    ) -> "JsonSchemaValue":
        return {"type": "string", "format": "password", "writeOnly": True}


def redact(text: str) -> str:
    """Return ``text`` without the values of live secrets, users in addresses, ``password=…``."""
    text = _live.masked(text)
    if "://" in text:
        text = _WORD.sub(_without_userinfo, text)
    return _NAMED.sub(rf"\1{MASK}", _BASIC.sub(rf"\1{MASK}", text))


def names_secret(name: str) -> bool:
    """Say whether what is called so is a password, as ``redact`` sees it."""
    return _NAMED.search(f"{name}=x") is not None


def _without_userinfo(word: re.Match[str]) -> str:
    """Cut to the last ``@`` of the word: a password may hold any character that isn't white."""
    scheme, _, rest = word[0].partition("://")
    return f"{scheme}://{MASK}@{rest.rpartition('@')[2]}" if "@" in rest else word[0]


class _Live:
    """The forms of the secrets that exist, by how they begin and how long they are.

    So a line costs the same for any number of them, were it thousands that all begin ``%E5%``.

    One pattern of them all would be compiled anew at each change, for seconds.
    """

    def __init__(self) -> None:
        # Reentrant: a secret may be collected while this very thread is in here. What can go
        # wrong then is that a value is held for longer than its secret.
        self._lock = threading.RLock()
        self._begun: dict[str, dict[int, dict[str, int]]] = {}

    def add(self, secret: Secret, value: str) -> None:
        with self._lock:
            for form in set(_forms(value)):
                lengths = self._begun.setdefault(form[:SHORTEST], {})
                counts = lengths.setdefault(len(form), {})
                counts[form] = counts.get(form, 0) + 1
        weakref.finalize(secret, self._forget, value).atexit = False

    def masked(self, text: str) -> str:
        """Return ``text`` with a mask for each form; of those that begin alike, the longest."""
        if not self._begun:
            return text
        kept, done, at, last = [], 0, 0, len(text) - SHORTEST
        while at <= last:
            lengths = self._begun.get(text[at : at + SHORTEST])
            length = 0 if lengths is None else _longest(lengths, text, at)
            if length:
                kept += [text[done:at], MASK]
                done = at + length
            at += length or 1
        return "".join([*kept, text[done:]])

    def _forget(self, value: str) -> None:
        with self._lock:
            for form in set(_forms(value)):
                lengths = self._begun.get(form[:SHORTEST], {})
                counts = lengths.get(len(form), {})
                counts[form] = counts.get(form, 0) - 1
                if counts[form] <= 0:
                    counts.pop(form, None)
                if not counts:
                    lengths.pop(len(form), None)
                if not lengths:
                    self._begun.pop(form[:SHORTEST], None)


def _longest(lengths: dict[int, dict[str, int]], text: str, at: int) -> int:
    found = (n for n in sorted(lengths, reverse=True) if text[at : at + n] in lengths.get(n, ()))
    return next(found, 0)


_live: Final = _Live()


def _forms(value: str) -> Iterator[str]:
    """Yield how a secret may stand in a text: as it is, or as others write it."""
    for piece in _pieces(value):
        if len(piece) >= SHORTEST:
            yield piece
            if not _PLAIN.fullmatch(piece):
                yield from _written(piece)


def _written(text: str) -> Iterator[str]:
    """Yield a text as addresses, forms, repr, JSON and JSON within JSON have it."""
    raw = _bytes(text)
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield quoted
        yield _ESCAPE.sub(lambda escape: escape[0].lower(), quoted)
    yield repr(text)[1:-1]
    yield repr(raw)[2:-1]
    yield ascii(text)[1:-1]
    for once in _in_json(text):
        yield once
        yield from _in_json(once)


def _in_json(text: str) -> Iterator[str]:
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def _pieces(value: str) -> Iterator[str]:
    if not _URL.match(value):
        yield value
        return
    after = value.partition("://")[2]
    # A password may hold a ``?`` and a query an ``@``: both readings count.
    until_query, _, query = after.partition("?")
    userinfos = (after.rpartition("@")[0], until_query.rpartition("@")[0])
    passwords = [userinfo.partition(":")[2] for userinfo in userinfos]
    pairs = [pair for one in (query, after.rpartition("?")[2]) for pair in one.split("&")]
    path = [one for one in until_query.split("/")[1:] if SECRET_IN_PATH.search(one)]
    for one in (*passwords, *pairs * ("?" in after), *path):
        yield one
        yield unquote(one)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _refuse_to_write(_secret: Secret) -> NoReturn:
    raise TypeError("a Secret is not written anywhere: leave it out of what is answered")
