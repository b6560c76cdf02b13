"""Defaults held to what each row is held to, before any row is read: one error, not one a row."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from service.cameras.models import CameraPatch
from service.imports.errors import DefaultRefusedError
from service.imports.known import Defaults, Known
from service.imports.reasons import Work, reasons_of
from service.imports.values import coordinate_system_of, programme_of
from service.refusals import Refusal

_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "coordinate_system": coordinate_system_of,
    "programme": programme_of,
}


def require_possible(defaults: Defaults, known: Known) -> None:
    """Raise ``DefaultRefusedError`` for the first default that no row could have."""
    given = defaults.words()
    work = Work(reasons=[], given=given, values=dict(given))
    for field, parse in {**_PARSERS, "place_code": known.place_code}.items():
        if field in given:
            work.parse(field, parse)
    try:
        CameraPatch.model_validate(
            {
                name: value
                for name, value in work.values.items()
                if name in CameraPatch.model_fields and name not in work.refused
            }
        )
    except ValidationError as error:
        for reason in reasons_of(error):
            work.add(reason)
    for reason in work.reasons:
        column, code = str(reason.column), Refusal(reason.code)
        raise DefaultRefusedError(column, code, reason.message, **reason.params)
