"""Puts a worker's probing together."""

import threading

from pipelines import streams
from pipelines.addresses import Addresses
from pipelines.evidence_store import EvidenceStore
from pipelines.metrics import WorkerMetrics
from pipelines.probing.onvif import OnvifDesk
from pipelines.probing.place import PlaceRoom
from pipelines.probing.probe import Probe
from pipelines.probing.prober import Prober
from pipelines.worker_settings import WorkerSettings


def prober(
    settings: WorkerSettings, client: streams.Client, addresses: Addresses, metrics: WorkerMetrics
) -> Prober:
    """Return what does a worker's probes. Raises ``EvidenceStoreError``."""
    stopping = threading.Event()
    onvif = OnvifDesk(settings.onvif_ports)
    store = None if settings.evidence is None else EvidenceStore(settings.evidence)
    probe = Probe(
        settings.worker_id,
        addresses,
        settings.networks,
        settings.jurisdictions,
        onvif=onvif,
        place=PlaceRoom(store, client, metrics, stopping),
        metrics=metrics,
        stopping=stopping,
    )

    def leave_off() -> None:
        stopping.set()
        onvif.stop()

    return Prober(
        client,
        settings.worker_id,
        probe.result,
        at_once=settings.probes,
        metrics=metrics,
        leave_off=leave_off,
    )
