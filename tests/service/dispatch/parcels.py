"""Orders as senders are given them, and the files of targets that name where they go."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from pipelines.messages import AlertDetail, DispatchOrder, encode
from service.dispatch.sending import Outgoing, Sender
from service.dispatch.targets_file import Surroundings, read_targets
from vision.hazards import SEVERITY, Hazard

AT = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = 'allowed_networks = ["127.0.0.0/8"]'


def order(target: str = "centre", hazard: Hazard = Hazard.FIRE, **changes: Any) -> DispatchOrder:
    whole: dict[str, Any] = {
        "order_id": uuid4(),
        "incident_id": UUID(int=7),
        "decision_id": uuid4(),
        "decided_by": "wang",
        "decided_at": AT,
        "target": target,
        "hazard": hazard,
        "severity": SEVERITY[hazard],
        "camera_id": "camera-1",
        "zone_id": "all",
        "first_seen_at": AT,
        "box": (0.1234, 0.2, 0.3, 0.4),
        "drill": False,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "state": "dispatched",
        "place_code": "330106",
        "place_names": ("浙江省", "杭州市", "西湖区"),
        "camera_name": "文三路口 & <北>",
        "gb_id": "34020000001320000001",
        "contact_number": "0571-12345",
        "wgs84_longitude": 120.13,
        "wgs84_latitude": 30.27,
        "detail": None if hazard is not Hazard.CAMERA_FAULT else AlertDetail(fault="lost"),
    }
    return DispatchOrder(**{**whole, **changes})


def parcel(
    message: DispatchOrder, *, attempt: int = 1, earlier: Sequence[tuple[UUID, datetime]] = ()
) -> Outgoing:
    return Outgoing(
        order_id=message.order_id,
        order=message,
        body=encode(message),
        attempt=attempt,
        earlier=earlier,
    )


def around(replica: str = "service-1", zone: str = "Asia/Shanghai", **environment: str) -> Any:
    return Surroundings(environment=environment, replica=replica, zone=ZoneInfo(zone))


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "targets.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def sender(folder: Path, text: str, **environment: str) -> Sender:
    """What the file's one target is sent by."""
    (one,), _ = read_targets(written(folder, text), around(**environment))
    assert one.make is not None
    return one.make(one.settings)


def webhook(url: str, *lines: str) -> str:
    return "\n".join(
        ["[targets.centre]", 'kind = "webhook"', f'url = "{url}"', f'secret = "{SECRET}"', *lines]
    )


def cap(url: str, *lines: str) -> str:
    fixed = ['sender = "fengsui.example"', 'restriction = "应急单位"']
    return "\n".join(["[targets.centre]", 'kind = "cap"', f'url = "{url}"', *fixed, *lines])
