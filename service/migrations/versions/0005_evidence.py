"""Evidence: its pictures' rows, legal holds, retention rules, and hashes of what is gone.

Revision 0005, after 0004.
"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Types are spelled out rather than imported: a step must not change when the code does.
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(128)
WORD = sa.String(32)
DIGEST = sa.String(64)

NEW_ABSENCES = ("pending", "no_frames", "no_store", "expired")
"""Reasons that no service before this step knows: it could not show an alert that has one."""

KEPT = timedelta(days=30)
"""There are no rules yet."""


def upgrade() -> None:
    """Create the tables, and an index that the feed is cleaned by."""
    op.create_table(
        "evidence",
        sa.Column("ref", WORD, nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("place_code", WORD),
        sa.Column("hazard", WORD, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("removing_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.alert_id"], name="fk_evidence_alert_id_alerts"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name="fk_evidence_incident_id_incidents"
        ),
        sa.PrimaryKeyConstraint("ref", name="pk_evidence"),
    )
    for column in ("alert_id", "incident_id", "expires_at", "removing_at"):
        op.create_index(f"ix_evidence_{column}", "evidence", [column])
    op.create_table(
        "evidence_holds",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("held_by", NAME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.incident_id"],
            name="fk_evidence_holds_incident_id_incidents",
        ),
        sa.PrimaryKeyConstraint("incident_id", name="pk_evidence_holds"),
    )
    op.create_table(
        "evidence_rules",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hazard", WORD),
        sa.Column("place_code", WORD),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_rules"),
    )
    op.create_table(
        "evidence_gone",
        sa.Column("ref_hash", DIGEST, nullable=False),
        sa.Column("alert_id", sa.Uuid()),
        sa.Column("gone_at", INSTANT),
        sa.PrimaryKeyConstraint("ref_hash", name="pk_evidence_gone"),
    )
    op.create_index("ix_evidence_gone_gone_at", "evidence_gone", ["gone_at"])
    op.create_index("ix_feed_incident_id", "feed", ["incident_id"])
    _take_over()


def _take_over() -> None:
    """Let what alerts name already go in its time: newer workers, or this step taken back."""
    alerts, incidents = (
        sa.table(
            name,
            *(sa.column(one) for one in ("evidence_ref", "camera_id", "hazard", "place_code")),
            sa.column("alert_id", sa.Uuid()),
            sa.column("incident_id", sa.Uuid()),
            sa.column("first_seen_at", INSTANT),
        )
        for name in ("alerts", "incidents")
    )
    there = alerts.join(incidents, incidents.c.incident_id == alerts.c.incident_id)
    query = (
        sa.select(
            alerts.c.evidence_ref,
            alerts.c.alert_id,
            alerts.c.incident_id,
            alerts.c.camera_id,
            incidents.c.place_code,
            alerts.c.hazard,
            alerts.c.first_seen_at,
        )
        .select_from(there)
        .where(sa.func.length(alerts.c.evidence_ref) <= WORD.length)  # others were none of ours
    )
    columns = ("ref", "alert_id", "incident_id", "camera_id", "place_code", "hazard", "made_at")
    rows = {one[0]: dict(zip(columns, one, strict=True)) for one in op.get_bind().execute(query)}
    evidence = sa.table(
        "evidence",
        *(sa.column(one) for one in ("ref", "camera_id", "place_code", "hazard")),
        *(sa.column(one, sa.Uuid()) for one in ("alert_id", "incident_id")),
        *(sa.column(one, INSTANT) for one in ("made_at", "expires_at")),
    )
    for row in rows.values():
        row["expires_at"] = row["made_at"] + KEPT
    if rows:
        op.get_bind().execute(sa.insert(evidence), list(rows.values()))


def downgrade() -> None:
    """Drop them. The pictures stay where they are; the older service shows none."""
    op.drop_index("ix_feed_incident_id", "feed")
    for table in ("evidence_gone", "evidence_rules", "evidence_holds", "evidence"):
        op.drop_table(table)
    alerts = sa.table("alerts", sa.column("evidence_absent", WORD))
    op.execute(
        sa.update(alerts)
        .where(alerts.c.evidence_absent.in_(NEW_ABSENCES))
        .values(evidence_absent="store_failed")
    )
