"""Orders of before: an incident opened again neither waits for them nor is moved by them."""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from pipelines.messages import Receipt
from service import tables
from service.dispatch import receipts
from service.dispatch.silence import SilenceWatch
from service.dispatch.targets import TargetBook
from service.incidents.lifecycle import StepKind, actor_of
from tests.service.dispatch import answers, kit
from tests.service.dispatch.parcels import written
from tests.service.helpers import Parts, send_due

SILENCE_S = 300.0


def streams(folder: Path, *lines: str) -> Path:
    return written(
        folder,
        "\n".join(
            "\n".join(
                [f"[targets.{name}]", 'kind = "stream"', f'stream = "dispatch.{name}"', *lines]
            )
            for name in ("a", "b")
        ),
    )


@pytest.fixture
def book(given: Parts, tmp_path: Path) -> Iterator[TargetBook]:
    with kit.book_of(given, streams(tmp_path, "updates = true")) as found:
        yield found


def take(given: Parts, receipt: Receipt) -> receipts.Taken:
    with given.database.writing() as connection:
        return receipts.take(connection, receipt, actor_of(receipt.target), kit.now())


def sent(given: Parts, book: TargetBook, about: UUID, target: str) -> UUID:
    (order,) = kit.dispatch(given, about, [target], book)
    send_due(kit.replica(given, book=book))
    return order


def opened_again(given: Parts, book: TargetBook, about: UUID, end: StepKind) -> None:
    kit.step(given, about, end, reason="lamp")
    send_due(kit.replica(given, book=book))
    kit.step(given, about, StepKind.REOPENED, reason="mistake")
    kit.step(given, about, StepKind.CONFIRMED)


def silent(given: Parts) -> list[UUID]:
    watch = SilenceWatch(
        database=given.database,
        metrics=given.metrics,
        stopping=threading.Event(),
        silence_s=0.0,
        committed=lambda: None,
    )
    watch.mark()
    rows = given.rows(tables.orders)
    return [one["order_id"] for one in rows if one["silent_at"] is not None]


@pytest.mark.parametrize(
    ("end", "updates", "merged"),
    [
        (StepKind.DISMISSED, True, False),
        (StepKind.CLOSED, True, True),
        (StepKind.CLOSED, False, False),
        (StepKind.DISMISSED, False, True),
    ],
)
def test_an_order_of_before_is_waited_for_and_moves_the_incident_no_more(
    given: Parts, tmp_path: Path, end: StepKind, updates: bool, merged: bool
) -> None:
    with kit.book_of(given, streams(tmp_path, *["updates = true"] * updates)) as book:
        _old_and_new(given, book, end, merged)


def _old_and_new(given: Parts, book: TargetBook, end: StepKind, merged: bool) -> None:
    about = kit.confirmed(given)
    old = sent(given, book, about, "a")
    if merged:
        gone, about = about, kit.confirmed(given)
        kit.merge(given, gone, about)
    opened_again(given, book, about, end)
    new = sent(given, book, about, "b")
    assert silent(given) == [new]
    late = take(given, answers.receipt(old, "on_site", target="a"))
    assert (late.incident_state, late.step) == ("dispatched", StepKind.RECEIPT)
    assert answers.row(given.database, tables.incidents, about)["reported_at"] is None
    refused = take(given, answers.receipt(old, "refused", target="a"))
    assert refused.step is StepKind.RECEIPT
    assert take(given, answers.receipt(new, "closed", target="b")).incident_state == "closed"


@pytest.mark.parametrize("goes", [True, False])
def test_a_merge_brings_no_order_of_before_back(given: Parts, tmp_path: Path, goes: bool) -> None:
    """The incident that stays has the earlier of two dates."""
    lines = [] if goes else ["updates = true"]
    with kit.book_of(given, streams(tmp_path, *lines)) as book:
        again, other = kit.confirmed(given), kit.confirmed(given)
        sent(given, book, again, "a")
        opened_again(given, book, again, StepKind.DISMISSED)
        left, about = (again, other) if goes else (other, again)
        kit.merge(given, left, about)
        new = sent(given, book, about, "b")
        assert silent(given) == [new]
        closed = take(given, answers.receipt(new, "closed", target="b"))
        assert closed.incident_state == "closed"


def test_an_order_that_leaves_after_the_reopening_is_no_help_sent(
    given: Parts, book: TargetBook
) -> None:
    about = kit.confirmed(given)
    (old,) = kit.dispatch(given, about, ["a"], book)
    kit.step(given, about, StepKind.ARRIVED)  # told by another way; the order is stuck
    with given.database.writing() as connection:
        mine = tables.orders.c.order_id == old
        connection.execute(tables.orders.update().where(mine).values(attempts=1))
    kit.step(given, about, StepKind.CLOSED, reason="over")
    kit.step(given, about, StepKind.REOPENED, reason="mistake")
    kit.step(given, about, StepKind.CONFIRMED)
    for _ in range(3):
        send_due(kit.replica(given, book=book))
    assert answers.state(given.database, old) == "sent"
    assert answers.row(given.database, tables.incidents, about)["sent_at"] is None


def test_who_was_sent_it_twice_is_done_once(given: Parts, book: TargetBook) -> None:
    about = kit.confirmed(given)
    first, second = sent(given, book, about, "a"), sent(given, book, about, "a")
    other = sent(given, book, about, "b")
    assert take(given, answers.receipt(first, "accepted", target="a")).step is StepKind.RECEIPT
    third = sent(given, book, about, "a")
    take(given, answers.receipt(other, "closed", target="b"))
    said = take(given, answers.receipt(third, "closed", target="a"))
    assert said.incident_state == "dispatched", "who accepted is still on the way"
    assert answers.state(given.database, second) == "sent"
    assert take(given, answers.receipt(first, "closed", target="a")).incident_state == "closed"


def test_who_never_answers_is_known_when_the_file_no_longer_says_it(
    given: Parts, tmp_path: Path
) -> None:
    about = kit.confirmed(given)
    with kit.book_of(given, streams(tmp_path, "answers = false")) as book:
        mute = sent(given, book, about, "a")
        heard = sent(given, given.book, about, "dispatch")
    # Taken out of the file, or the file unusable: what was decided by it goes on by it.
    assert silent(given) == [heard]
    assert (
        take(given, answers.receipt(heard, "closed", target="dispatch")).incident_state == "closed"
    )
    assert answers.state(given.database, mute) == "sent"
