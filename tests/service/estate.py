"""Two townships, and in each one of everything that somebody could ask for."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from uuid import UUID, uuid4

import sqlalchemy as sa

from pipelines.evidence_store import EvidenceStore
from pipelines.messages import EvidencePart, incident_id
from service import tables
from service.database import Database
from service.evidence import taking
from service.incidents.store import _alert_columns as alert_columns
from tests.service.helpers import alert

OWN, FOREIGN = "330106004", "330109102"

STILL = b"\xff\xd8\xff still \xff\xd9"

TREE = (
    ("330100", "0", "city", "杭州市", "/0/330100/"),
    ("330106", "330100", "county", "西湖区", "/0/330100/330106/"),
    ("330109", "330100", "county", "萧山区", "/0/330100/330109/"),
    (OWN, "330106", "township", "灵隐街道", f"/0/330100/330106/{OWN}/"),
    (FOREIGN, "330109", "township", "楼塔镇", f"/0/330100/330109/{FOREIGN}/"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """The ids of one township's things."""

    code: str
    camera_id: str
    window_id: UUID
    """One that is over."""
    incident_id: UUID
    account_id: UUID
    token_id: UUID
    view_id: UUID
    """One that its account saved."""
    ref: str = field(default_factory=lambda: token_urlsafe(24))
    """What ``add_evidence`` calls the incident's."""
    import_id: UUID = field(default_factory=uuid4)
    """One that its account began."""
    batch_id: UUID = field(default_factory=uuid4)
    """What ``add_probe`` calls the batch of the camera's probe."""
    order_id: UUID = field(default_factory=uuid4)
    """About its incident."""
    handover_id: UUID = field(default_factory=uuid4)
    """One that its account gave to itself, and that was withdrawn."""


def fill(database: Database) -> dict[str, Things]:
    """Fill an empty, migrated database; returns each township's things by its code."""
    with database.writing() as connection:
        for code, parent, level, name, path in TREE:
            connection.execute(
                sa.insert(tables.places).values(
                    code=code, parent_code=parent, level=level, name=name, path=path
                )
            )
        return {code: _things(connection, code) for code in (OWN, FOREIGN)}


def _things(connection: sa.Connection, code: str) -> Things:
    now = datetime.now(UTC)
    account_id, token_id, camera_id, window_id = uuid4(), uuid4(), str(uuid4()), uuid4()
    connection.execute(sa.insert(tables.cameras).values(**camera_row(camera_id, code)))
    connection.execute(
        sa.insert(tables.camera_windows).values(
            window_id=window_id,
            camera_id=camera_id,
            kind="roadworks",
            starts_at=now - timedelta(days=2),
            ends_at=now - timedelta(days=1),
            author=f"author-{code}",
            created_at=now - timedelta(days=2),
        )
    )
    connection.execute(
        sa.insert(tables.accounts).values(
            account_id=account_id,
            login=f"target-{code}",
            name="Target",
            role="viewer",
            password_once=False,
            revision=1,
            created_at=now,
            created_by="test",
        )
    )
    connection.execute(
        sa.insert(tables.account_places).values(account_id=account_id, place_code=code)
    )
    connection.execute(
        sa.insert(tables.tokens).values(
            token_id=token_id,
            account_id=account_id,
            name="token",
            secret_hash=token_id.hex * 2,
            scopes=["camera.read"],
            created_at=now,
            expires_at=now + timedelta(days=1),
        )
    )
    view_id = uuid4()
    connection.execute(
        sa.insert(tables.saved_views).values(
            view_id=view_id, account_id=account_id, name=f"view-{code}", query={}, created_at=now
        )
    )
    import_id = uuid4()
    connection.execute(
        sa.insert(tables.camera_imports).values(
            import_id=import_id,
            account_id=account_id,
            created_by=f"target-{code}",
            created_at=now,
            moved_at=now,
            file_name=f"import-{code}.csv",
            digest="",
            options={"source": "auto", "watch": False, "defaults": {}},
            state="checked",
            titles=[],
            rows=0,
            checked=0,
            committed=0,
            counts={},
            by_reason={},
        )
    )
    seen = alert(camera_id=camera_id)
    incident = incident_id(seen.alert_id)
    connection.execute(
        sa.insert(tables.incidents).values(
            incident_id=incident,
            camera_id=camera_id,
            place_code=code,
            hazard="fire",
            zone_id="all",
            drill=False,
            severity="extreme",
            state="new",
            opened_at=now,
            first_seen_at=seen.first_seen_at,
            last_seen_at=seen.last_seen_at,
            score=0.8,
        )
    )
    order_id = uuid4()
    connection.execute(
        sa.insert(tables.orders).values(
            order_id=order_id,
            incident_id=incident,
            decision_id=uuid4(),
            target="dispatch",
            drill=False,
            state="sent",
            decided_by=f"target-{code}",
            decided_at=now,
            sent_at=now,
            body=f'{{"place_code": "{code}"}}',
        )
    )
    handover_id = uuid4()
    connection.execute(
        sa.insert(tables.handovers).values(
            handover_id=handover_id,
            place_code=code,
            from_account=account_id,
            from_login=f"target-{code}",
            to_account=account_id,
            to_login=f"target-{code}",
            note="",
            listed={"open": 0, "mine": 0, "by_state": {}, "incidents": []},
            given_at=now,
            withdrawn_at=now,
        )
    )
    return Things(
        code=code,
        camera_id=camera_id,
        window_id=window_id,
        incident_id=incident,
        account_id=account_id,
        token_id=token_id,
        view_id=view_id,
        import_id=import_id,
        order_id=order_id,
        handover_id=handover_id,
    )


def add_evidence(database: Database, store: EvidenceStore, things: Things) -> None:
    """Give a township's incident an alert and its pictures."""
    now = datetime.now(UTC)
    seen = alert(camera_id=things.camera_id, evidence_ref=things.ref)
    with database.writing() as connection:
        connection.execute(
            sa.insert(tables.alerts).values(
                **alert_columns(seen), incident_id=things.incident_id, received_at=now
            )
        )
        taking.take(connection, seen, things.incident_id, now)
    store.put(things.ref, EvidencePart.STILL, STILL)


def add_probe(database: Database, store: EvidenceStore, things: Things) -> None:
    """Give a township's camera a probe that is done, and a place picture."""
    now, ref = datetime.now(UTC), token_urlsafe(24)
    with database.writing() as connection:
        connection.execute(
            sa.insert(tables.probes).values(
                probe_id=uuid4(),
                batch_id=things.batch_id,
                camera_id=things.camera_id,
                subnet="192.0.2.0/24",
                platform="192.0.2.1:554",
                wants_place_picture=True,
                asked_by=f"target-{things.code}",
                asked_at=now,
                state="done",
                sent_at=now,
                finished_at=now,
            )
        )
        connection.execute(
            sa.insert(tables.place_pictures).values(
                ref=ref, camera_id=things.camera_id, made_at=now, asked_by=f"target-{things.code}"
            )
        )
    store.put(ref, EvidencePart.PLACE, STILL)


def camera_row(camera_id: str, code: str) -> dict[str, object]:
    """Return a camera's columns."""
    now = datetime.now(UTC)
    return {
        "camera_id": camera_id,
        "name": f"camera of {code}",
        "programme": "xueliang",
        "place_type": "road",
        "purpose": "fire",
        "legal_basis": "regulation",
        "owner": "village",
        "sign_confirmed_by": "test",
        "sign_confirmed_at": now,
        "contact_number": "0571-88888888",
        "place_code": code,
        "longitude": 120.1,
        "latitude": 30.2,
        "coordinate_system": "wgs84",
        "wgs84_longitude": 120.1,
        "wgs84_latitude": 30.2,
        "main_url": "rtsp://192.0.2.1/main",
        "hazards": ["fire"],
        "zones": [],
        "enabled": True,
        "drill": False,
        "revision": 1,
        "published_revision": 0,
        "created_at": now,
        "created_by": "test",
        "updated_at": now,
        "updated_by": "test",
    }
