"""Registering estates: imports, probes, place pictures, health, figures, saved views.

Revision 0006, after 0005.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Types are spelled out rather than imported: a step must not change when the code does.
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(128)
WORD = sa.String(32)
DIGEST = sa.String(64)
JSON = sa.JSON()


def upgrade() -> None:
    """Create the tables; nothing that was there changes."""
    _imports()
    _probes()
    _health()
    op.create_table(
        "saved_views",
        _must("view_id", sa.Uuid()),
        _must("account_id", sa.Uuid()),
        _must("name", NAME),
        _must("query", JSON),
        _must("created_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_saved_views_account_id_accounts"
        ),
        sa.PrimaryKeyConstraint("view_id", name="pk_saved_views"),
        sa.UniqueConstraint("account_id", "name", name="uq_saved_views_account_id_name"),
    )


def downgrade() -> None:
    """Drop them. Place pictures stay where they are until the store's sweep finds them."""
    for table in (
        "saved_views",
        "camera_figures",
        "camera_health",
        "place_pictures",
        "probed",
        "probes",
        "camera_import_rows",
        "camera_imports",
    ):
        op.drop_table(table)


def _imports() -> None:
    op.create_table(
        "camera_imports",
        _must("import_id", sa.Uuid()),
        _must("account_id", sa.Uuid()),
        _must("created_by", NAME),
        _must("created_at", INSTANT),
        _must("moved_at", INSTANT),
        _must("file_name", NAME),
        _must("digest", DIGEST),
        _must("options", JSON),
        _must("state", WORD),
        _must("titles", JSON),
        *(_must(name, sa.BigInteger()) for name in ("rows", "checked", "committed")),
        _must("counts", JSON),
        _must("by_reason", JSON),
        sa.Column("problem", JSON),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_camera_imports_account_id_accounts"
        ),
        sa.PrimaryKeyConstraint("import_id", name="pk_camera_imports"),
    )
    _index("camera_imports", "account_id")
    _index("camera_imports", "created_at")
    op.create_table(
        "camera_import_rows",
        _must("import_id", sa.Uuid()),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        _must("cells", JSON),
        _must("verdict", WORD),
        _must("reasons", JSON),
        sa.Column("camera_id", NAME),
        sa.Column("wanted", JSON),
        sa.Column("sealed_credentials", sa.Text()),
        sa.Column("committed_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["camera_imports.import_id"],
            name="fk_camera_import_rows_import_id_camera_imports",
        ),
        sa.PrimaryKeyConstraint("import_id", "number", name="pk_camera_import_rows"),
    )
    _index("camera_import_rows", "import_id", "verdict", "number")


def _probes() -> None:
    op.create_table(
        "probes",
        _must("probe_id", sa.Uuid()),
        sa.Column("batch_id", sa.Uuid()),
        *(_must(name, NAME) for name in ("camera_id", "subnet", "platform")),
        _must("wants_place_picture", sa.Boolean()),
        _must("asked_by", NAME),
        _must("asked_at", INSTANT),
        _must("state", WORD),
        sa.Column("sent_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("result", JSON),
        sa.PrimaryKeyConstraint("probe_id", name="pk_probes"),
    )
    _index("probes", "asked_at")
    _index("probes", "sent_at")
    _index("probes", "state", "asked_at")
    _index("probes", "camera_id", "asked_at")
    _index("probes", "batch_id", "state")
    op.create_table(
        "probed",
        _must("camera_id", NAME),
        _must("probe_id", sa.Uuid()),
        _must("finished_at", INSTANT),
        sa.Column("fault", WORD),
        *(
            sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
            for name in ("is_advised", "has_found_substream")
        ),
        _must("result", JSON),
        sa.PrimaryKeyConstraint("camera_id", name="pk_probed"),
    )
    op.create_table(
        "place_pictures",
        _must("ref", WORD),
        _must("camera_id", NAME),
        _must("made_at", INSTANT),
        _must("asked_by", NAME),
        sa.Column("removing_at", INSTANT),
        sa.PrimaryKeyConstraint("ref", name="pk_place_pictures"),
    )
    _index("place_pictures", "camera_id")
    _index("place_pictures", "removing_at")


def _health() -> None:
    op.create_table(
        "camera_health",
        _must("camera_id", NAME),
        _must("at", INSTANT),
        _must("worker_id", NAME),
        _must("state", WORD),
        sa.Column("fault", WORD),
        sa.PrimaryKeyConstraint("camera_id", "at", name="pk_camera_health"),
    )
    _index("camera_health", "at")
    op.create_table(
        "camera_figures",
        _must("camera_id", NAME),
        _must("worker_id", NAME),
        _must("at", INSTANT),
        _must("looks_per_s", sa.Float()),
        _must("core_share", sa.Float()),
        _must("bit_rate_bps", sa.BigInteger()),
        sa.PrimaryKeyConstraint("camera_id", name="pk_camera_figures"),
    )


def _must(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
