"""Accounts, places, the registry of cameras, and the audit.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Types are spelled out rather than imported: a step must not change when the code does.
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(128)
WORD = sa.String(32)
DIGEST = sa.String(64)
TABLES = (
    "places",
    "accounts",
    "account_places",
    "sessions",
    "tokens",
    "login_failures",
    "oidc_flows",
    "cameras",
    "camera_removals",
    "camera_states",
    "audit",
)


def upgrade() -> None:
    """Create the tables and the root of the tree; incidents get a place."""
    _create_places()
    _create_accounts()
    _create_account_places()
    _create_sessions()
    _create_tokens()
    _create_login_failures()
    _create_oidc_flows()
    _create_cameras()
    _create_camera_removals()
    _create_camera_states()
    _create_audit()
    _refuse_changes_of_audit()
    op.add_column("incidents", sa.Column("place_code", WORD))
    op.create_index("ix_incidents_place_code", "incidents", ["place_code"])


def downgrade() -> None:
    """Drop the tables, and what they hold with them."""
    op.drop_index("ix_incidents_place_code", "incidents")
    op.drop_column("incidents", "place_code")
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_audit")
        op.execute("DROP FUNCTION require_next_number_of_audit")


def _refuse_changes_of_audit() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_refuses_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        )
    # INSERT OR REPLACE would delete the old row without the trigger above.
    op.execute(
        "CREATE TRIGGER audit_refuses_other_numbers BEFORE INSERT ON audit "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit) "
        "BEGIN SELECT RAISE(ABORT, 'the audit takes the next number only'); END"
    )


def _refuse_changes_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    op.execute(
        "CREATE FUNCTION require_next_number_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq), 0) + 1 FROM audit) THEN "
        "RAISE EXCEPTION 'the audit takes the next number only'; END IF; RETURN NEW; END $$"
    )
    for name, when, each, function in (
        ("audit_is_append_only", "UPDATE OR DELETE", "ROW", "refuse_change_of_audit"),
        ("audit_is_not_truncated", "TRUNCATE", "STATEMENT", "refuse_change_of_audit"),
        ("audit_refuses_other_numbers", "INSERT", "ROW", "require_next_number_of_audit"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON audit "
            f"FOR EACH {each} EXECUTE FUNCTION {function}()"
        )


def _create_places() -> None:
    root = op.create_table(
        "places",
        sa.Column("code", WORD, nullable=False),
        sa.Column("parent_code", WORD),
        sa.Column("level", WORD, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("path", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_places"),
        sa.ForeignKeyConstraint(
            ["parent_code"], ["places.code"], name="fk_places_parent_code_places"
        ),
        sa.UniqueConstraint("path", name="uq_places_path"),
    )
    op.create_index("ix_places_parent_code", "places", ["parent_code"])
    op.bulk_insert(
        root, [{"code": "0", "level": "installation", "name": "全部 All", "path": "/0/"}]
    )


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("login", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("password_once", sa.Boolean(), nullable=False),
        sa.Column("password_expires_at", INSTANT),
        sa.Column("oidc_issuer", sa.Text()),
        sa.Column("oidc_subject", sa.Text()),
        sa.Column("disabled_at", INSTANT),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
        sa.UniqueConstraint("login", name="uq_accounts_login"),
        sa.UniqueConstraint(
            "oidc_issuer", "oidc_subject", name="uq_accounts_oidc_issuer_oidc_subject"
        ),
    )


def _create_account_places() -> None:
    op.create_table(
        "account_places",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("place_code", WORD, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "place_code", name="pk_account_places"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_account_places_account_id_accounts"
        ),
        sa.ForeignKeyConstraint(
            ["place_code"], ["places.code"], name="fk_account_places_place_code_places"
        ),
    )
    op.create_index("ix_account_places_place_code", "account_places", ["place_code"])


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_hash", DIGEST, nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("way", WORD, nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("session_hash", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_sessions_account_id_accounts"
        ),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("secret_hash", DIGEST, nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.PrimaryKeyConstraint("token_id", name="pk_tokens"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_tokens_account_id_accounts"
        ),
        sa.UniqueConstraint("secret_hash", name="uq_tokens_secret_hash"),
    )
    op.create_index("ix_tokens_account_id", "tokens", ["account_id"])


def _create_login_failures() -> None:
    op.create_table(
        "login_failures",
        sa.Column("key", NAME, nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_login_failures"),
    )
    op.create_index("ix_login_failures_failed_at", "login_failures", ["failed_at"])


def _create_oidc_flows() -> None:
    op.create_table(
        "oidc_flows",
        sa.Column("state_hash", DIGEST, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_oidc_flows"),
    )
    op.create_index("ix_oidc_flows_finished_at", "oidc_flows", ["finished_at"])


def _create_cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("gb_id", sa.String(20)),
        sa.Column("name", NAME, nullable=False),
        sa.Column("programme", WORD, nullable=False),
        sa.Column("place_type", WORD, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("sign_confirmed_by", NAME, nullable=False),
        sa.Column("sign_confirmed_at", INSTANT, nullable=False),
        sa.Column("contact_number", WORD, nullable=False),
        sa.Column("upstream", NAME),
        sa.Column("place_code", WORD, nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("coordinate_system", WORD, nullable=False),
        sa.Column("wgs84_longitude", sa.Float(), nullable=False),
        sa.Column("wgs84_latitude", sa.Float(), nullable=False),
        sa.Column("main_url", sa.Text(), nullable=False),
        sa.Column("sub_url", sa.Text()),
        sa.Column("sealed_credentials", sa.Text()),
        sa.Column("hazards", sa.JSON(), nullable=False),
        sa.Column("zones", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("published_revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("updated_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("camera_id", name="pk_cameras"),
        sa.ForeignKeyConstraint(
            ["place_code"], ["places.code"], name="fk_cameras_place_code_places"
        ),
    )
    for column in ("name", "gb_id", "updated_at"):
        op.create_index(f"ix_cameras_{column}_camera_id", "cameras", [column, "camera_id"])
    op.create_index(
        "ix_cameras_place_code_name_camera_id", "cameras", ["place_code", "name", "camera_id"]
    )


def _create_camera_removals() -> None:
    op.create_table(
        "camera_removals",
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("camera_id", name="pk_camera_removals"),
    )


def _create_camera_states() -> None:
    op.create_table(
        "camera_states",
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("worker_id", NAME, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("fault", WORD),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("camera_id", name="pk_camera_states"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("action", DIGEST, nullable=False),
        sa.Column("object_kind", WORD, nullable=False),
        sa.Column("object_id", NAME, nullable=False),
        sa.Column("place_code", WORD),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", DIGEST, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_object_kind_object_id", "audit", ["object_kind", "object_id"])
    op.create_index("ix_audit_place_code", "audit", ["place_code"])
