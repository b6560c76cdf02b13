"""What the cameras' requests have in common: nothing unknown in them, refusals in our words."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from service.refusals import RefusedError

In = TypeVar("In")
Out = TypeVar("Out")


class Body(BaseModel):
    """A request's body; what it doesn't know it refuses."""

    model_config = ConfigDict(extra="forbid")


def in_words(check: Callable[[In], Out]) -> Callable[[In], Out]:
    """Return ``check`` with its refusal as pydantic passes it on: our words, nothing before."""

    def checked(value: In) -> Out:
        try:
            return check(value)
        except RefusedError as error:
            raise error.for_pydantic() from None

    return checked
