"""Clocks: what ran out, since when, what is told, and what comes next."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.duty.clocks import NO_CLOCKS, USUAL, Clock, Dates, Limits, dates_of, deadlines, look
from service.duty.models import ClockRule
from service.duty.rules import Rules
from vision.hazards import Hazard

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
HERE = "33010600400101"


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def dates(**happened_s: float) -> Dates:
    given: dict[str, datetime | None] = {
        f"{name}_at": after(seconds) for name, seconds in happened_s.items()
    }
    names = ("seen_at", "sent_at", "reported_at")
    return Dates(waiting_from=START, **{name: given.get(name) for name in names})


@pytest.mark.parametrize(
    ("now_s", "happened", "late"),
    [
        (59.9, {}, []),
        (60, {}, ["seen"]),
        (300, {}, ["seen", "sent", "report"]),
        (300, {"seen": 60}, ["sent", "report"]),  # in the last second is in time
        (300, {"seen": 60.1, "sent": 180}, ["seen", "report"]),
        (9999, {"seen": 1, "sent": 2, "reported": 300}, []),
        (9999, {"seen": 1, "sent": 2, "reported": 301}, ["report"]),
        (200, {"reported": 100}, ["seen", "sent"]),
    ],
)
def test_a_clock_is_about_what_happened(
    now_s: float, happened: dict[str, float], late: list[str]
) -> None:
    found = look(dates(**happened), USUAL, after(now_s))
    assert [one.clock for one in found.breached] == late
    of = {"seen": 60, "sent": 180, "report": 300}
    assert [one.due_at for one in found.breached] == [after(of[name]) for name in late]


def test_what_is_written_down_is_found_once_and_what_is_met_is_told_nobody() -> None:
    assert look(dates(), USUAL, after(100), recorded={"seen"}).breached == ()
    met = look(dates(seen=61), USUAL, after(100))
    assert [one.clock for one in met.breached] == ["seen"]
    assert (met.escalating, met.repeated_after) == (None, None)
    assert met.next_due_at == after(180)


@pytest.mark.parametrize(
    ("now_s", "recorded", "escalated_s", "clock"),
    [
        (60, [], None, "seen"),
        (100, ["seen"], 61, None),
        (120, ["seen"], 61, None),
        (121, ["seen"], 61, "seen"),  # a period after the level before was told
        (180, ["seen"], 121, "sent"),  # a second clock does not wait for that
        (190, ["seen", "sent"], 180, None),
        (240, ["seen", "sent"], 180, "seen"),
        (20_000, [], None, "report"),  # hours of silence: one level
        (20_000, ["seen", "sent", "report"], 240, "seen"),
        (20_000, ["seen", "sent", "report"], None, None),  # nobody is above
    ],
)
def test_one_level_a_look(
    now_s: float, recorded: list[str], escalated_s: float | None, clock: str | None
) -> None:
    told_at = None if escalated_s is None else after(escalated_s)
    found = look(dates(), USUAL, after(now_s), recorded=recorded, escalated_at=told_at)
    assert found.escalating == clock


def test_what_comes_next() -> None:
    found = look(dates(), USUAL, after(1))
    assert (found.next_due_at, found.repeated_after) == (after(60), None)
    found = look(dates(), USUAL, after(61))
    assert (found.next_due_at, found.repeated_after) == (after(180), timedelta(seconds=60))
    found = look(dates(seen=2), USUAL, after(181))
    assert (found.next_due_at, found.repeated_after) == (after(300), timedelta(seconds=180))
    done = look(dates(seen=2, sent=3, reported=4), USUAL, after(181))
    assert (done.next_due_at, done.breached) == (None, ())
    assert look(dates(), NO_CLOCKS, after(9999)).next_due_at is None
    alone = Limits(seen_s=None, sent_s=None, report_s=30)
    assert [one.clock for one in deadlines(dates(), alone)] == [Clock.REPORT]


def test_nobody_waits_for_what_has_no_beginning_and_a_policy_stands_for_a_look() -> None:
    row: dict[str, Any] = dict.fromkeys(("waiting_from", "seen_at", "sent_at", "reported_at"))
    assert look(dates_of({**row, "confirmed_at": None}), USUAL, after(9999)).breached == ()
    sent = {**row, "waiting_from": START, "confirmed_at": after(1)}
    assert [one.clock for one in look(dates_of(sent), USUAL, after(200)).breached] == ["sent"]


def rule(seen_s: int | None, place_code: str | None = None, hazard: Hazard | None = None) -> Any:
    return ClockRule(
        hazard=hazard, place_code=place_code, seen_s=seen_s, sent_s=None, report_s=None
    )


RULES = Rules(
    [
        rule(90, None, Hazard.FIRE),
        rule(80),
        rule(20, "330100"),
        rule(None, "330100", Hazard.SMOKE),
        rule(15, "330106004", Hazard.DEBRIS),
        rule(600, "330106", Hazard.CAMERA_FAULT),
    ]
)


@pytest.mark.parametrize(
    ("hazard", "place_code", "seen_s"),
    [
        (Hazard.FIRE, None, 90),
        (Hazard.SMOKE, None, 80),
        (Hazard.SMOKE, "330200", 80),
        (Hazard.FIRE, "330106", 20),  # the nearer place, though only that of any hazard
        (Hazard.SMOKE, HERE, None),
        (Hazard.DEBRIS, HERE, 15),
        (Hazard.DEBRIS, "330106005", 20),
        (Hazard.CAMERA_FAULT, HERE, 600),
        (Hazard.CAMERA_FAULT, "330100", None),  # only a rule that names it
        (Hazard.FIRE, "no code", 90),
    ],
)
def test_the_nearest_place_wins_and_there_the_hazard(
    hazard: Hazard, place_code: str | None, seen_s: int | None
) -> None:
    assert RULES.limits(hazard, place_code).seen_s == seen_s


def test_without_a_rule_it_is_one_three_and_five_minutes_but_for_cameras() -> None:
    assert Rules([]).limits(Hazard.FIRE, HERE) == USUAL
    assert (USUAL.seen_s, USUAL.sent_s, USUAL.report_s) == (60, 180, 300)
    assert Rules([rule(80)]).limits(Hazard.CAMERA_FAULT, HERE) == NO_CLOCKS
