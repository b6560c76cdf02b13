"""Orders as CloudEvents 1.0 in structured JSON, signed as Standard Webhooks say."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook

from pipelines.messages import DispatchOrder
from pipelines.secrets import Secret
from service.dispatch.senders.http import HttpPlace, HttpPoster
from service.dispatch.sending import Outgoing

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

TYPE_PREFIX: Final = "org.fengsui.dispatch"
"""Of the events' type; the order's kind follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """One webhook."""

    place: HttpPlace
    """Where."""
    secret: Secret
    """What the signature is made with: ``whsec_`` and base64."""
    source: str
    """Who sends, as a URI reference."""


class WebhookSender:
    """Posts each order as one event."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._poster = HttpPoster(settings.place)

    def send(self, outgoing: Outgoing) -> str:
        """Return the answer's first words."""
        body = json.dumps(event(outgoing, self._settings.source), ensure_ascii=False)
        at = datetime.now(UTC)
        name = str(outgoing.order_id)
        signature = Webhook(self._settings.secret.reveal()).sign(name, at, body)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": "fengsui",
            "webhook-id": name,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }
        return self._poster.post(body.encode(), headers)

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def event(outgoing: Outgoing, source: str) -> dict[str, Any]:
    """Return an order's event; the same at each attempt."""
    order = outgoing.order
    return {
        "specversion": "1.0",
        "id": str(outgoing.order_id),
        "source": source,
        "type": f"{TYPE_PREFIX}.{order.kind}",
        "subject": str(order.incident_id),
        "time": order.decided_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "traceparent": traceparent(order),
        "drill": order.drill,
        "data": msgspec.to_builtins(order),
    }


def traceparent(order: DispatchOrder) -> str:
    """Return the trace that the alert began, as W3C writes it; the order is the parent."""
    return f"00-{order.trace_id}-{order.order_id.hex[-16:]}-01"
