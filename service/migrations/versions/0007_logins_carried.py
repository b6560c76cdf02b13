"""Rows of files are found again by their GB id: a login sealed for one is carried to the next.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "camera_import_rows"
INDEX = "ix_camera_import_rows_gb_id"


def upgrade() -> None:
    """Add the column, empty: rows that are there already are kept for a week at most."""
    op.add_column(TABLE, sa.Column("gb_id", sa.String(32)))
    op.create_index(INDEX, TABLE, ["gb_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, "gb_id")
