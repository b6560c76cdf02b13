"""Orders as messages of the Common Alerting Protocol 1.2 (OASIS), posted as XML.

An update or a cancel names what it is about: the messages that this target was sent before, whose
identifiers are the orders' ids and whose times are the decisions'.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from lxml import etree

from pipelines.messages import DispatchOrder, OrderKind
from pipelines.secrets import Secret
from service.dispatch.senders import telling
from service.dispatch.senders.http import HttpPlace, HttpPoster
from service.dispatch.senders.words import Words, words
from service.dispatch.sending import Outgoing, RefusedError
from service.incidents.lifecycle import OVER
from service.places.codes import stem
from vision.hazards import PRIORITY, Hazard

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"

CONTENT_TYPE: Final = "application/cap+xml; charset=utf-8"

PLACE_SCHEME: Final = "GB/T 2260"
"""What the codes of places are, from the root to the county; levels below continue them."""

CATEGORIES: Final = {
    Hazard.FIRE: ("Fire", "Safety"),
    Hazard.SMOKE: ("Fire", "Safety"),
    Hazard.WATER_OVER_LINE: ("Met", "Safety"),
    Hazard.DEBRIS: ("Geo", "Transport"),
    Hazard.OBSTRUCTION: ("Safety", "Transport"),
    Hazard.STOPPED_VEHICLE: ("Transport",),
    Hazard.WRONG_WAY: ("Transport",),
    Hazard.CAMERA_FAULT: ("Infra",),
}

UNCONFIRMED: Final = frozenset({"policy:unconfirmed", "policy:drill"})
"""Who decides before a person has looked."""

Ring = tuple[tuple[float, float], ...]
"""A closed line of at least four points, latitude and longitude in WGS-84."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapSettings:
    """One receiver of CAP."""

    place: HttpPlace
    """Where."""
    token: Secret | None
    """Sent as a bearer token, if the receiver wants one."""
    sender: str
    """Who sends, unique in the world; a domain name as a rule."""
    source: str | None
    """Which part of it."""
    scope: str
    """Public, Restricted or Private."""
    restriction: str | None
    """Who may read a Restricted one."""
    addresses: tuple[str, ...]
    """Whom a Private one is for."""
    languages: tuple[str, ...]
    """One info block each."""
    contact: str | None
    """Whom to call; a camera's own number goes before."""
    radius_km: float
    """The circle's around the camera."""
    expires_s: float
    """How long a message holds, from its sending."""
    zone: ZoneInfo
    """Whose offset times are written with."""
    polygons: Mapping[str, Ring] = field(default_factory=lambda: MappingProxyType({}))
    """Areas by place code, which replace the circle."""


class CapSender:
    """Posts each order as one message."""

    def __init__(self, settings: CapSettings) -> None:
        self._settings = settings
        self._poster = HttpPoster(settings.place)

    def send(self, outgoing: Outgoing) -> str:
        """Return the answer's first words."""
        headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "fengsui"}
        if self._settings.token is not None:
            headers["Authorization"] = f"Bearer {self._settings.token.reveal()}"
        body = message(outgoing, self._settings, datetime.now(UTC))
        return self._poster.post(body, headers)

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def message(outgoing: Outgoing, settings: CapSettings, now: datetime) -> bytes:
    """Return an order's XML; at each attempt the same but for when it expires.

    Raises ``RefusedError``.
    """
    order, earlier = outgoing.order, outgoing.earlier
    if order.kind is OrderKind.CANCEL and not earlier:
        raise RefusedError("nothing was sent that this could cancel")
    alert = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _add(alert, "identifier", str(outgoing.order_id))
    _add(alert, "sender", settings.sender)
    _add(alert, "sent", telling.instant(order.decided_at, settings.zone))
    _add(alert, "status", "Exercise" if order.drill else "Actual")
    _add(alert, "msgType", _kind(order.kind, earlier))
    _add(alert, "source", settings.source)
    _add(alert, "scope", settings.scope)
    _add(alert, "restriction", settings.restriction)
    _add(alert, "addresses", " ".join(map(_quoted, settings.addresses)) or None)
    if order.kind is not OrderKind.ORDER:
        _add(alert, "references", " ".join(_reference(one, settings) for one in earlier) or None)
    _add(alert, "incidents", str(order.incident_id))
    # Counted from now: one that waited for its target would be over as it comes.
    until = max(now, order.decided_at) + timedelta(seconds=settings.expires_s)
    for language in settings.languages:
        _add_info(alert, language, order, settings, until)
    written = io.BytesIO()
    etree.ElementTree(alert).write(written, xml_declaration=True, encoding="UTF-8")
    return written.getvalue()


def _kind(kind: OrderKind, earlier: Sequence[tuple[object, datetime]]) -> str:
    if kind is OrderKind.CANCEL:
        return "Cancel"
    return "Update" if kind is OrderKind.UPDATE and earlier else "Alert"


def _reference(one: tuple[object, datetime], settings: CapSettings) -> str:
    return f"{settings.sender},{one[0]},{telling.instant(one[1], settings.zone)}"


def _quoted(address: str) -> str:
    return f'"{address}"' if " " in address else address


def _is_over(order: DispatchOrder) -> bool:
    return order.kind is OrderKind.CANCEL or order.state in OVER


def _add_info(
    alert: etree._Element,
    language: str,
    order: DispatchOrder,
    settings: CapSettings,
    until: datetime,
) -> None:
    said, is_over = words()[language], _is_over(order)
    info = etree.SubElement(alert, f"{{{NAMESPACE}}}info")
    _add(info, "language", language)
    for category in CATEGORIES[order.hazard]:
        _add(info, "category", category)
    _add(info, "event", telling.event(said, order))
    _add(info, "responseType", "AllClear" if is_over else "Execute")
    _add(info, "urgency", _urgency(order))
    _add(info, "severity", order.severity.value.capitalize())
    _add(info, "certainty", _certainty(order))
    _add(info, "onset", telling.instant(order.first_seen_at, settings.zone))
    _add(info, "expires", telling.instant(until, settings.zone))
    _add(info, "headline", telling.headline(said, order))
    _add(info, "description", telling.description(said, order, settings.zone))
    _add(info, "instruction", None if is_over else said.hazards[order.hazard].instruction)
    _add(info, "contact", order.contact_number or settings.contact)
    _add_area(info, said, order, settings)


def _add_area(
    info: etree._Element, said: Words, order: DispatchOrder, settings: CapSettings
) -> None:
    area = etree.SubElement(info, f"{{{NAMESPACE}}}area")
    _add(area, "areaDesc", telling.place(said, order))
    ring = _ring(order.place_code, settings.polygons)
    if ring is not None:
        _add(area, "polygon", " ".join(f"{lat:.6f},{lon:.6f}" for lat, lon in ring))
    elif order.wgs84_latitude is not None and order.wgs84_longitude is not None:
        centre = f"{order.wgs84_latitude:.6f},{order.wgs84_longitude:.6f}"
        _add(area, "circle", f"{centre} {settings.radius_km:g}")
    if order.place_code is not None:
        geocode = etree.SubElement(area, f"{{{NAMESPACE}}}geocode")
        _add(geocode, "valueName", PLACE_SCHEME)
        _add(geocode, "value", order.place_code)


def _ring(place_code: str | None, polygons: Mapping[str, Ring]) -> Ring | None:
    """Return the area of the narrowest place that has one."""
    if place_code is None:
        return None
    fitting = {stem(code): ring for code, ring in polygons.items()}
    found = [one for one in fitting if stem(place_code).startswith(one)]
    return fitting[max(found, key=len)] if found else None


def _urgency(order: DispatchOrder) -> str:
    if _is_over(order):
        return "Past"
    if order.hazard in PRIORITY:
        return "Immediate"
    return "Future" if order.hazard is Hazard.CAMERA_FAULT else "Expected"


def _certainty(order: DispatchOrder) -> str:
    if order.state == "false":
        return "Unlikely"
    return "Likely" if order.decided_by in UNCONFIRMED else "Observed"


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    if text is not None:
        etree.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = _in_xml(text)


def _in_xml(text: str) -> str:
    """Return a text without what XML has no writing for."""
    return "".join(c if c in "\t\n\r" or _is_xml(ord(c)) else "\ufffd" for c in text)


def _is_xml(point: int) -> bool:
    return 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or point >= 0x10000
