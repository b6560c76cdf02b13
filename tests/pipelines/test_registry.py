"""The registry as a worker follows it, on a real Redis that loses data and comes back."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from pipelines import registry, streams
from pipelines.messages import MAX_REVISION, Camera
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Change, Part, PartError, Registry, part
from tests.support.redis_server import RedisServer
from tests.support.registrar import Registrar
from tests.support.waiting import until


def camera(name: str, path: str = "x") -> Camera:
    return Camera(camera_id=name, url=f"rtsp://127.0.0.1:1/{path}")


class Rig:
    """A registry in Redis, a follower of it, and what the follower handed on."""

    def __init__(self, url: str, share: Part = Part()) -> None:  # noqa: B008 - frozen
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.client = streams.connect(url)
        self.registrar = Registrar(self.client)
        self.changes: list[Change] = []
        self.follower = Registry(self.client, share, self.changes.append, self.metrics)

    def step(self) -> list[tuple[str, int, bool]]:
        """One step of the follower: id, revision and whether the camera is wanted."""
        self.changes.clear()
        self.follower.step()
        return [(one.camera_id, one.revision, one.camera is not None) for one in self.changes]

    def count(self, outcome: str) -> float:
        label = {"outcome": outcome}
        name = "fengsui_registry_changes_total"
        return self.metrics.registry.get_sample_value(name, label) or 0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def rig(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(registry, "BLOCK_MS", 20)
    made = Rig(server.url)
    made.client.flushall()
    yield made
    made.client.close()


def test_what_is_registered_is_loaded_and_then_followed(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"), camera("b"))
    rig.registrar.whole()
    assert sorted(rig.step()) == [("a", 1, True), ("b", 2, True)]
    assert rig.step() == []
    rig.registrar.upsert(camera("b", "y"))
    rig.registrar.remove("a")
    assert sorted(rig.step()) == [("a", 4, False), ("b", 3, True)]
    assert next(one.camera for one in rig.changes if one.camera) == camera("b", "y")
    assert rig.step() == []


def test_several_changes_of_one_camera_are_one(rig: Rig) -> None:
    rig.step()
    for path in "xyz":
        rig.registrar.upsert(camera("a", path))
    rig.registrar.upsert(camera("b"))
    rig.registrar.remove("b")
    assert rig.step() == [("a", 3, True)]
    assert rig.changes[0].camera == camera("a", "z")


def test_an_older_revision_changes_nothing(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"), revision=7)
    rig.step()
    rig.registrar.upsert(camera("a", "old"), revision=6)
    assert rig.step() == []
    rig.registrar.remove("a", revision=5)
    assert rig.step() == []
    assert rig.count("stale") == 2


def test_an_emptied_redis_takes_no_camera_from_anybody(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"), camera("b"))
    rig.registrar.whole()
    rig.step()
    rig.client.flushall()
    assert [rig.step() for _ in range(3)] == [[], [], []]


def test_a_hash_being_filled_removes_nobody_until_it_is_whole(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"), camera("b"), camera("c"))
    rig.registrar.whole()
    rig.step()
    rig.client.flushall()
    rig.step()
    rig.registrar.upsert(camera("a"), revision=1)
    assert ("b", 2, False) not in rig.step()
    assert rig.step() == []
    rig.registrar.upsert(camera("c", "moved"), revision=9)
    rig.registrar.whole()
    seen = rig.step() + rig.step()
    assert ("b", 2, False) in seen
    assert ("c", 9, True) in seen
    assert not [one for one in seen if one[0] == "a" and not one[2]]


def test_a_hash_that_is_filled_anew_is_read_anew_even_without_a_word_in_the_stream(
    rig: Rig,
) -> None:
    rig.registrar.upsert(camera("a"))
    rig.registrar.whole()
    rig.step()
    rig.registrar.upsert(camera("b"))
    rig.client.delete(streams.CAMERA_CHANGES.name)
    rig.registrar.whole()
    assert ("b", 2, True) in rig.step()


def test_a_stream_trimmed_past_our_place_is_made_good_from_the_hash(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"))
    rig.registrar.whole()
    rig.step()
    rig.registrar.upsert(camera("b"))
    rig.registrar.remove("a")
    rig.registrar.upsert(camera("c"))
    rig.client.xtrim(streams.CAMERA_CHANGES.name, maxlen=1, approximate=False)
    assert sorted(rig.step()) == [("a", 1, False), ("b", 2, True), ("c", 4, True)]


def test_a_redis_that_lost_its_last_writes_removes_nobody_by_absence(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"))
    rig.registrar.whole()
    rig.registrar.upsert(camera("late"))
    rig.step()
    # As after a crash: hash and stream end before the last registration, and "whole" is there.
    (newest, _), *_ = rig.client.xrevrange(streams.CAMERA_CHANGES.name, count=1)
    rig.client.xdel(streams.CAMERA_CHANGES.name, newest)
    rig.client.hdel(streams.REGISTRY, "late")
    assert [one for one in rig.step() if not one[2]] == []
    rig.registrar.whole()  # the service has filled it again, without it
    assert ("late", 2, False) in rig.step()


def test_a_camera_that_is_registered_while_the_hash_is_judged_stays(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.registrar.upsert(camera("a"), camera("b"))
    rig.registrar.whole()
    rig.step()
    rig.client.hdel(streams.REGISTRY, "b")
    rig.registrar.whole()
    really = rig.follower._remove_absent

    def later(names: set[str]) -> None:
        rig.registrar.upsert(camera("b"))
        really(names)

    monkeypatch.setattr(rig.follower, "_remove_absent", later)
    assert [one for one in rig.step() if not one[2]] == []


NO_CAMERA = b"""{"schema_version": 1, "camera_id": "bad", "kind": "upserted", "revision": 1,
"changed_at": "2026-01-01T00:00:00Z"}"""
GARBAGE = (b"", b"not json", b'{"schema_version": 9}', NO_CAMERA, b"[" * 100_000)


def test_bad_entries_are_counted_told_once_and_cost_no_other_camera(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, body in enumerate(GARBAGE):
        rig.client.hset(streams.REGISTRY, f"bad-{number}", body)
    rig.registrar.upsert(camera("good"))
    other = rig.client.hget(streams.REGISTRY, "good")
    rig.client.hset(streams.REGISTRY, "impostor", other)
    rig.client.hset(streams.REGISTRY, b"\xff", b"x")
    assert ("good", 1, True) in rig.step()
    assert [one.camera_id for one in rig.changes if one.camera] == ["good"]
    assert (rig.count("unreadable"), rig.count("newer")) == (len(GARBAGE) + 1, 1)
    assert capsys.readouterr().out.count("registry_entries_refused") == 2, "a line for each kind"
    for body in GARBAGE:
        rig.client.xadd(streams.CAMERA_CHANGES.name, {streams.BODY: body})
    rig.client.xadd(streams.CAMERA_CHANGES.name, {"other": "x"})
    rig.registrar.upsert(camera("more"))
    assert rig.step() == [("more", 2, True)]
    assert capsys.readouterr().out.count("registry_entries_refused") == 2


def test_a_known_camera_whose_entry_becomes_unreadable_is_kept(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"))
    rig.step()
    rig.client.hset(streams.REGISTRY, "a", b"garbage")
    rig.registrar.whole()
    assert rig.step() == []


def test_a_removed_camera_does_not_come_back_with_a_late_upsert(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "REMEMBERED", 2)
    rig.registrar.upsert(camera("a"), revision=1)
    rig.registrar.whole()
    rig.step()
    rig.registrar.remove("a", revision=3)
    assert rig.step() == [("a", 3, False)]
    rig.registrar.upsert(camera("a", "late"), revision=2)
    assert rig.step() == []
    rig.registrar.upsert(camera("a", "again"), revision=4)
    assert rig.step() == [("a", 4, True)]
    for name in "abc":
        rig.registrar.remove(name, revision=9)
    rig.step()
    assert len(rig.follower._removed) == 2


def test_a_lost_hash_removes_nobody_even_if_the_stream_has_a_gap(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"), camera("b"))
    rig.registrar.whole()
    rig.step()
    rig.client.delete(streams.REGISTRY)
    rig.registrar.upsert(camera("c"))
    rig.client.xtrim(streams.CAMERA_CHANGES.name, maxlen=1, approximate=False)
    assert [rig.step() for _ in range(2)] == [[("c", 3, True)], []]


def test_a_hash_that_is_behind_is_told_of_and_a_new_mark_makes_it_the_truth(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.registrar.upsert(camera("a"), revision=9)
    rig.registrar.upsert(camera("b"), revision=8)
    rig.registrar.whole()
    rig.step()
    rig.registrar.remove("b", revision=9)
    rig.step()
    # As from a backup: an older hash under the same mark, and a stream that ends before our place.
    rig.client.delete(streams.CAMERA_CHANGES.name)
    rig.registrar.upsert(camera("a", "old"), camera("b"), revision=2)
    assert rig.step() == []
    assert capsys.readouterr().out.count("registry_behind") == 1
    rig.registrar.whole()
    assert sorted(rig.step()) == [("a", 2, True), ("b", 2, True)]


NEWER = b'{"schema_version": 2, "camera_id": "new", "revision": 5}'


def test_a_registration_of_a_newer_version_is_a_fault_that_names_its_camera(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.client.hset(streams.REGISTRY, "in-hash", NEWER)
    rig.registrar.whole()
    rig.step()
    (change,) = rig.changes
    assert (change.camera_id, change.camera, change.fault) == ("in-hash", None, "newer_version")
    said = capsys.readouterr().out
    assert "upgrade this worker" in said
    assert "first=in-hash" in said
    rig.client.xadd(streams.CAMERA_CHANGES.name, {streams.BODY: NEWER})
    rig.step()
    assert [(one.camera_id, one.fault) for one in rig.changes] == [("new", "newer_version")]
    assert rig.count("newer") == 2
    rig.registrar.upsert(camera("new"), revision=1)
    assert rig.step() == [("new", 1, True)]


def test_no_registry_makes_drills(rig: Rig) -> None:
    rig.registrar.upsert(camera("drill-1"), camera("a"))
    assert rig.step() == [("a", 2, True)]
    rig.registrar.upsert(camera("drill-2"))
    assert rig.step() == []
    assert rig.count("drill") == 2


def test_the_parts_of_an_estate_are_all_of_it_and_no_camera_is_in_two(rig: Rig) -> None:
    rig.registrar.upsert(*(camera(f"c-{number}") for number in range(200)))
    url = f"redis://127.0.0.1:{rig.client.connection_pool.connection_kwargs['port']}/0"
    seen: list[str] = []
    for number in (1, 2, 3):
        one = Rig(url, part(f"{number}/3"))
        mine = [camera_id for camera_id, _, _ in one.step()]
        assert 40 < len(mine) < 100
        seen += mine
        rig.registrar.upsert(camera("c-7", str(number)))
        assert one.step() == ([("c-7", 200 + number, True)] if "c-7" in mine else [])
        one.client.close()
    assert sorted(seen) == sorted(f"c-{number}" for number in range(200))
    assert Part(number=3, parts=3).holds("a name that stays where it is"), "on every machine"


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/0", "-1/2", "1/2/3"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PartError, match="write K/N"):
        part(text)


def test_redis_killed_and_back_is_followed_again(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RedisServer() as server:
        rig = Rig(server.url)
        rig.registrar.upsert(camera("a"))
        rig.registrar.whole()
        rig.follower.start()
        until(lambda: len(rig.changes) == 1)
        server.kill()
        label = {"part": "registry"}
        name = "fengsui_worker_redis_errors_total"
        until(lambda: rig.metrics.registry.get_sample_value(name, label))
        server.start()
        rig.registrar.upsert(camera("b"))
        until(lambda: [one.camera_id for one in rig.changes] == ["a", "b"])
        rig.follower.ask_to_stop()
        rig.follower.join()
        rig.client.close()


def test_a_share_of_endless_digits_is_one_clear_line() -> None:
    for text in ("1/" + "9" * 5000, "1/" + "9" * 5000 + "x", "١/٢"):
        with pytest.raises(PartError, match="write K/N") as caught:
            part(text)
        assert len(str(caught.value)) < 120


def test_each_camera_falls_to_one_share_of_a_share_and_to_no_other_s() -> None:
    cameras = tuple(camera(f"c{n}") for n in range(500))
    for whole in (Part(), Part(number=2, parts=3)):
        for parts in (1, 2, 5):
            shares = [whole.split(n + 1, parts).of(cameras) for n in range(parts)]
            assert sorted(one.camera_id for share in shares for one in share) == sorted(
                one.camera_id for one in whole.of(cameras)
            )
            assert all(shares), "none is without cameras"


def test_an_impossible_revision_is_refused(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"), revision=MAX_REVISION + 1)
    assert rig.step() == []
    rig.registrar.upsert(camera("a"), revision=1)
    assert rig.step() == [("a", 1, True)]
    assert rig.count("unreadable") == 1


def test_a_registry_filled_anew_is_the_truth_whatever_its_revisions(rig: Rig) -> None:
    rig.registrar.upsert(camera("a"), revision=9)
    rig.registrar.whole()
    rig.step()
    rig.client.flushall()
    rig.registrar.upsert(camera("a", "restored"), revision=2)
    rig.registrar.whole()
    assert ("a", 2, True) in rig.step() + rig.step()
    rig.registrar.upsert(camera("a", "edited"), revision=3)
    assert rig.step() == [("a", 3, True)]


def test_what_an_earlier_process_knew_and_a_whole_registry_lacks_was_removed(rig: Rig) -> None:
    rig.follower = Registry(
        rig.client, Part(), rig.changes.append, rig.metrics, known=("a", "gone", "went")
    )
    rig.registrar.upsert(camera("a"))
    assert rig.step() == [("a", 1, True)], "not whole: it may lack anything"
    rig.registrar.remove("went")
    assert rig.step() == [("went", 2, False)]
    rig.registrar.whole()
    assert ("gone", 0, False) in rig.step()
    assert rig.step() == []
