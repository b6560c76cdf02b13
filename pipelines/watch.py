"""``fengsui watch``: one stream or file through the stages of a worker, alerts as they happen."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines.address import Address
from pipelines.evidence_desk import END_PATIENCE_S, evidence_desk
from pipelines.faults import FileEndedError, SourceError
from pipelines.file_source import FileSource
from pipelines.flow import Flow
from pipelines.messages import Alert, Camera
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Reader
from pipelines.rtsp.networks import EVERYWHERE
from pipelines.source import CameraSource, Source

CAMERA_ID: Final = "watch"
IDLE_S: Final = 0.25

EVIDENCE_PATIENCE_S: Final = 30.0
"""A file is read faster than its pictures are made; whoever waits at a terminal wants them."""


class Watch:
    """One camera, watched until its file ends or ``stop``."""

    def __init__(
        self, address: Address, pack_dir: Path = DEFAULT_PACK, evidence: str | None = None
    ) -> None:
        """Raise ``PackError`` or ``EvidenceStoreError`` before anything is opened.

        ``evidence`` is where alerts' pictures are stored; without it none are made.
        """
        self.metrics = WorkerMetrics(CollectorRegistry())
        self._evidence = evidence
        camera = Camera(camera_id=CAMERA_ID, url=address.shown)
        self._flow = Flow(
            pack=load_pack(pack_dir),
            drills=frozenset(),
            epoch=0,
            metrics=self.metrics,
            desk=evidence_desk(evidence, self.metrics),
        )
        self._flow.watch(camera)
        source = self._source(address)
        self._reader = Reader(source, self._flow.batcher, self.metrics, self._never_worked)
        self._stopping = threading.Event()

    def _source(self, address: Address) -> Source:
        size_px = self._flow.input_size_px
        if address.is_file:
            file = FileSource(CAMERA_ID, address, size_px, self.metrics)
            file.with_evidence = self._evidence is not None
            return file
        # Whoever is at the command line may name any address.
        return CameraSource(
            CAMERA_ID, address, size_px, self.metrics, EVERYWHERE, bursts=self._flow.bursts
        )

    def alerts(self) -> Iterator[Alert]:
        """Yield alert revisions as they happen.

        Returns at the end of a file or after ``stop``. Raises ``SourceError`` if no picture
        ever came: a person is waiting, so it isn't tried for ever. A stream that worked and
        broke is.
        """
        self._reader.start()
        while not self._stopping.is_set():
            # Asked before the step, so that what a reader left behind is still analysed.
            ended = not self._reader.alive and self._flow.batcher.empty
            yield from self._flow.step(IDLE_S)
            if ended:
                break
        is_told = self._stopping.is_set()
        yield from self._flow.finish(END_PATIENCE_S if is_told else EVIDENCE_PATIENCE_S)
        self._reader.stop()
        self._reader.join(1.0)
        error = self._reader.ended
        if error is not None and (self._saw_nothing() or not isinstance(error, FileEndedError)):
            raise error

    def stop(self) -> None:
        """Ask ``alerts`` to end. Safe in a signal handler."""
        self._stopping.set()

    def _saw_nothing(self) -> bool:
        return self.metrics.total("fengsui_frames_decoded_total") == 0

    def _never_worked(self, _error: SourceError) -> bool:
        return self._saw_nothing()
