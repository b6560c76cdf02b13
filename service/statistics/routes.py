"""Statistics over HTTP: figures for the page, and a file for spreadsheets."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.imports.words import Language
from service.problems import responses
from service.statistics import sheet
from service.statistics.making import Asked, make
from service.statistics.models import By, Statistics
from service.text import WORD_LENGTH

_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file", "content": {"text/csv": {"schema": {"type": "string"}}}}
}

First = Annotated[date | None, Query(alias="from", description="The first day; thirty, if absent")]
Last = Annotated[date | None, Query(alias="to", description="The last day; today, if absent")]
PlaceCode = Annotated[
    str | None, Query(max_length=WORD_LENGTH, description="Only what lies inside this place")
]
What = Annotated[By, Query(description="What rows are about; places: those one level below")]


def statistics_router(
    *, database: Database, gate: Gate, zone: ZoneInfo, clock: Callable[[], datetime]
) -> APIRouter:
    """Return the routes; days and hours are the zone's."""
    router = APIRouter(prefix="/api")
    Reader = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))]  # noqa: N806

    def made(who: Principal, asked: Asked) -> Statistics:
        with database.reading() as connection:
            return make(connection, who, asked, zone, clock())

    @router.get("/statistics", responses=responses(401, 403, 404, 422))
    def statistics(
        *,
        who: Reader,
        first: First = None,
        last: Last = None,
        place: PlaceCode = None,
        by: What = By.HAZARD,
    ) -> Statistics:
        """Tell what a period's incidents became, how soon, and how often for nothing.

        400 days at most, of one's own places. docs/statistics.md defines each figure.
        """
        return made(who, Asked(first=first, last=last, place=place, by=by))

    @router.get(
        "/statistics.csv",
        response_class=Response,
        responses={**_CSV, **responses(401, 403, 404, 422)},
    )
    def statistics_csv(
        *,
        who: Reader,
        first: First = None,
        last: Last = None,
        place: PlaceCode = None,
        by: What = By.HAZARD,
        language: Language = Language.ZH,
    ) -> Response:
        """Give the same for a spreadsheet: the rows, their total, and below the pack versions."""
        found = made(who, Asked(first=first, last=last, place=place, by=by))
        name = f"statistics-{found.first_day}-{found.last_day}-{by}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        body = b"".join(sheet.write(found, language))
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    return router
