"""The table: every role on every route, with an object of its own places and with a foreign one."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute

from pipelines.evidence_store import EvidenceStore
from service.accounts.roles import PERMISSIONS, SCOPES, Permission, Role
from service.app import create_app
from service.places.codes import ROOT_CODE
from tests.service.estate import FOREIGN, OWN, Things, add_evidence, add_probe, fill
from tests.service.helpers import opened, settings_for, sqlite_copy
from tests.service.process import serving
from tests.service.signing_in import bearer, make_account, signed_in

PUBLIC = None
ANYBODY = "any account"
"""Who is logged in, whatever the role."""

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A route of the table."""

    may: Permission | str | None
    """The permission it needs."""
    send: JSON | None = None
    """A body that gets past the description."""
    headers: tuple[tuple[str, str], ...] = ()
    everywhere: bool = False
    """Whether it is, besides, for accounts of the whole installation alone."""
    query: str = ""
    """What has to be asked along."""
    person: bool = False
    """Whether it is, besides, for sessions alone: somebody signs."""


PART = "still.jpg"

EDIT = (("If-Match", '"1"'),)

OF_AN_IMPORT = (
    ("GET", ""),
    ("DELETE", ""),
    ("PUT", "/file"),
    ("GET", "/rows"),
    ("GET", "/annotated.csv"),
    ("GET", "/annotated.xlsx"),
    ("POST", "/commit"),
)

TABLE: dict[tuple[str, str], Row] = {
    ("GET", "/healthz"): Row(may=PUBLIC),
    ("GET", "/api/ways-to-sign-in"): Row(may=PUBLIC),
    ("POST", "/api/session"): Row(may=PUBLIC, send={"login": "nobody", "password": "wrong"}),
    ("GET", "/api/session/oidc"): Row(may=PUBLIC),
    ("GET", "/api/session/oidc/callback"): Row(may=PUBLIC),
    ("GET", "/api/session"): Row(may=ANYBODY),
    ("DELETE", "/api/session"): Row(may=ANYBODY),
    ("POST", "/api/session/password"): Row(
        may=ANYBODY, send={"current_password": "wrong", "new_password": "x"}
    ),
    ("GET", "/api/tokens"): Row(may=ANYBODY),
    ("POST", "/api/tokens"): Row(
        may=ANYBODY, send={"name": "t", "scopes": ["nothing"], "expires_in_days": 1}
    ),
    ("DELETE", "/api/tokens/{token_id}"): Row(may=ANYBODY),
    ("GET", "/api/accounts"): Row(may=Permission.ACCOUNT_READ),
    ("POST", "/api/accounts"): Row(may=Permission.ACCOUNT_WRITE, send={}),
    ("GET", "/api/accounts/{account_id}"): Row(may=Permission.ACCOUNT_READ),
    ("PATCH", "/api/accounts/{account_id}"): Row(
        may=Permission.ACCOUNT_WRITE, send={"name": "Renamed"}, headers=EDIT
    ),
    ("DELETE", "/api/accounts/{account_id}"): Row(may=Permission.ACCOUNT_WRITE, headers=EDIT),
    ("POST", "/api/accounts/{account_id}/one-time-password"): Row(may=Permission.ACCOUNT_WRITE),
    ("DELETE", "/api/accounts/{account_id}/identity"): Row(may=Permission.ACCOUNT_WRITE),
    ("GET", "/api/places"): Row(may=Permission.PLACE_READ),
    ("POST", "/api/places"): Row(may=Permission.PLACE_WRITE, send={}),
    ("POST", "/api/places/import"): Row(may=Permission.PLACE_WRITE),
    ("GET", "/api/places/{code}"): Row(may=Permission.PLACE_READ),
    ("PATCH", "/api/places/{code}"): Row(
        may=Permission.PLACE_WRITE, send={"name": "Renamed"}, headers=EDIT
    ),
    ("DELETE", "/api/places/{code}"): Row(may=Permission.PLACE_WRITE, headers=EDIT),
    ("GET", "/api/camera-choices"): Row(may=Permission.CAMERA_READ),
    ("GET", "/api/cameras"): Row(may=Permission.CAMERA_READ),
    ("POST", "/api/cameras"): Row(may=Permission.CAMERA_WRITE, send={}),
    ("GET", "/api/cameras/{camera_id}"): Row(may=Permission.CAMERA_READ),
    ("PATCH", "/api/cameras/{camera_id}"): Row(
        may=Permission.CAMERA_WRITE, send={"name": "Renamed"}, headers=EDIT
    ),
    ("DELETE", "/api/cameras/{camera_id}"): Row(may=Permission.CAMERA_WRITE, headers=EDIT),
    ("PUT", "/api/cameras/{camera_id}/credentials"): Row(
        may=Permission.CAMERA_WRITE, send={"user": "u", "password": "p"}, headers=EDIT
    ),
    ("DELETE", "/api/cameras/{camera_id}/credentials"): Row(
        may=Permission.CAMERA_WRITE, headers=EDIT
    ),
    ("GET", "/api/cameras/{camera_id}/windows"): Row(may=Permission.CAMERA_READ),
    ("POST", "/api/cameras/{camera_id}/windows"): Row(
        may=Permission.CAMERA_WRITE,
        send={
            "kind": "roadworks",
            "starts_at": "2020-05-01T08:00:00+08:00",
            "ends_at": "2020-05-01T18:00:00+08:00",
        },
    ),
    ("DELETE", "/api/cameras/{camera_id}/windows/{window_id}"): Row(may=Permission.CAMERA_WRITE),
    ("POST", "/api/cameras/bulk"): Row(
        may=Permission.CAMERA_WRITE, send={"selection": {"filter": {}}, "patch": {"owner": "o"}}
    ),
    ("GET", "/api/cameras/{camera_id}/health"): Row(may=Permission.CAMERA_READ),
    ("GET", "/api/camera-views"): Row(may=Permission.CAMERA_READ),
    ("POST", "/api/camera-views"): Row(
        may=Permission.CAMERA_READ, send={"name": "v", "query": {"state": "fault"}}
    ),
    ("DELETE", "/api/camera-views/{view_id}"): Row(may=Permission.CAMERA_READ),
    ("POST", "/api/probes"): Row(
        may=Permission.CAMERA_WRITE, send={"selection": {"camera_ids": []}}
    ),
    ("GET", "/api/probes"): Row(may=Permission.CAMERA_WRITE),
    ("GET", "/api/probes/{batch_id}"): Row(may=Permission.CAMERA_WRITE),
    ("DELETE", "/api/probes/{batch_id}"): Row(may=Permission.CAMERA_WRITE),
    ("GET", "/api/cameras/{camera_id}/probe"): Row(may=Permission.CAMERA_READ),
    ("GET", "/api/cameras/{camera_id}/place-picture"): Row(may=Permission.CAMERA_WRITE),
    ("GET", "/api/camera-imports"): Row(may=Permission.CAMERA_WRITE),
    ("POST", "/api/camera-imports"): Row(may=Permission.CAMERA_WRITE, send={"file_name": "f.csv"}),
    **{
        (method, f"/api/camera-imports/{{import_id}}{what}"): Row(may=Permission.CAMERA_WRITE)
        for method, what in OF_AN_IMPORT
    },
    **{
        ("GET", f"/api/{what}.{kind}"): Row(may=Permission.CAMERA_WRITE)
        for what in ("camera-import-template", "cameras/export")
        for kind in ("csv", "xlsx")
    },
    ("GET", "/api/audit"): Row(may=Permission.AUDIT_READ),
    ("GET", "/api/incidents"): Row(may=Permission.INCIDENT_READ),
    ("GET", "/api/incidents/{incident_id}"): Row(may=Permission.INCIDENT_READ),
    ("POST", "/api/incidents/actions"): Row(
        may=Permission.INCIDENT_HANDLE,
        send={"action": "see", "incidents": [{"incident_id": str(uuid4())}]},
    ),
    ("POST", "/api/incidents/{incident_id}/actions"): Row(
        may=Permission.INCIDENT_HANDLE, send={"action": "see"}
    ),
    ("GET", "/api/incidents/{incident_id}/steps"): Row(may=Permission.INCIDENT_READ),
    ("GET", "/api/colleagues"): Row(may=Permission.INCIDENT_HANDLE),
    ("GET", "/api/incidents/{incident_id}/verdict"): Row(may=Permission.INCIDENT_READ),
    ("POST", "/api/incidents/{incident_id}/verdict"): Row(
        may=Permission.INCIDENT_JUDGE, send={"verdict": "real"}
    ),
    ("GET", "/api/incidents/{incident_id}/evidence"): Row(may=Permission.INCIDENT_READ),
    ("PUT", "/api/incidents/{incident_id}/evidence/hold"): Row(
        may=Permission.EVIDENCE_HOLD, send={"reason": "case 7"}
    ),
    ("DELETE", "/api/incidents/{incident_id}/evidence/hold"): Row(
        may=Permission.EVIDENCE_HOLD, send={"reason": "case 7 closed"}
    ),
    ("GET", "/api/evidence/{ref}/{part}"): Row(may=Permission.INCIDENT_READ, query="?why=verify"),
    ("GET", "/api/evidence/retention"): Row(may=Permission.EVIDENCE_RETAIN, everywhere=True),
    ("PUT", "/api/evidence/retention"): Row(
        may=Permission.EVIDENCE_RETAIN, send={"rules": []}, everywhere=True
    ),
    ("GET", "/api/cameras/{camera_id}/proposals"): Row(may=Permission.CAMERA_READ),
    ("POST", "/api/cameras/{camera_id}/proposals/accept"): Row(
        may=Permission.CAMERA_WRITE,
        send={"kind": "cut_zone", "zone_id": "z", "digest": "0" * 64},
        headers=EDIT,
    ),
    ("GET", "/api/clocks"): Row(may=Permission.INCIDENT_READ),
    ("PUT", "/api/clocks"): Row(may=Permission.DUTY_WRITE, send={"rules": []}, headers=EDIT),
    ("GET", "/api/duty"): Row(may=Permission.INCIDENT_HANDLE, query=f"?place_code={OWN}"),
    ("PUT", "/api/duty"): Row(
        may=Permission.DUTY_WRITE, send={"shifts": []}, headers=EDIT, query=f"?place_code={OWN}"
    ),
    ("GET", "/api/duty/now"): Row(may=Permission.INCIDENT_HANDLE, query=f"?place_code={OWN}"),
    ("GET", "/api/handovers"): Row(may=Permission.INCIDENT_HANDLE),
    ("POST", "/api/handovers"): Row(
        may=Permission.INCIDENT_HANDLE, send={"to_login": "nobody"}, person=True
    ),
    ("GET", "/api/handovers/{handover_id}"): Row(may=Permission.INCIDENT_HANDLE),
    ("POST", "/api/handovers/{handover_id}/sign"): Row(
        may=Permission.INCIDENT_HANDLE, send={"accept": True}, person=True
    ),
    ("POST", "/api/handovers/{handover_id}/withdraw"): Row(
        may=Permission.INCIDENT_HANDLE, person=True
    ),
    ("GET", "/api/orders"): Row(may=Permission.ORDER_READ),
    ("GET", "/api/orders/{order_id}"): Row(may=Permission.ORDER_READ),
    ("POST", "/api/orders/{order_id}/receipts"): Row(
        may=Permission.ORDER_RECEIPT,
        send={
            "receipt_id": "00000000-0000-4000-8000-000000000001",
            "kind": "accepted",
            "at": "2026-01-01T00:00:00Z",
        },
    ),
    ("GET", "/api/statistics"): Row(may=Permission.INCIDENT_READ),
    ("GET", "/api/statistics.csv"): Row(may=Permission.INCIDENT_READ),
    ("GET", "/api/feed/events"): Row(may=Permission.INCIDENT_READ),
    ("POST", "/api/orders/replay"): Row(
        may=Permission.ORDER_REPLAY, send={"order_ids": [str(uuid4())]}
    ),
    ("GET", "/api/dispatch/targets"): Row(may=Permission.ORDER_READ),
    ("GET", "/api/dispatch/routes"): Row(may=Permission.ORDER_READ),
    ("PUT", "/api/dispatch/routes"): Row(
        may=Permission.DISPATCH_WRITE, send={"routes": []}, headers=EDIT
    ),
    ("POST", "/api/dispatch/routes/try"): Row(
        may=Permission.ORDER_READ, send={"hazard": "fire", "severity": "extreme"}
    ),
    ("GET", "/api/dispatch/policies"): Row(may=Permission.ORDER_READ),
    ("PUT", "/api/dispatch/policies"): Row(
        may=Permission.DISPATCH_WRITE, send={"policies": []}, headers=EDIT
    ),
    ("GET", "/api/feed"): Row(may=Permission.INCIDENT_READ),
    ("GET", "/api/status"): Row(may=Permission.STATUS_READ),
    ("GET", "/metrics"): Row(may=Permission.STATUS_READ, everywhere=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A service with the two townships, and a browser of each role in the own one."""

    things: dict[str, Things]
    browsers: dict[Role, httpx.Client]
    everywhere: dict[Role, httpx.Client]
    """The same roles for the whole installation."""
    stranger: httpx.Client
    program: httpx.Client
    """With a token of whoever may do everything, of every scope there could be."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("authorisation")
    settings = settings_for("redis://127.0.0.1:1/0", directory, database_url=sqlite_copy(directory))
    with ExitStack() as undo:
        database = undo.enter_context(opened(settings.database_url))
        things = fill(database)
        store = EvidenceStore(settings.evidence)
        for one in things.values():
            add_evidence(database, store, one)
            add_probe(database, store, one)
        url = undo.enter_context(serving(settings))

        def browsers(place: str) -> dict[Role, httpx.Client]:
            accounts = {role: make_account(database, role, (place,)) for role in Role}
            return {
                role: undo.enter_context(signed_in(url, account))
                for role, account in accounts.items()
            }

        yield Running(
            things=things,
            browsers=browsers(OWN),
            everywhere=browsers(ROOT_CODE),
            stranger=undo.enter_context(httpx.Client(base_url=url)),
            program=undo.enter_context(httpx.Client(base_url=url, headers=bearer(database))),
        )


def ask(client: httpx.Client, key: tuple[str, str], things: Things | None = None) -> httpx.Response:
    """Send a row's request; of an answer that goes on, only the head is read."""
    method, path = key
    row = TABLE[key]
    if things is not None:
        path = path.format(part=PART, **asdict(things))
    path += row.query
    with client.stream(method, path, json=row.send, headers=dict(row.headers)) as response:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            response.read()
        return response


def nowhere() -> Things:
    """Ids that nothing has."""
    return Things(
        code="330199999",
        camera_id=str(uuid4()),
        window_id=uuid4(),
        incident_id=uuid4(),
        account_id=uuid4(),
        token_id=uuid4(),
        view_id=uuid4(),
    )


GATED = [key for key, row in TABLE.items() if row.may is not PUBLIC]
ENDS_THE_SESSION = {("DELETE", "/api/session")}
OBJECTS = [key for key in GATED if "{" in key[1]]
OF_ONESELF = {
    ("DELETE", "/api/tokens/{token_id}"),
    ("DELETE", "/api/camera-views/{view_id}"),
    *((method, f"/api/camera-imports/{{import_id}}{what}") for method, what in OF_AN_IMPORT),
}
"""Another's is foreign wherever its owner is."""


def test_the_table_holds_every_route_of_the_service(tmp_path: Path) -> None:
    app = create_app(settings_for("redis://127.0.0.1:1/0", tmp_path))
    described = {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    undescribed = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute) and not route.include_in_schema
        for method in route.methods
    }
    assert described == set(TABLE)
    assert not [path for _, path in undescribed if path.startswith("/api")]


@pytest.mark.parametrize("key", TABLE, ids=" ".join)
def test_nobody_gets_in_without_a_login(running: Running, key: tuple[str, str]) -> None:
    response = ask(running.stranger, key, running.things[OWN])
    if TABLE[key].may is PUBLIC:
        assert response.status_code not in {403, 405}, response.text
        assert "http_error" not in response.text
        return
    assert response.status_code == 401, response.text
    assert response.json()["code"] == "unauthenticated"


@pytest.mark.parametrize("key", [key for key in GATED if key not in ENDS_THE_SESSION], ids=" ".join)
@pytest.mark.parametrize("role", Role)
def test_a_role_does_what_its_permissions_say(
    running: Running, role: Role, key: tuple[str, str]
) -> None:
    may = TABLE[key].may
    allowed = may is ANYBODY or may in PERMISSIONS[role]
    if TABLE[key].everywhere:
        whole = ask(running.everywhere[role], key, nowhere())
        assert (whole.status_code == 403) != allowed, whole.text
        allowed = False
    response = ask(running.browsers[role], key, nowhere())
    assert (response.status_code == 403) != allowed, response.text


@pytest.mark.parametrize(
    "key", [key for key in GATED if TABLE[key].may is not ANYBODY], ids=" ".join
)
def test_a_scope_is_what_a_token_can_be_used_for(running: Running, key: tuple[str, str]) -> None:
    response = ask(running.program, key, nowhere())
    if TABLE[key].may in SCOPES and not TABLE[key].person:
        assert response.status_code not in {401, 403}, response.text
    else:
        assert (response.status_code, response.json()["code"]) == (403, "session_needed")


@pytest.mark.parametrize("key", OBJECTS, ids=" ".join)
@pytest.mark.parametrize("role", Role)
def test_a_foreign_object_is_one_that_does_not_exist(
    running: Running, role: Role, key: tuple[str, str]
) -> None:
    """Same status, same bytes but for the id, same headers: nothing to learn."""
    foreign, none = running.things[FOREIGN], nowhere()
    there = ask(running.browsers[role], key, foreign)
    not_there = ask(running.browsers[role], key, none)
    may = TABLE[key].may
    if may is not ANYBODY and may not in PERMISSIONS[role]:
        assert there.status_code == not_there.status_code == 403
        return
    assert there.status_code == not_there.status_code == 404, there.text
    assert without_ids(there, foreign) == without_ids(not_there, none)


def without_ids(response: httpx.Response, things: Things) -> tuple[dict[str, str], str]:
    text = response.text
    for value in asdict(things).values():
        text = text.replace(str(value), "ID")
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in {"date", "content-length"}
    }
    return headers, text


@pytest.mark.parametrize("key", [key for key in OBJECTS if key not in OF_ONESELF], ids=" ".join)
def test_an_own_object_is_found(running: Running, key: tuple[str, str]) -> None:
    """So that the test before can't pass because nothing is ever found. Changes nothing: reads
    are whole, changes lack their If-Match or are refused for another reason than 404."""
    method, path = key
    things = running.things[OWN]
    response = running.browsers[Role.ADMIN].request(
        method,
        path.format(part=PART, **asdict(things)) + TABLE[key].query,
        json=TABLE[key].send,
    )
    assert response.status_code not in {401, 403, 404}, response.text


@pytest.mark.parametrize("role", Role)
def test_no_list_shows_what_is_foreign(running: Running, role: Role) -> None:
    foreign = running.things[FOREIGN]
    secret = {str(value) for value in asdict(foreign).values()} | {"楼塔镇", f"target-{FOREIGN}"}
    lists = [key for key in GATED if key[0] == "GET" and "{" not in key[1]]
    for key in lists:
        if key[1] in {"/api/feed", "/metrics"}:
            continue
        for query in ("", f"?q={FOREIGN}", "?q=target", "?q=楼塔"):
            text = running.browsers[role].get(key[1] + query).text.replace(query[3:] or "\0", "")
            assert not [one for one in secret if one in text], (key, query)
