"""An order in sentences, for people who read them from a message."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pipelines.messages import DispatchOrder
from service.dispatch.senders.words import Words


def event(words: Words, order: DispatchOrder) -> str:
    """Return the hazard's name."""
    return words.hazards[order.hazard].event


def place(words: Words, order: DispatchOrder) -> str:
    """Return where it is: the places from the outermost in, or what else is known."""
    return " ".join(order.place_names) or order.place_code or words.nowhere


def headline(words: Words, order: DispatchOrder) -> str:
    """Return one line; a drill says so first."""
    line = words.headlines[order.kind.value].format(
        event=event(words, order), place=place(words, order)
    )
    return f"{words.drill if order.drill else ''}{line}"


def description(words: Words, order: DispatchOrder, zone: ZoneInfo) -> str:
    """Return what is known, a sentence each; a drill says so first."""
    fault = None if order.detail is None else order.detail.fault
    said = {
        "seen": "",
        "place": place(words, order),
        "camera": order.camera_name or order.camera_id,
        "fault": None if fault is None else words.faults[fault],
        "state": words.states.get(order.state or ""),
        "order": str(order.order_id),
    }
    sentences = [
        words.lines[name].format(
            event=event(words, order),
            first_seen_at=instant(order.first_seen_at, zone),
            place=value,
            camera=value,
            fault=value,
            state=value,
            order_id=value,
        )
        for name, value in said.items()
        if value is not None
    ]
    return (words.drill if order.drill else "") + " ".join(sentences)


def instant(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment as CAP writes it: whole seconds, and an offset in place of any ``Z``."""
    text = at.astimezone(zone).isoformat(timespec="seconds")
    return text.replace("+00:00", "-00:00")
