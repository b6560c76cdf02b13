"""The one decision that the product takes by itself: drills go to ``dispatch.drill``."""

from datetime import datetime

from pipelines.messages import Alert, DispatchOrder, decision_id, order_id
from pipelines.streams import DISPATCH_DRILL
from service.incidents.merge import DRILL_POLICY, Incident

FIRST_DECISION = 1
"""A drill is dispatched once; its order's id follows from this and can't be made twice."""


def drill_order(incident: Incident, alert: Alert, at: datetime) -> DispatchOrder:
    """Return the order of a drill incident that ``alert`` has just opened.

    Raises ``ValueError`` for anything that isn't a drill on both sides.
    """
    if not (incident.drill and alert.drill):
        raise ValueError(f"incident {incident.incident_id} is no drill: a person decides about it")
    decision = decision_id(incident.incident_id, DRILL_POLICY, FIRST_DECISION)
    return DispatchOrder(
        order_id=order_id(incident.incident_id, DISPATCH_DRILL.name, decision),
        incident_id=incident.incident_id,
        decision_id=decision,
        decided_by=DRILL_POLICY,
        decided_at=at,
        target=DISPATCH_DRILL.name,
        hazard=incident.hazard,
        severity=incident.severity,
        camera_id=incident.camera_id,
        zone_id=incident.zone_id,
        first_seen_at=incident.first_seen_at,
        box=alert.box,
        drill=True,
        trace_id=alert.trace_id,
    )
