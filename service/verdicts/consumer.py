"""Scores of candidates, out of Redis into the database.

What can't be taken is counted and let go: a lost score makes a proposal a little less sure, and no
alarm depends on one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from pipelines.messages import FUTURE_TOLERANCE_S, Candidates, MessageError
from pipelines.streams import Client
from service.incidents.reader import Entry
from service.intake import UnprocessableError
from service.verdicts import kept


class OutOfTimeError(MessageError):
    """None of it is of the days that are kept."""

    code = "out_of_time"


class CandidateKeeper:
    """Keeps scores of cameras that are watched for real."""

    part = "scores"
    when_lost = "scores not read yet are gone; no alarm depends on one, nothing is to be done"

    def checked(self, message: Candidates, now: datetime) -> Candidates:
        """Return what is of the days that are kept. Raises ``OutOfTimeError``."""
        # One from a wrong clock would stay for years, or stand in a week that it's not of.
        first, last = now - kept.KEPT, now + timedelta(seconds=FUTURE_TOLERANCE_S)
        timely = tuple(one for one in message.candidates if first <= one.at <= last)
        if not timely:
            raise OutOfTimeError("none of its scores is of the days that are kept")
        return msgspec.structs.replace(message, candidates=timely)

    def store(
        self,
        connection: Connection,
        messages: Sequence[Candidates],
        now: datetime,  # noqa: ARG002 - the protocol's signature
    ) -> list[str]:
        """Store scores; returns what became of each message."""
        real = kept.watched_for_real(connection, [one.camera_id for one in messages])
        kept.insert(connection, [one for one in messages if real.get(one.camera_id)])
        words = {None: "unknown", True: "stored", False: "drill"}
        return [words[real.get(one.camera_id)] for one in messages]

    def stored(self, outcomes: Sequence[str]) -> None:
        """Nothing more is to be told."""

    def refused(
        self,
        client: Client,  # noqa: ARG002 - the protocol's signature
        entry: Entry,  # noqa: ARG002
        error: MessageError,
    ) -> str:
        """Let it go."""
        return "refused" if isinstance(error, UnprocessableError) else error.code
