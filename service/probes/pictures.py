"""A camera's place picture for somebody to see: shown once the audit knows, as evidence is."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, RowMapping
from starlette.concurrency import run_in_threadpool

from pipelines.messages import EvidencePart
from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.log import record
from service.cameras import store as camera_store
from service.cameras.errors import UnknownCameraError
from service.database import Database
from service.evidence import audited, place_pictures
from service.evidence.door import StoreDoor
from service.metrics import ServiceMetrics
from service.probes.errors import UnknownPlacePictureError


class PictureViewer:
    """Shows place pictures."""

    def __init__(
        self,
        *,
        database: Database,
        gate: Gate,
        door: StoreDoor,
        metrics: ServiceMetrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._gate = gate
        self._door = door
        self._metrics = metrics
        self._clock = clock

    async def view(self, who: Principal, camera_id: str) -> bytes:
        """Return a camera's picture, once the audit says who sees it."""
        with audited.refusals_counted(self._metrics):
            ref = await run_in_threadpool(self._ref, who, camera_id)
            found = await self._fetched(ref)
            await run_in_threadpool(self._note, who, camera_id, ref)
        self._metrics.evidence_views.labels(EvidencePart.PLACE.value, "zones").inc()
        return found

    async def _fetched(self, ref: str) -> bytes:
        content = await self._door.ask("view", lambda store: store.get(ref, EvidencePart.PLACE))
        if content is None:
            raise UnknownPlacePictureError
        return content

    def _ref(self, who: Principal, camera_id: str) -> str:
        with self._database.reading() as connection:
            _, picture = self._shown(connection, who, camera_id)
            return str(picture["ref"])

    def _shown(
        self, connection: Connection, who: Principal, camera_id: str
    ) -> tuple[camera_store.Row, RowMapping]:
        camera = camera_store.visible(connection, who, camera_id)
        if camera is None:
            raise UnknownCameraError(camera_id)
        picture = place_pictures.newest(connection, camera_id, self._clock())
        if picture is None:
            raise UnknownPlacePictureError
        return camera, picture

    def _note(self, who: Principal, camera_id: str, ref: str) -> None:
        """Commit the view's entry, or raise: it must still be there, and still for this account."""
        noting = audited.noting(self._gate, who, Permission.CAMERA_WRITE, self._metrics)
        with noting as (connection, actor):
            camera, picture = self._shown(connection, actor, camera_id)
            if picture["ref"] != ref:
                raise UnknownPlacePictureError  # a newer one came between: ask again
            record(
                connection,
                actor=actor.login,
                action="place_picture.viewed",
                object_kind="camera",
                object_id=camera_id,
                place_code=camera["place_code"],
                detail=audited.detail(ref, actor),
            )
