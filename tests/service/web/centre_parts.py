"""A centre for the console's tests: incidents at work, their orders, two operators."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from playwright.sync_api import Browser, Page

from pipelines.messages import Alert
from service import tables
from tests.service.helpers import alert
from tests.service.signing_in import Account, make_account, token
from tests.service.web.evidence_parts import World, incident_of, just_now_s, world
from tests.service.web.visits import session_of, visiting
from tests.support.waiting import until
from vision.hazards import Hazard


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A service that runs, and what is asked of it."""

    world: World
    people: dict[str, Account]
    cookies: dict[str, dict[str, str]]
    """Of everybody's session, by login."""
    clients: dict[str, httpx.Client]

    @property
    def url(self) -> str:
        return self.world.url

    def incident(self, name: str, *, hazard: Hazard = Hazard.FIRE, drill: bool = False) -> str:
        """Raise an incident at a camera of this name; returns its id once it is there."""
        one: Alert = alert(
            just_now_s(), camera_id=self.world.camera(name), hazard=hazard, drill=drill
        )
        self.world.send(one)
        found = incident_of(one)
        until(lambda: self.of(found).status_code == 200, "the incident")
        return str(found)

    def of(self, incident: UUID | str) -> httpx.Response:
        return self.clients["operator"].get(f"/api/incidents/{incident}")

    def act(self, incident: str, *actions: str, by: str = "operator", **more: Any) -> Any:
        """Do these one after another; the last takes ``more``."""
        found: Any = None
        for action in actions:
            said = {"version": self.of(incident).json()["version"], "action": action}
            said |= more if action == actions[-1] else {}
            answer = self.clients[by].post(f"/api/incidents/{incident}/actions", json=said)
            assert answer.status_code == 200, answer.text
            found = answer.json()
        return found

    def sent(self, incident: str) -> str:
        """Confirm and dispatch; returns the order's id once it has left."""
        self.act(incident, "confirm", "dispatch")
        until(lambda: self.of(incident).json()["orders"][0]["sent_at"], "the order")
        return str(self.of(incident).json()["orders"][0]["order_id"])

    def bury(self, order: str) -> None:
        """Make an order a dead letter."""
        with self.world.database.writing() as connection:
            mine = tables.orders.c.order_id == UUID(order)
            values = {"state": "dead", "sent_at": None, "last_error": "given_up", "attempts": 7}
            connection.execute(sa.update(tables.orders).where(mine).values(**values))


@contextmanager
def centre(directory: Path) -> Iterator[Centre]:
    with world(directory) as found:
        people = {
            **found.people,
            "second": make_account(found.database, "operator", login="second"),
        }
        clients = {
            login: httpx.Client(
                base_url=found.url,
                headers={"Authorization": f"Bearer {token(found.database, who)}"},
                timeout=30,
            )
            for login, who in people.items()
        }
        try:
            yield Centre(
                world=found,
                people=people,
                cookies={login: session_of(found.url, who) for login, who in people.items()},
                clients=clients,
            )
        finally:
            for client in clients.values():
                client.close()


@contextmanager
def at(
    browser: Browser,
    given: Centre,
    path: str,
    *,
    who: str = "operator",
    width_px: int = 1366,
    language: str = "zh",
) -> Iterator[Page]:
    """Somebody at a page; at the end nothing forbidden has happened."""
    with visiting(
        browser, given.url, given.cookies[who], width_px=width_px, language=language
    ) as page:
        page.goto(f"{given.url}{path}")
        yield page
