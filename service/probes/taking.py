"""A result into the database: the probe it answers, what is known of the camera, its picture."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping
from sqlalchemy.dialects import postgresql, sqlite

from pipelines.messages import MessageError, ProbeResult, Zone, private_parts
from service.cameras.addresses import stream_address
from service.evidence import place_pictures
from service.evidence.errors import EvidenceTakenError
from service.evidence.place_pictures import NewPicture
from service.probes.store import A_DAY, Stage
from service.refusals import RefusedError
from service.tables import cameras, probed, probes

_NOT_KEPT: Final = ("schema_version", "job_id", "camera_id", "place_ref", "place_private")
"""Of a result: columns of their own, and the name of the picture, which no answer may hold."""

_LONGEST_FAULT: Final = 32


class ForeignCameraError(MessageError):
    """A result for another camera than was asked for: a bug, or forged."""

    code = "foreign_camera"


class Taker:
    """Takes the results of one batch, in ``Database.writing``."""

    def __init__(
        self, connection: Connection, results: Sequence[ProbeResult], now: datetime
    ) -> None:
        self._connection = connection
        self._now = now
        ids = [one.job_id for one in results]
        query = sa.select(probes).where(probes.c.probe_id.in_(ids))
        self._probes = {row["probe_id"]: row for row in connection.execute(query).mappings()}
        named = [row["camera_id"] for row in self._probes.values()]
        wanted = (cameras.c[name] for name in ("camera_id", "main_url", "sub_url", "zones"))
        of_them = sa.select(*wanted).where(cameras.c.camera_id.in_(named))
        found = connection.execute(of_them).mappings()
        self._cameras = {row["camera_id"]: row for row in found}
        self._done = {key for key, row in self._probes.items() if row["state"] == Stage.DONE.value}

    def take(self, result: ProbeResult) -> str:
        """Store a result; returns what became of it. Raises ``MessageError`` for a forged one.

        One that comes late is taken all the same: what it says is true.
        """
        probe = self._probes.get(result.job_id)
        if probe is None:
            return "unknown"
        if probe["camera_id"] != result.camera_id:
            raise ForeignCameraError(
                f"job {result.job_id} was for camera {probe['camera_id']}, not for "
                f"{result.camera_id}: look at who can write to Redis"
            )
        is_first = result.job_id not in self._done
        # Not before it was sent, whatever the worker's clock says, nor after now.
        finished_at = min(max(result.finished_at, probe["sent_at"] or probe["asked_at"]), self._now)
        is_shown = is_first and probe["wants_place_picture"]
        has_picture = self._take_picture(probe, result, finished_at, shown=is_shown)
        if not is_first:
            return "duplicate"
        self._done.add(result.job_id)
        kept = self._kept(result, finished_at, has_picture=has_picture)
        self._finish(probe, kept, finished_at)
        return "stored"

    def _finish(self, probe: RowMapping, kept: dict[str, Any], finished_at: datetime) -> None:
        values = {"state": Stage.DONE.value, "finished_at": finished_at, "result": kept}
        ours = probes.c.probe_id == probe["probe_id"]
        self._connection.execute(sa.update(probes).where(ours).values(values))
        if probe["camera_id"] not in self._cameras:
            return  # it was removed meanwhile
        fault = kept["fault"]
        known = {
            "probe_id": probe["probe_id"],
            "finished_at": finished_at,
            "fault": None if fault is None else fault[:_LONGEST_FAULT],
            "is_advised": bool(kept["advice"]),
            "has_found_substream": kept["substream"] is not None,
            "result": kept,
        }
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        self._connection.execute(
            dialect.insert(probed)
            .values(camera_id=probe["camera_id"], **known)
            .on_conflict_do_update(
                index_elements=["camera_id"],
                set_=known,
                where=probed.c.finished_at <= finished_at,
            )
        )

    def _kept(
        self, result: ProbeResult, finished_at: datetime, *, has_picture: bool
    ) -> dict[str, Any]:
        kept: dict[str, Any] = msgspec.to_builtins(result)
        for name in _NOT_KEPT:
            del kept[name]
        kept["finished_at"] = finished_at.isoformat()
        kept["substream"] = self._own_substream(result, kept["substream"])
        return kept | {"place_picture": True} if has_picture else kept

    def _own_substream(self, result: ProbeResult, kept: Any) -> Any:
        """Return a substream with a plain address at one of the camera's hosts, or none.

        It may be taken over for hundreds of cameras with one click: it leads nowhere else.
        """
        camera = self._cameras.get(result.camera_id)
        if kept is None or camera is None:
            return None
        try:
            url = stream_address(kept["url"]).url
        except RefusedError:
            return None
        own = {_host(camera[name]) for name in ("main_url", "sub_url") if camera[name]}
        return {**kept, "url": url} if _host(url) in own else None

    def _take_picture(
        self, probe: RowMapping, result: ProbeResult, made_at: datetime, *, shown: bool
    ) -> bool:
        """Note the picture that a result brings; tells whether it is shown.

        What nobody asked for, is of a camera that is gone, comes after another of that day, or
        shows what has become private while it was made goes from the store at once.
        """
        ref = result.place_ref
        if ref is None:
            return False
        whose = place_pictures.owner(self._connection, ref)
        if whose == "one that is gone":
            return False  # swept away before its result came
        if whose == "a camera" and result.job_id in self._done:
            return False  # the same result once more
        if whose is not None:
            raise EvidenceTakenError(
                f"job {result.job_id} names a picture of {whose}: such a name can't be guessed, so "
                "look at who can write to Redis"
            )
        camera_id = probe["camera_id"]
        is_shown = (
            shown
            and self._private_parts(camera_id) == result.place_private
            and not place_pictures.made_since(self._connection, [camera_id], made_at - A_DAY)
        )
        picture = NewPicture(
            ref=ref,
            camera_id=camera_id,
            asked_by=probe["asked_by"],
            made_at=made_at,
            is_shown=is_shown,
        )
        place_pictures.insert(self._connection, picture, self._now)
        return is_shown

    def _private_parts(self, camera_id: str) -> str | None:
        camera = self._cameras.get(camera_id)
        return (
            None if camera is None else private_parts(msgspec.convert(camera["zones"], list[Zone]))
        )


def _host(url: str) -> str | None:
    return urlsplit(url).hostname
