"""Kept scores of hazard candidates, and verdicts on incidents.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Types are spelled out rather than imported: a step must not change when the code does.
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(128)
WORD = sa.String(32)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "candidates",
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("hazard", WORD, nullable=False),
        sa.Column("zone_id", NAME, nullable=False),
        sa.Column("worker_id", NAME, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("moment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("x0", sa.Float(), nullable=False),
        sa.Column("y0", sa.Float(), nullable=False),
        sa.Column("x1", sa.Float(), nullable=False),
        sa.Column("y1", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "camera_id", "hazard", "zone_id", "worker_id", "epoch", "moment", name="pk_candidates"
        ),
    )
    op.create_index("ix_candidates_at", "candidates", ["at"])
    op.create_index("ix_candidates_camera_id_at", "candidates", ["camera_id", "at"])
    op.create_table(
        "verdicts",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", WORD, nullable=False),
        sa.Column("reason", WORD),
        sa.Column("note", sa.Text()),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.Column("given_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name="fk_verdicts_incident_id_incidents"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_verdicts_account_id_accounts"
        ),
        sa.PrimaryKeyConstraint("incident_id", "account_id", name="pk_verdicts"),
    )


def downgrade() -> None:
    """Drop them, and what they hold with them."""
    op.drop_table("verdicts")
    op.drop_table("candidates")
