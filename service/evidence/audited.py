"""What every look at a picture owes the audit: its entry is committed, or there is no picture."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.errors import ProblemError
from service.evidence.errors import AuditAwayError, EvidenceStoreAwayError, UnknownEvidenceError
from service.evidence.rows import digest
from service.metrics import ServiceMetrics
from service.probes.errors import UnknownPlacePictureError


@contextmanager
def refusals_counted(metrics: ServiceMetrics) -> Iterator[None]:
    """Count why somebody was shown nothing."""
    refused = (UnknownEvidenceError, UnknownPlacePictureError, EvidenceStoreAwayError)
    try:
        yield
    except (*refused, AuditAwayError) as error:
        metrics.evidence_refused.labels(error.code).inc()
        raise


@contextmanager
def noting(
    gate: Gate, who: Principal, permission: Permission, metrics: ServiceMetrics
) -> Iterator[tuple[Connection, Principal]]:
    """Give the transaction of a look's entry. Raises ``AuditAwayError`` if it can't be written."""
    try:
        with gate.writing(who, permission) as writing:
            yield writing
    except ProblemError:
        raise
    except sa.exc.SQLAlchemyError as error:
        metrics.database_errors.labels("evidence_audit").inc()
        raise AuditAwayError from error


def detail(ref: str, actor: Principal, **words: str) -> dict[str, str]:
    """Return what an entry says: it outlives the picture, and holds nothing that opens one."""
    token = {} if actor.token_id is None else {"token_id": str(actor.token_id)}
    return {"evidence": digest(ref), **words, **token}
