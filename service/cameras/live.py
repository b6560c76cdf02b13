"""Which workers' words about their cameras count."""

from datetime import UTC, datetime

from service.housekeeping import Vitals
from service.status import STALE_WORKER_S


def live_workers(vitals: Vitals) -> dict[str, int]:
    """Return the workers that were heard of lately, with the epoch of each."""
    now = datetime.now(UTC)
    return {
        name: seen.beat.epoch
        for name, seen in vitals.workers.items()
        if (now - seen.heard_at).total_seconds() <= STALE_WORKER_S
    }
