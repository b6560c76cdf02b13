"""A centre at work: cameras of two townships, people, and alerts that really came in."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa

from pipelines.messages import Alert
from service import tables
from service.accounts.roles import Role
from service.database import Database
from service.incidents import changing, history, store
from service.incidents.lifecycle import CLOCK
from tests.service.estate import FOREIGN, OWN, TREE, camera_row
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import Account, make_account, token
from tests.support.incident_history import illegal

HERE, NEXT, ELSEWHERE = "camera-1", "camera-2", "camera-9"
"""Cameras: two of the own township, a kilometre apart, and one of the foreign."""

PEOPLE = {
    "li.wei": (Role.OPERATOR, [OWN]),
    "wang.fang": (Role.OPERATOR, [OWN]),
    "zhao.min": (Role.OPERATOR, [FOREIGN]),
    "sun.yu": (Role.VIEWER, [OWN]),
    "chief": (Role.ADMIN, ["0"]),
}


def estate(database: Database) -> None:
    """Put places and cameras into an empty database."""
    with database.writing() as connection:
        for code, parent, level, name, path in TREE:
            values = {"code": code, "parent_code": parent, "level": level, "name": name}
            connection.execute(sa.insert(tables.places).values(**values, path=path))
        for number, (camera, code) in enumerate(((HERE, OWN), (NEXT, OWN), (ELSEWHERE, FOREIGN))):
            away = number * 0.01
            row = camera_row(camera, code) | {"wgs84_longitude": round(120.1 + away, 2)}
            row |= {"main_url": f"rtsp://192.0.2.{number + 1}/main"}
            connection.execute(sa.insert(tables.cameras).values(**row))


@dataclass
class Centre:
    """The service, and everybody's client."""

    given: Parts
    url: str
    people: dict[str, Account]
    clients: dict[str, httpx.Client]
    times: list[datetime] = field(default_factory=list)
    """What the service's clock says, once it is set."""

    def opened(self, *alerts: Alert) -> UUID:
        """Let alerts come in; returns the incident of the last."""
        given = self.given
        with given.database.writing() as connection:
            store.take(connection, given.settings, alerts, datetime.now(UTC), given.book)
        return self.of(alerts[-1])

    def of(self, alert: Alert) -> UUID:
        query = sa.select(tables.alerts.c.incident_id).where(
            tables.alerts.c.alert_id == alert.alert_id
        )
        with self.given.database.reading() as connection:
            found: UUID = connection.execute(query).scalar_one()
        return found

    def row(self, incident: UUID) -> dict[str, Any]:
        with self.given.database.reading() as connection:
            return dict(changing.existing(connection, incident))

    def asked(self, incident: UUID, action: str, by: str = "li.wei", **more: Any) -> httpx.Response:
        """Ask for an action, on the newest version unless another is given."""
        said = {"version": self.row(incident)["version"], **more, "action": action}
        return self.clients[by].post(f"/api/incidents/{incident}/actions", json=said)

    def act(self, incident: UUID, action: str, by: str = "li.wei", **more: Any) -> dict[str, Any]:
        """As ``asked``, and it is done."""
        answer = self.asked(incident, action, by, **more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refused(self, incident: UUID, action: str, by: str = "li.wei", **more: Any) -> str:
        """As ``asked``, and it is refused: the code."""
        answer = self.asked(incident, action, by, **more)
        assert answer.status_code >= 400, answer.text
        return code_of(answer)

    def steps(self, incident: UUID) -> list[dict[str, Any]]:
        with self.given.database.reading() as connection:
            return [dict(one) for one in history.of(connection, incident)]

    def kinds(self, incident: UUID) -> list[str]:
        """Return what happened to it; what clocks noticed meanwhile has no part in these tests."""
        return [one["action"] for one in self.steps(incident) if one["actor"] != CLOCK]

    def audit(self, incident: UUID) -> list[tuple[str, dict[str, Any]]]:
        query = sa.select(tables.audit.c.action, tables.audit.c.body).where(
            tables.audit.c.object_id == str(incident)
        )
        with self.given.database.reading() as connection:
            rows = connection.execute(query.order_by(tables.audit.c.seq)).all()
        return [(row.action, json.loads(row.body)["detail"]) for row in rows]

    def places(self, incident: UUID) -> set[str]:
        table = tables.incident_places
        query = sa.select(table.c.place_code).where(table.c.incident_id == incident)
        with self.given.database.reading() as connection:
            return set(connection.execute(query).scalars())

    def faults(self) -> Sequence[str]:
        with self.given.database.reading() as connection:
            return illegal(connection)


def code_of(answer: httpx.Response) -> str:
    """Return what a refusal is called, the narrowest word for it."""
    problem = answer.json()
    errors = problem.get("errors") or [{"code": problem["code"]}]
    return str(errors[0]["code"])


@contextmanager
def centre(given: Parts) -> Iterator[Centre]:
    """A running service on the database, without Redis of its own: nothing leaves by itself."""
    estate(given.database)
    times: list[datetime] = []

    def clock() -> datetime:
        return times[-1] if times else datetime.now(UTC)

    people = {
        login: make_account(given.database, role, places, login=login)
        for login, (role, places) in PEOPLE.items()
    }
    with ExitStack() as undo:
        url = undo.enter_context(
            serving(given.settings, clock=clock, redis_url="redis://127.0.0.1:1/0")
        )
        clients = {
            login: undo.enter_context(
                httpx.Client(
                    base_url=url,
                    headers={"Authorization": f"Bearer {token(given.database, account)}"},
                    timeout=30,
                )
            )
            for login, account in people.items()
        }
        yield Centre(given=given, url=url, people=people, clients=clients, times=times)
