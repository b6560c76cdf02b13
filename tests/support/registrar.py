"""What the service writes into Redis of the registry of cameras, for tests without a service."""

from datetime import UTC, datetime

from pipelines import streams
from pipelines.messages import Camera, CameraChange, ChangeKind, encode


class Registrar:
    """Writes registrations as the service does: hash and stream in one transaction."""

    def __init__(self, client: streams.Client) -> None:
        self.client = client
        self.revision = 0
        self._fills = 0

    def upsert(self, *cameras: Camera, revision: int | None = None) -> None:
        """Register cameras, or change them."""
        for camera in cameras:
            self.revision += 1
            change = CameraChange(
                camera_id=camera.camera_id,
                kind=ChangeKind.UPSERTED,
                revision=self.revision if revision is None else revision,
                changed_at=datetime.now(UTC),
                camera=camera,
            )
            pipeline = self.client.pipeline(transaction=True)
            pipeline.hset(streams.REGISTRY, camera.camera_id, encode(change))
            streams.add_later(pipeline, streams.CAMERA_CHANGES, change)
            pipeline.execute()

    def remove(self, camera_id: str, revision: int | None = None) -> None:
        """Take a camera out."""
        self.revision += 1
        change = CameraChange(
            camera_id=camera_id,
            kind=ChangeKind.REMOVED,
            revision=self.revision if revision is None else revision,
            changed_at=datetime.now(UTC),
        )
        pipeline = self.client.pipeline(transaction=True)
        pipeline.hdel(streams.REGISTRY, camera_id)
        streams.add_later(pipeline, streams.CAMERA_CHANGES, change)
        pipeline.execute()

    def whole(self) -> None:
        """Say that the hash holds every camera."""
        self._fills += 1
        self.client.hset(streams.REGISTRY, streams.REGISTRY_MARK, f"fill-{self._fills}")
