"""The registry of cameras, and what is known of each."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, Uuid

from service.tables.kinds import CODE, NAME, WORD, UtcDateTime, metadata
from service.tables.people import places

cameras = Table(
    "cameras",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("gb_id", String(20)),
    Column("name", NAME, nullable=False),
    Column("programme", WORD, nullable=False),
    Column("place_type", WORD, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("sign_confirmed_by", NAME, nullable=False),
    Column("sign_confirmed_at", UtcDateTime, nullable=False),
    Column("contact_number", WORD, nullable=False),
    Column("upstream", NAME),
    Column("place_code", CODE, ForeignKey(places.c.code), nullable=False),
    Column("longitude", sa.Float, nullable=False),
    Column("latitude", sa.Float, nullable=False),
    Column("coordinate_system", WORD, nullable=False),
    Column("wgs84_longitude", sa.Float, nullable=False),
    Column("wgs84_latitude", sa.Float, nullable=False),
    Column("main_url", Text, nullable=False),
    Column("sub_url", Text),
    Column("sealed_credentials", Text),
    Column("hazards", sa.JSON, nullable=False),
    Column("zones", sa.JSON, nullable=False),
    Column("water", sa.JSON(none_as_null=True)),
    Column("thresholds", sa.JSON, nullable=False, server_default="{}"),
    Column("enabled", sa.Boolean, nullable=False),
    Column("drill", sa.Boolean, nullable=False),
    Column("revision", sa.BigInteger, nullable=False),
    Column("published_revision", sa.BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", NAME, nullable=False),
    Index(None, "name", "camera_id"),
    Index(None, "gb_id", "camera_id"),
    Index(None, "place_code", "name", "camera_id"),
    Index(None, "updated_at", "camera_id"),
    Index(None, "wgs84_latitude", "wgs84_longitude"),
)
"""The registry. A position is kept as it was given and as WGS-84. Credentials are sealed for the
workers: the service can't open them. ``published_revision`` lags while Redis is away."""

camera_removals = Table(
    "camera_removals",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("revision", sa.BigInteger, nullable=False),
    Column("removed_at", UtcDateTime, nullable=False),
)
"""Cameras that are gone here and whose workers have still to be told."""

camera_windows = Table(
    "camera_windows",
    metadata,
    Column("window_id", Uuid, primary_key=True),
    Column("camera_id", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("author", NAME, nullable=False),
    Column("note", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_by", NAME),
    Column("ended_at", UtcDateTime),
    Index(None, "camera_id", "ends_at"),
)
"""When something is expected at a camera. ``ended_at`` is set where a person ended it early."""

camera_states = Table(
    "camera_states",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("worker_id", NAME, nullable=False),
    Column("epoch", sa.BigInteger, nullable=False),
    Column("state", WORD, nullable=False),
    Column("fault", WORD),
    Column("revision", sa.BigInteger, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)
"""What a camera's worker said of it last, and at which of its starts."""

camera_health = Table(
    "camera_health",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("worker_id", NAME, nullable=False),
    Column("state", WORD, nullable=False),
    Column("fault", WORD),
    Index(None, "at"),
)
"""How it stood with each camera lately: a row a change."""

camera_figures = Table(
    "camera_figures",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("worker_id", NAME, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("looks_per_s", sa.Float, nullable=False),
    Column("core_share", sa.Float, nullable=False),
    Column("bit_rate_bps", sa.BigInteger, nullable=False),
)
"""How often each was looked at in the last minute that was told of, and what that cost."""
