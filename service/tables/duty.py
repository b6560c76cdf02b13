"""Who is on duty, how soon people must act, and how a shift ends."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Table, Text, Uuid

from service.tables.kinds import CODE, NAME, WORD, HazardWord, UtcDateTime, metadata
from service.tables.people import accounts

clock_rules = Table(
    "clock_rules",
    metadata,
    Column("rule_id", Uuid, primary_key=True),
    Column("hazard", HazardWord),
    Column("place_code", CODE),
    Column("seen_s", sa.BigInteger),
    Column("sent_s", sa.BigInteger),
    Column("report_s", sa.BigInteger),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", NAME, nullable=False),
    sa.UniqueConstraint("hazard", "place_code"),
)
"""Deadlines, none where there is no number; of several rules the nearest place and then the
hazard's own holds."""

duty_shifts = Table(
    "duty_shifts",
    metadata,
    Column("shift_id", Uuid, primary_key=True),
    Column("place_code", CODE, nullable=False, index=True),
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id)),
    Column("name", NAME, nullable=False),
    Column("number", WORD),
    Column("weekdays", sa.JSON, nullable=False),
    Column("from_minute", sa.BigInteger, nullable=False),
    Column("to_minute", sa.BigInteger, nullable=False),
    Column("first_day", sa.Date),
    Column("last_day", sa.Date),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", NAME, nullable=False),
)
"""A place's duty roster; a shift that ends before it begins goes past midnight."""

handovers = Table(
    "handovers",
    metadata,
    Column("handover_id", Uuid, primary_key=True),
    Column("place_code", CODE, nullable=False, index=True),
    Column("from_account", Uuid, ForeignKey(accounts.c.account_id), nullable=False),
    Column("from_login", NAME, nullable=False),
    Column("to_account", Uuid, ForeignKey(accounts.c.account_id), nullable=False),
    Column("to_login", NAME, nullable=False),
    Column("note", Text, nullable=False),
    Column("listed", sa.JSON, nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("signing_at", UtcDateTime),
    Column("taken_at", UtcDateTime),
    Column("declined_at", UtcDateTime),
    Column("withdrawn_at", UtcDateTime),
)
"""What was open when a shift ended and who had it, signed by both; ``listed`` never changes. Of the
three last times one at most is set, once; ``signing_at`` is when the first incidents passed of more
than pass at once."""
