"""Estates on their way into the registry: files, probes, and what people keep of lists."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid

from service.tables.kinds import DIGEST, NAME, WORD, UtcDateTime, metadata
from service.tables.people import accounts

camera_imports = Table(
    "camera_imports",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), nullable=False, index=True),
    Column("created_by", NAME, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("moved_at", UtcDateTime, nullable=False),
    Column("file_name", NAME, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("options", sa.JSON, nullable=False),
    Column("state", WORD, nullable=False),
    Column("titles", sa.JSON, nullable=False),
    Column("rows", sa.BigInteger, nullable=False),
    Column("checked", sa.BigInteger, nullable=False),
    Column("committed", sa.BigInteger, nullable=False),
    Column("counts", sa.JSON, nullable=False),
    Column("by_reason", sa.JSON, nullable=False),
    Column("problem", sa.JSON(none_as_null=True)),
)
"""Files of cameras. ``moved_at`` is the last sign of whoever works on it: old, and nobody does."""

camera_import_rows = Table(
    "camera_import_rows",
    metadata,
    Column("import_id", Uuid, ForeignKey(camera_imports.c.import_id), primary_key=True),
    Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("cells", sa.JSON, nullable=False),
    Column("verdict", WORD, nullable=False),
    Column("reasons", sa.JSON, nullable=False),
    Column("camera_id", NAME),
    Column("wanted", sa.JSON(none_as_null=True)),
    Column("sealed_credentials", Text),
    Column("committed_at", UtcDateTime),
    Column("gb_id", WORD, index=True),
    Index(None, "import_id", "verdict", "number"),
)
"""Their rows: cells as they stood there, but for logins, which are sealed at once and kept apart.
``wanted`` is the camera that a row asks for and, once that is registered, the names of the fields
that it changed; ``gb_id`` what its login is found again by."""

probes = Table(
    "probes",
    metadata,
    Column("probe_id", Uuid, primary_key=True),
    Column("batch_id", Uuid),
    Column("camera_id", NAME, nullable=False),
    Column("subnet", NAME, nullable=False),
    Column("platform", NAME, nullable=False),
    Column("wants_place_picture", sa.Boolean, nullable=False),
    Column("asked_by", NAME, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False, index=True),
    Column("state", WORD, nullable=False),
    Column("sent_at", UtcDateTime, index=True),
    Column("finished_at", UtcDateTime),
    Column("result", sa.JSON(none_as_null=True)),
    Index(None, "state", "asked_at"),
    Index(None, "camera_id", "asked_at"),
    Index(None, "batch_id", "state"),
)
"""Looks at streams that somebody asked for. ``subnet`` and ``platform`` are what their rate and
their number at a time are limited by; ``probe_id`` is in whose turn it is."""

probed = Table(
    "probed",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("probe_id", Uuid, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("fault", WORD),
    Column("is_advised", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("has_found_substream", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("result", sa.JSON, nullable=False),
)
"""What the last finished probe of each camera found. Lists are filtered by ``is_advised`` and
``has_found_substream``, which the result says as well: to read tens of thousands takes too long."""

place_pictures = Table(
    "place_pictures",
    metadata,
    Column("ref", WORD, primary_key=True),
    Column("camera_id", NAME, nullable=False, index=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("asked_by", NAME, nullable=False),
    Column("removing_at", UtcDateTime, index=True),
)
"""Pictures that zones are drawn on: nobody is in them. With ``removing_at`` they are being deleted
from the evidence store, and shown to nobody."""

saved_views = Table(
    "saved_views",
    metadata,
    Column("view_id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), nullable=False),
    Column("name", NAME, nullable=False),
    Column("query", sa.JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("account_id", "name"),
)
"""Lists of cameras that an account comes back to."""
