"""The cameras of a run, and the people who answer for them."""

from dataclasses import dataclass

import sqlalchemy as sa

from service import tables
from service.accounts.roles import Role
from service.database import Database
from tests.chaos.planned import camera_id, is_drill
from tests.service.estate import FOREIGN, OWN, TREE, camera_row
from tests.service.signing_in import make_account, token
from vision.hazards import Hazard

METRES_A_DEGREE = 111_000.0
NEIGHBOURS = 2
"""So many cameras stand within sight of each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who decides, or whoever answers for a crew."""

    login: str
    """What the history calls them."""
    headers: dict[str, str]
    """Their token."""
    account_id: str
    """Whom incidents can be given to."""


def fill(database: Database, cameras: int) -> None:
    """Register places and cameras: neighbours by twos, and all behind few switches."""
    with database.writing() as connection:
        for code, parent, level, name, path in TREE:
            connection.execute(
                sa.insert(tables.places).values(
                    code=code, parent_code=parent, level=level, name=name, path=path
                )
            )
        for number in range(cameras):
            connection.execute(sa.insert(tables.cameras).values(**_camera(number)))


def person(database: Database, login: str, role: Role = Role.OPERATOR) -> Person:
    """Make an account for the whole installation."""
    account = make_account(database, role, login=login)
    secret = token(database, account)
    headers = {"Authorization": f"Bearer {secret}"}
    return Person(login=login, headers=headers, account_id=str(account.account_id))


def _camera(number: int) -> dict[str, object]:
    # Drills' cameras stand among the others: real and drill must not mix.
    group, place = divmod(number, NEIGHBOURS)
    latitude = 30.2 + group * 2000 / METRES_A_DEGREE + place * 40 / METRES_A_DEGREE
    return camera_row(camera_id(number), OWN if group % 2 else FOREIGN) | {
        "wgs84_latitude": latitude,
        "latitude": latitude,
        "hazards": [hazard.value for hazard in Hazard],
        "upstream": f"switch-{group % 5}",
        "drill": is_drill(number),
    }
