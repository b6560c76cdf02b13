"""Two people edit one thing: the second is told, instead of undoing the first unawares."""

from typing import Annotated

from fastapi import Depends, Header
from pydantic import WithJsonSchema

from service.errors import ProblemError


class IfMatchRequiredError(ProblemError):
    """A change that doesn't say what it is a change of."""

    code = "if_match_required"
    status = 428
    title = "If-Match is missing"

    def __init__(self) -> None:
        super().__init__("load it, and send its ETag as If-Match with the change")


class EditedMeanwhileError(ProblemError):
    """A change of a revision that is no longer the newest."""

    code = "edited_meanwhile"
    status = 412
    title = "Edited meanwhile"

    def __init__(self) -> None:
        super().__init__(
            "somebody else has changed it since you loaded it: load it anew, look at what is "
            "different, then make your change again"
        )


def etag(revision: int) -> str:
    """Return the ETag of a revision."""
    return f'"{revision}"'


_Sent = Annotated[
    str | None,
    Header(description="The ETag of what is changed, quotes included"),
    WithJsonSchema({"type": "string", "examples": [etag(3)]}),
]
"""Described as what has to be sent, and taken without: 428 says more than 422 would."""


def _if_match(if_match: _Sent = None) -> str:
    if if_match is None or not if_match.strip():
        raise IfMatchRequiredError
    return if_match.strip()


IfMatch = Annotated[str, Depends(_if_match)]
"""The revision that a change is a change of. Only one that can be compared: no ``*``, no list."""


def require_newest(if_match: str, revision: int) -> None:
    """Raise ``EditedMeanwhileError`` unless ``if_match`` is this revision's ETag.

    To be called in the transaction that makes the change.
    """
    if if_match != etag(revision):
        raise EditedMeanwhileError
