"""Cameras get a water scale and thresholds, and windows in which something is expected.

Zones stay as they are: one without a kind is an area.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Types are spelled out rather than imported: a step must not change when the code does.
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(128)


def upgrade() -> None:
    """Add the columns, empty, and the table."""
    op.add_column("cameras", sa.Column("water", sa.JSON()))
    op.add_column(
        "cameras", sa.Column("thresholds", sa.JSON(), nullable=False, server_default="{}")
    )
    op.create_table(
        "camera_windows",
        sa.Column("window_id", sa.Uuid(), nullable=False),
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("author", NAME, nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_by", NAME),
        sa.Column("ended_at", INSTANT),
        sa.PrimaryKeyConstraint("window_id", name="pk_camera_windows"),
    )
    op.create_index(
        "ix_camera_windows_camera_id_ends_at", "camera_windows", ["camera_id", "ends_at"]
    )


def downgrade() -> None:
    """Drop them, and what they hold with them; kinds and directions stay in the zones, unread."""
    op.drop_table("camera_windows")
    op.drop_column("cameras", "thresholds")
    op.drop_column("cameras", "water")
