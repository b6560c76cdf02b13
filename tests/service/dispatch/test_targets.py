"""The book of targets: what is built in, what a changed file changes, and who is let out."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from pipelines.messages import DispatchOrder, decode
from pipelines.streams import connect
from service.dispatch import targets
from service.dispatch.sending import RefusedError, UnreachableError
from service.dispatch.targets import TargetBook
from service.dispatch.targets_file import Surroundings
from service.metrics import ServiceMetrics
from tests.service.dispatch.parcels import LOOPBACK, cap, order, parcel, webhook, written
from tests.support.receiver import Receiver
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

NORTH = '[targets.north]\nkind = "stream"\nstream = "dispatch.north"\n'


class Given:
    """A book of a folder's file."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.client = connect(url)
        self.client.flushall()
        self.metrics = ServiceMetrics(CollectorRegistry())
        self._times = 0

    def book(self, text: str | None = None) -> TargetBook:
        path = None if text is None else written(self.folder, text)
        return TargetBook(path, client=self.client, metrics=self.metrics)

    def write(self, text: str) -> None:
        path = written(self.folder, text)
        self._times += 1
        os.utime(path, (self._times, self._times))  # seen whatever the file system's clock

    def errors(self) -> float | None:
        return self.metrics.registry.get_sample_value("fengsui_targets_file_errors_total")


@pytest.fixture
def given(
    shared_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Given]:
    monkeypatch.setattr(targets, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(targets, "SETTLED_S", 0.0)
    made = Given(tmp_path, shared_redis.url)
    with closing(made.client):
        yield made


def test_built_in_ones_take_each_order_once(given: Given) -> None:
    book = given.book()
    assert book.names() == ("dispatch", "dispatch.drill")
    for name in book.names():
        sent = parcel(order(name, drill=name == "dispatch.drill"))
        first = book.sender(name).send(sent)
        assert book.sender(name).send(sent) == first
        ((entry_id, fields),) = given.client.xrange(name)
        assert entry_id.decode() == first
        assert decode(fields[b"body"], DispatchOrder) == sent.order
        (mark,) = given.client.keys(f"*{{{name}}}:sent:*")
        assert 0 < given.client.ttl(mark) <= 7 * 24 * 3600


def test_what_a_centre_has_to_read_goes_by_no_age(given: Given) -> None:
    """Drills are trimmed by age; an order of long ago that nobody has read is still an order."""
    for name in ("dispatch", "dispatch.drill"):
        # More than one node of the stream: what is trimmed approximately goes by nodes.
        for number in range(300):
            given.client.xadd(name, {"body": "x"}, id=f"{number + 1}-0")
        given.book().sender(name).send(parcel(order(name, drill=name == "dispatch.drill")))
    assert given.client.xlen("dispatch") == 301
    assert given.client.xlen("dispatch.drill") < 301


def test_a_stream_that_is_away_is_again_later(given: Given) -> None:
    given.client.set("dispatch", "no stream")
    with pytest.raises(UnreachableError, match="Redis"):
        given.book().sender("dispatch").send(parcel(order("dispatch")))
    assert given.client.keys("*:sent:*") == []


@pytest.mark.parametrize(
    ("target", "changes"),
    [("dispatch", {"drill": True}), ("dispatch.drill", {"drill": False}),
     ("north", {"drill": True}), ("centre", {"drill": True}),
     ("dispatch", {"target": "dispatch.drill"}), ("dispatch.drill", {"target": "dispatch"})],
)  # fmt: skip
def test_an_order_with_no_business_there_is_refused(
    given: Given, target: str, changes: dict[str, object]
) -> None:
    with Receiver() as receiver:
        book = given.book(NORTH + webhook(receiver.url, LOOPBACK))
        with pytest.raises(RefusedError):
            book.sender(target).send(parcel(order(**{"target": target, **changes})))
        assert receiver.connections == 0
    assert given.client.exists("dispatch", "dispatch.drill", "dispatch.north") == 0


def test_a_message_of_another_order_is_refused(given: Given) -> None:
    sent = parcel(order("dispatch"))
    swapped = type(sent)(order_id=uuid4(), order=sent.order, body=sent.body, attempt=1)
    with pytest.raises(RefusedError, match="not this order's"):
        given.book().sender("dispatch").send(swapped)


def test_drills_go_where_the_file_says_so(given: Given) -> None:
    with Receiver() as receiver:
        book = given.book(cap(receiver.url, LOOPBACK, "drills = true"))
        book.sender("centre").send(parcel(order(drill=True)))
        book.sender("centre").send(parcel(order()))
    first, second = (one.body for one in receiver.requests)
    assert b"<status>Exercise</status>" in first
    assert b"<status>Actual</status>" in second


def test_a_changed_file_is_read_and_a_bad_one_changes_nothing(given: Given) -> None:
    book = given.book(NORTH)
    assert book.names() == ("dispatch", "dispatch.drill", "north")
    book.sender("north").send(parcel(order("north")))
    assert given.client.xlen("dispatch.north") == 1
    given.write(NORTH.replace("dispatch.north", "alerts"))
    assert book.problem is not None
    assert 'targets.toml: [targets."north"] stream' in book.problem
    assert given.errors() == 1
    assert book.problem is not None
    assert given.errors() == 1, "a bad file is read once"
    book.sender("north").send(parcel(order("north")))
    assert given.client.xlen("dispatch.north") == 2
    given.write("# nothing yet\n")
    assert "is empty" in (book.problem or "")
    assert book.get("north") is not None, "who writes it anew takes nobody out on the way"
    with capture_logs() as logged:
        given.write("[targets]")
        assert book.problem is None
    assert [one["targets"] for one in logged if one["event"] == "targets_gone"] == [["north"]]
    assert book.get("north") is None
    with pytest.raises(UnreachableError, match="no target north now"):
        book.sender("north")
    (given.folder / "targets.toml").unlink()
    assert "give --targets a file" in (book.problem or "")
    assert book.names() == ("dispatch", "dispatch.drill")


def test_a_bad_file_at_the_start_leaves_the_built_in_ones(given: Given) -> None:
    book = given.book("[[[")
    assert "no TOML" in (book.problem or "")
    book.sender("dispatch").send(parcel(order("dispatch")))
    with pytest.raises(UnreachableError, match=r"can't be used: .*no TOML"):
        book.sender("north")


def test_a_file_is_read_once_it_rests(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    book = given.book(NORTH)
    monkeypatch.setattr(targets, "SETTLED_S", 0.3)
    for number in range(6):  # as if somebody wrote it piece by piece
        given.write(f"{NORTH}label = 'n{number}'\n")
        found = book.get("north")
        assert found is not None
        assert found.label == "north"
        time.sleep(0.1)
    given.write("[[[")
    assert book.problem is None
    given.write(NORTH.replace("north", "south"))
    until(lambda: book.get("south") is not None, "the file at rest", 5)
    assert given.errors() == 0


def test_what_is_written_while_it_is_read_is_read_too(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = given.book(NORTH)
    real = targets.read_targets

    def slow(path: Path, around: Surroundings) -> object:
        found = real(path, around)
        monkeypatch.setattr(targets, "read_targets", real)
        given.write(NORTH.replace("north", "south"))
        return found

    monkeypatch.setattr(targets, "read_targets", slow)
    given.write(NORTH + "label = 'half'\n")
    assert book.get("north") is not None
    until(lambda: book.get("south") is not None, "the rest of it", 5)


def test_a_bad_file_is_read_again_when_what_it_names_is_mended(given: Given) -> None:
    text = webhook("https://a.example").replace('secret = "', 'secret_file = "s" # "')
    book = given.book(NORTH)
    given.write(NORTH + text)
    assert "secret_file" in (book.problem or "")
    secret = given.folder / "s"
    secret.write_text("whsec_" + "A" * 32)
    secret.chmod(0o644)
    assert "chmod 600" in (book.problem or "")
    secret.chmod(0o600)
    assert book.problem is None
    assert book.get("centre") is not None


def test_only_what_changed_is_made_anew(given: Given) -> None:
    secret = given.folder / "s"
    secret.write_text("whsec_" + "A" * 32)
    secret.chmod(0o600)
    first = webhook("https://a.example").replace('secret = "', 'secret_file = "s" # "')
    book = given.book(NORTH + first)
    kept, changed = book._senders["north"], book._senders["centre"]
    given.write(NORTH + first)
    assert book.names()[-1] == "centre"
    assert book._senders["centre"] is changed
    secret.write_text("whsec_" + "B" * 32)  # the file itself stays as it is
    os.utime(secret, (1, 1))
    book.names()
    assert book._senders["north"] is kept
    assert book._senders["centre"] is not changed


def test_the_file_may_name_the_built_in_stream(given: Given) -> None:
    book = given.book('[targets.dispatch]\nkind = "stream"\nlabel = "总队"\nupdates = true')
    found = book.get("dispatch")
    assert found is not None
    assert (found.label, found.wants_updates, found.drills) == ("总队", True, False)
    assert book.names() == ("dispatch", "dispatch.drill")
