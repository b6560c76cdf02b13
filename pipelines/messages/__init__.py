"""What passes between processes: the wire types, their identities, their codec.

- The one door: everybody imports from here, the service included; the files are how it is made.
- Import-light (msgspec and the standard library), because the service imports it.
- Every message carries ``schema_version``; a decoder that does not know the version raises
  ``UnknownVersionError`` and the entry goes to a dead-letter stream. Unknown fields of a known
  version are ignored, so that a newer sender can add one.
- No field is about people, and none holds a picture.
"""

from pipelines.messages.alerts import (
    MAX_CANDIDATES,
    Alert,
    AlertDetail,
    CameraFault,
    Candidate,
    Candidates,
    Confirmation,
)
from pipelines.messages.cameras import (
    HELD_BACK,
    MAX_LEVELS,
    MAX_WINDOWS,
    USUAL_HAZARDS,
    Camera,
    CameraChange,
    ChangeKind,
    Expected,
    PlaceCode,
    Window,
)
from pipelines.messages.evidence import (
    EVIDENCE_REF_PATTERN,
    EvidenceAbsence,
    EvidencePart,
    EvidenceRef,
)
from pipelines.messages.identities import alert_id, decision_id, incident_id, order_id
from pipelines.messages.orders import DispatchOrder, Receipt, ReceiptKind
from pipelines.messages.probes import (
    Advice,
    FoundBy,
    FoundStream,
    Onvif,
    PlaceAbsence,
    ProbeJob,
    ProbeResult,
    StreamFacts,
)
from pipelines.messages.wire import (
    FUTURE_TOLERANCE_S,
    MAX_REVISION,
    BoxShares,
    Count,
    DeadLetter,
    Instant,
    Message,
    MessageError,
    Name,
    Revision,
    Share,
    Text,
    TraceId,
    UnknownVersionError,
    decode,
    encode,
)
from pipelines.messages.workers import (
    MAX_FIGURES,
    CameraFigure,
    CameraFigures,
    CameraState,
    Heartbeat,
    WatchState,
)
from pipelines.messages.zones import MIN_DWELL_S, PointShares, WaterScale, Zone, ZoneKind

__all__ = [
    "EVIDENCE_REF_PATTERN",
    "FUTURE_TOLERANCE_S",
    "HELD_BACK",
    "MAX_CANDIDATES",
    "MAX_FIGURES",
    "MAX_LEVELS",
    "MAX_REVISION",
    "MAX_WINDOWS",
    "MIN_DWELL_S",
    "USUAL_HAZARDS",
    "Advice",
    "Alert",
    "AlertDetail",
    "BoxShares",
    "Camera",
    "CameraChange",
    "CameraFault",
    "CameraFigure",
    "CameraFigures",
    "CameraState",
    "Candidate",
    "Candidates",
    "ChangeKind",
    "Confirmation",
    "Count",
    "DeadLetter",
    "DispatchOrder",
    "EvidenceAbsence",
    "EvidencePart",
    "EvidenceRef",
    "Expected",
    "FoundBy",
    "FoundStream",
    "Heartbeat",
    "Instant",
    "Message",
    "MessageError",
    "Name",
    "Onvif",
    "PlaceAbsence",
    "PlaceCode",
    "PointShares",
    "ProbeJob",
    "ProbeResult",
    "Receipt",
    "ReceiptKind",
    "Revision",
    "Share",
    "StreamFacts",
    "Text",
    "TraceId",
    "UnknownVersionError",
    "WatchState",
    "WaterScale",
    "Window",
    "Zone",
    "ZoneKind",
    "alert_id",
    "decision_id",
    "decode",
    "encode",
    "incident_id",
    "order_id",
]
