"""Whatever people, alerts, crews and clocks do in whatever order, the history explains it all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.messages import Alert
from service import tables
from service.accounts.principal import ROOT_PATH, Principal
from service.accounts.roles import PERMISSIONS, Role
from service.database import Database
from service.dispatch.targets import TargetBook
from service.errors import ProblemError
from service.incidents import changing, store
from service.incidents.action_models import REASONS, Action, IncidentAction
from service.incidents.actions import KINDS, act
from service.incidents.desk import Desk
from service.incidents.history import Step
from service.incidents.lifecycle import CLOCK, OPEN, IncidentState, StepKind, allowed
from service.settings import ServiceSettings
from tests.service.helpers import Parts, alert, at
from tests.service.incidents.kit import HERE, NEXT, estate
from tests.service.signing_in import make_account
from tests.support.incident_history import illegal
from vision.hazards import Hazard

HAZARDS = (Hazard.FIRE, Hazard.FIRE, Hazard.STOPPED_VEHICLE, Hazard.CAMERA_FAULT)
ACTIONS = (*Action, *3 * [Action.MERGE, Action.SPLIT])
CAMERAS = (HERE, HERE, NEXT, "unregistered")

Deed = tuple[str, dict[str, Any]]

sightings = st.fixed_dictionaries(
    {
        "onset_s": st.sampled_from([0, 5, 40, 900, 2000, 3000]),
        "revision": st.integers(1, 3),
        "ended": st.booleans(),
        "camera_id": st.sampled_from(CAMERAS),
        "hazard": st.sampled_from(HAZARDS),
        "zone_id": st.sampled_from(["all", "all", "lane"]),
        "drill": st.sampled_from([False, False, False, True]),
    }
)
people = st.fixed_dictionaries(
    {
        "who": st.sampled_from(["li.wei", "wang.fang"]),
        "which": st.integers(0, 5),
        "other": st.integers(0, 5),
        "action": st.integers(0, 999),
        "bold": st.sampled_from([False, False, False, True]),
        "reason": st.integers(0, 3),
        "stale": st.sampled_from([0, 0, 0, 0, 0, 0, 1]),
        "alerts": st.integers(1, 3),
    }
)
others = st.fixed_dictionaries(
    {
        "which": st.integers(0, 5),
        "actor": st.sampled_from([CLOCK, "target:dispatch", "policy:unconfirmed"]),
        "kind": st.sampled_from(
            [
                StepKind.ORDER_SENT,
                StepKind.ARRIVED,
                StepKind.REPORTED,
                StepKind.CLOSED,
                StepKind.CONFIRMED,
                StepKind.BREACHED,
                StepKind.RECEIPT,
            ]
        ),
    }
)
days = st.lists(
    st.one_of(
        st.tuples(st.just("alert"), sightings),
        st.tuples(st.just("person"), people),
        st.tuples(st.just("person"), people),
        st.tuples(st.just("other"), others),
    ),
    min_size=15,
    max_size=45,
)


class UndoneError(Exception):
    """Takes a whole day back, so that the next begins with nothing."""


class Day:
    """One sequence of what happens, each deed wholly or not at all, in one transaction."""

    def __init__(self, connection: sa.Connection, world: "World") -> None:
        self.connection, self.world = connection, world
        self.number = 0

    def play(self, deed: Deed) -> None:
        kind, said = deed
        self.number += 1
        do = {"alert": self._alert, "person": self._person, "other": self._other}[kind]
        with suppress(ProblemError), self.connection.begin_nested():
            do(self.connection, said)

    def _alert(self, connection: sa.Connection, said: dict[str, Any]) -> None:
        before = self._decided(connection)
        seen: Alert = alert(seen_s=said["onset_s"] + said["revision"], **said)
        store.take(connection, self.world.settings, [seen], at(self.number), self.world.book)
        after = self._decided(connection)
        assert {one: after[one] for one in before} == before, "an alert changed a decision"

    def _person(self, connection: sa.Connection, said: dict[str, Any]) -> None:
        ids = self._ids(connection)
        if not ids:
            return
        mine = ids[said["which"] % len(ids)]
        version = changing.existing(connection, mine)["version"] - said["stale"]
        state = IncidentState(changing.existing(connection, mine)["state"])
        # Mostly what a console would offer, so that much of it is done.
        fitting = [one for one in ACTIONS if said["bold"] or KINDS[one] in allowed(state)]
        action = fitting[said["action"] % len(fitting)]
        asked: dict[str, Any] = {"action": action, "version": max(version, 0)}
        if action in REASONS:
            reasons = sorted(REASONS[action])
            asked["reason"] = reasons[said["reason"] % len(reasons)]
        match action:
            case Action.NOTE:
                asked["note"] = "seen by telephone"
            case Action.ASSIGN:
                asked["assignee"] = self.world.people[said["who"]].account_id
            case Action.MERGE:
                alike = self._alike(connection, mine) or ids
                asked["into"] = alike[said["other"] % len(alike)]
            case Action.DISPATCH:
                drill = changing.existing(connection, mine)["drill"]
                asked["targets"] = ["dispatch.drill" if drill else "dispatch"]
            case Action.SPLIT:
                mine = self._largest(connection) or mine
                asked["version"] = changing.existing(connection, mine)["version"]
                own = self._alerts(connection, mine)
                asked["alerts"] = own[: said["alerts"]] or [UUID(int=1)]
        who = self.world.people[said["who"]]
        desk = Desk(connection=connection, who=who, book=self.world.book, now=at(self.number))
        act(desk, mine, IncidentAction(**asked))

    def _other(self, connection: sa.Connection, said: dict[str, Any]) -> None:
        ids = self._ids(connection)
        step = Step(kind=said["kind"], actor=said["actor"], at=at(self.number))
        if ids:
            changing.take(connection, ids[said["which"] % len(ids)], step)

    def _ids(self, connection: sa.Connection) -> list[UUID]:
        query = sa.select(tables.incidents.c.incident_id).order_by(
            tables.incidents.c.opened_at, tables.incidents.c.incident_id
        )
        return list(connection.execute(query).scalars())

    def _alike(self, connection: sa.Connection, mine: UUID) -> list[UUID]:
        """Return the other open incidents of the same kind."""
        row = changing.existing(connection, mine)
        table = tables.incidents
        query = sa.select(table.c.incident_id).where(
            table.c.hazard == row["hazard"],
            table.c.drill == row["drill"],
            table.c.state.in_(sorted(OPEN)),
            table.c.incident_id != mine,
        )
        return list(connection.execute(query.order_by(table.c.incident_id)).scalars())

    def _largest(self, connection: sa.Connection) -> UUID | None:
        table = tables.alerts
        query = sa.select(table.c.incident_id).group_by(table.c.incident_id)
        order = (sa.func.count().desc(), table.c.incident_id)
        return connection.execute(query.order_by(*order).limit(1)).scalar()

    def _alerts(self, connection: sa.Connection, incident: UUID) -> list[UUID]:
        table = tables.alerts
        query = sa.select(table.c.alert_id).where(table.c.incident_id == incident)
        return list(connection.execute(query.order_by(table.c.alert_id)).scalars())

    def _decided(self, connection: sa.Connection) -> dict[UUID, tuple[Any, ...]]:
        """Return what was decided about real incidents."""
        names = ("state", "state_by", "state_reason", "version", "assigned_to", "merged_into")
        table = tables.incidents
        query = sa.select(table.c.incident_id, *(table.c[name] for name in names))
        rows = connection.execute(query.where(table.c.drill.is_(False)))
        return {row.incident_id: tuple(row)[1:] for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where days happen."""

    database: Database
    settings: ServiceSettings
    book: TargetBook
    people: dict[str, Principal]

    @contextmanager
    def day(self) -> Iterator[Day]:
        """Give a day that leaves nothing behind."""
        with suppress(UndoneError), self.database.writing() as connection:
            yield Day(connection, self)
            raise UndoneError


@pytest.fixture
def world(lone: Parts) -> World:
    estate(lone.database)
    people = {
        login: Principal(
            account_id=make_account(lone.database, Role.OPERATOR, login=login).account_id,
            login=login,
            role=Role.OPERATOR,
            permissions=PERMISSIONS[Role.OPERATOR],
            paths=(ROOT_PATH,),
        )
        for login in ("li.wei", "wang.fang")
    }
    return World(database=lone.database, settings=lone.settings, book=lone.book, people=people)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(deeds=days)
def test_every_day_leaves_a_history_that_explains_it(world: World, deeds: list[Deed]) -> None:
    with world.day() as day:
        for deed in deeds:
            day.play(deed)
        assert illegal(day.connection) == []


FORGED = (
    ("incidents", {"state": "confirmed"}),
    ("incidents", {"sent_at": at(7)}),
    ("incidents", {"state_by": "somebody"}),
    ("incidents", {"merged_into": UUID(int=1)}),
    ("incident_steps", {"from_state": "closed"}),
    ("incident_steps", {"to_state": "on_site"}),
    ("incident_steps", {"action": "arrived"}),
    ("alerts", {"drill": True}),
)


@pytest.mark.parametrize(("table", "values"), FORGED)
def test_what_no_history_explains_is_found(
    world: World, table: str, values: dict[str, Any]
) -> None:
    seen = {"onset_s": 0, "revision": 1, "camera_id": HERE, "hazard": Hazard.FIRE}
    with world.day() as day:
        day.play(("alert", seen))
        (one,) = day.connection.execute(sa.select(tables.incidents.c.incident_id)).scalars()
        step = Step(kind=StepKind.DISMISSED, actor="li.wei", at=at(5))
        changing.take(day.connection, one, step)
        assert illegal(day.connection) == []
        day.connection.execute(sa.update(tables.metadata.tables[table]).values(**values))
        assert illegal(day.connection) != []
