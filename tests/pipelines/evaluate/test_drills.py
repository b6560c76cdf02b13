"""Plays rehearsed: what their figures count, what is kept, and a few of them end to end."""

import hashlib
import json
import os
import pickle
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from pipelines.drills.catalogue import Play, Truth
from pipelines.evaluate import drills, drills_cache, drills_crew
from pipelines.evaluate.command import main
from pipelines.evaluate.drills import Task, chosen, figures, poisson_upper95, tasks
from pipelines.evaluate.drills_cache import KeptLooks, trim
from pipelines.evaluate.drills_report import drills_page, text
from pipelines.evaluate.faults import EvaluationError
from pipelines.evaluate.rehearsal import (
    BEGAN_AT,
    LOST_AFTER_MS,
    Due,
    Raised,
    Rehearsed,
    Schedule,
    rehearse,
)
from pipelines.frames import Frame, Look
from pipelines.messages import AlertDetail, CameraFault, Zone, ZoneKind
from pipelines.rules.events import Change, Event
from tests.support.builders import detections
from vision.hazards import Hazard

FIRE, SMOKE, FAULT = Hazard.FIRE, Hazard.SMOKE, Hazard.CAMERA_FAULT
GREY = np.full((36, 64, 3), 90, np.uint8)

ROAD = Zone(
    zone_id="road",
    polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),
    kind=ZoneKind.ROAD,
    direction=((0.0, 0.0), (1.0, 0.0)),
)


def play(name: str, kind: str = "hazard", **changes: object) -> Play:
    own = {"hazards": (FIRE, SMOKE), "length_s": 90.0, "stage": lambda _seed: lambda _t_s: GREY}
    return Play(name=name, kind=kind, **{**own, **changes})


def rehearsed(name: str, *raised: Raised, seed: int = 0) -> Rehearsed:
    return Rehearsed(play=name, seed=seed, raised=raised, looks=45, drawn=45)


def raised(
    hazard: Hazard, at_s: float, fault: CameraFault | None = None, **changes: object
) -> Raised:
    return Raised(**{"hazard": hazard, "at_s": at_s, "zone_id": "all", "fault": fault, **changes})


BURNS = play("burns", truth=(Truth(hazard=FIRE, from_s=20.0, to_s=80.0),))
GLOWS = play("glows", "lookalike", length_s=1800.0)
COVERED = play(
    "covered",
    hazards=(FAULT,),
    truth=(Truth(hazard=FAULT, from_s=20.0, to_s=90.0, fault=CameraFault.COVERED),),
)
CROWD = play("crowd", "people", hazards=(FIRE, FAULT))
PLAYS = {one.name: one for one in (BURNS, GLOWS, COVERED, CROWD)}


def test_an_alert_while_a_hazard_lasts_detects_it() -> None:
    own = figures(PLAYS, [rehearsed("burns", raised(FIRE, 24.5)), rehearsed("burns", seed=1)])
    fire = own["hazards"]["fire"]
    assert fire["scenes"] == 2
    assert fire["detected"] == 0.5
    assert fire["mean_time_to_alert_s"] == 4.5
    assert fire["false_alarms"] == 0
    assert own["missed"] == [{"play": "burns", "seed": 1, "hazard": "fire", "from_s": 20.0}]


@pytest.mark.parametrize(("at_s", "detected"), [(19.9, 0), (20.0, 1), (90.0, 1), (90.1, 0)])
def test_alerts_before_and_long_after_are_false(at_s: float, detected: int) -> None:
    fire = figures(PLAYS, [rehearsed("burns", raised(FIRE, at_s))])["hazards"]["fire"]
    assert (fire["detected"], fire["false_alarms"]) == (detected, 1 - detected)


def test_two_alerts_of_one_hazard_are_both_right_and_the_first_counts() -> None:
    both = rehearsed("burns", raised(FIRE, 30.0), raised(FIRE, 25.0))
    own = figures(PLAYS, [both])
    fire = own["hazards"]["fire"]
    assert (fire["detected"], fire["false_alarms"]) == (1.0, 0)
    assert fire["mean_time_to_alert_s"] == 5.0
    assert fire["repeats"] == 1
    assert [one["at_s"] for one in own["repeats"]] == [30.0]
    assert own["hazards"]["smoke"]["repeats"] == 0


def test_an_alert_in_another_zone_or_elsewhere_on_the_picture_is_false() -> None:
    truth = Truth(hazard=FIRE, from_s=20.0, to_s=80.0, zone_ids=("yard",), box=(0.2, 0.2, 0.4, 0.6))
    plays = {"burns": play("burns", truth=(truth,))}
    there = raised(FIRE, 30.0, zone_id="yard", box=(0.1, 0.1, 0.4, 0.5))
    wrong = (
        raised(FIRE, 24.0, zone_id="road", box=there.box),
        raised(FIRE, 25.0, zone_id="yard", box=(0.5, 0.2, 0.7, 0.6)),
        raised(FIRE, 26.0, zone_id="yard", box=(0.2, 0.6, 0.4, 0.9)),
    )
    own = figures(plays, [rehearsed("burns", *wrong, there)])
    fire = own["hazards"]["fire"]
    assert (fire["detected"], fire["mean_time_to_alert_s"]) == (1.0, 10.0)
    assert (fire["false_alarms"], fire["repeats"]) == (3, 0)
    assert [one["at_s"] for one in own["false_alarms"]] == [24.0, 25.0, 26.0]
    assert own["false_alarms"][1]["box"] == [0.5, 0.2, 0.7, 0.6]
    alone = figures(plays, [rehearsed("burns", *wrong)])["hazards"]["fire"]
    assert (alone["detected"], alone["false_alarms"]) == (0.0, 3)


def test_an_alert_of_the_whole_picture_is_of_the_hazard_wherever_that_is() -> None:
    truth = Truth(hazard=FIRE, from_s=20.0, to_s=80.0, box=(0.2, 0.2, 0.4, 0.6))
    plays = {"burns": play("burns", truth=(truth,))}
    fire = figures(plays, [rehearsed("burns", raised(FIRE, 30.0, box=None))])["hazards"]["fire"]
    assert (fire["detected"], fire["false_alarms"]) == (1.0, 0)


def test_another_hazard_in_a_play_is_false_for_that_one() -> None:
    hazards = figures(PLAYS, [rehearsed("burns", raised(SMOKE, 30.0))])["hazards"]
    assert hazards["smoke"]["false_alarms"] == 1
    assert hazards["fire"]["false_alarms"] == 0
    assert hazards["fire"]["detected"] == 0.0


def test_a_camera_fault_must_be_the_right_one() -> None:
    right = rehearsed("covered", raised(FAULT, 30.0, CameraFault.COVERED))
    wrong = rehearsed("covered", raised(FAULT, 30.0, CameraFault.BLACK), seed=1)
    own = figures(PLAYS, [right, wrong])
    assert own["hazards"]["camera_fault"]["detected"] == 0.5
    assert own["hazards"]["camera_fault"]["false_alarms"] == 1
    assert own["missed"][0]["fault"] == "covered"
    assert own["false_alarms"][0]["fault"] == "black"


def test_rates_are_over_the_hours_of_look_alikes() -> None:
    quiet = [rehearsed("glows", seed=seed) for seed in range(6)]
    fire = figures(PLAYS, quiet)["hazards"]["fire"]
    assert fire["lookalike_hours"] == 3.0
    assert fire["false_alarms_per_hour"] == 0.0
    assert fire["false_alarms_upper95_per_hour"] == pytest.approx(0.9986, abs=1e-3)
    loud = [*quiet, rehearsed("glows", raised(FIRE, 1.0), raised(FIRE, 99.0), seed=6)]
    fire = figures(PLAYS, loud)["hazards"]["fire"]
    assert fire["false_alarms_per_hour"] == pytest.approx(2 / 3.5)
    assert fire["false_alarms_upper95_per_hour"] == pytest.approx(6.2958 / 3.5, abs=1e-3)


@pytest.mark.parametrize(
    ("count", "upper"), [(0, 2.9957), (1, 4.7439), (10, 16.9622), (900, 951.0)]
)
def test_the_poisson_bound_is_the_tables(count: int, upper: float) -> None:
    assert poisson_upper95(count) == pytest.approx(upper, rel=2e-3)


def test_alarms_on_people_stand_apart_from_faults_of_their_camera() -> None:
    alarms = (raised(FIRE, 5.0), raised(FAULT, 6.0, CameraFault.COVERED))
    own = figures(PLAYS, [rehearsed("crowd", *alarms)])
    assert own["alarms_on_people"] == 1
    assert [one["hazard"] for one in own["on_people"]] == ["fire"]
    assert own["hazards"]["fire"]["false_alarms"] == 0
    assert own["hazards"]["camera_fault"]["false_alarms"] == 1


def test_a_false_alarm_in_a_look_alike_with_people_counts_as_on_people_too() -> None:
    quay = play("quay", "lookalike", hazards=(FIRE, FAULT), shows_people=True)
    alarms = (raised(FIRE, 5.0), raised(FAULT, 6.0, CameraFault.COVERED))
    own = figures({"quay": quay}, [rehearsed("quay", *alarms)])
    assert own["alarms_on_people"] == 1
    assert [one["hazard"] for one in own["on_people"]] == ["fire"]
    assert own["hazards"]["fire"]["false_alarms_in_lookalikes"] == 1
    assert own["hazards"]["camera_fault"]["false_alarms"] == 1


def test_all_eight_hazards_are_told_of_whatever_was_played() -> None:
    own = figures(PLAYS, [rehearsed("burns")])
    assert set(own["hazards"]) == {hazard.value for hazard in Hazard}
    assert own["hazards"]["wrong_way"]["detected"] is None
    assert own["hazards"]["wrong_way"]["false_alarms_per_hour"] is None
    json.dumps(own, allow_nan=False)


def test_text_and_page_name_what_went_wrong() -> None:
    again = rehearsed("burns", raised(FIRE, 40.0), raised(FIRE, 47.75), seed=1)
    own = figures(PLAYS, [rehearsed("burns"), again, rehearsed("glows", raised(FIRE, 31.25))])
    own["pack"] = "a pack"
    for shown in (text(own), drills_page(own, ["a note"])):
        assert "told of again" in shown.lower()
        assert "47.8" in shown
        assert "burns" in shown
        assert "glows" in shown
        assert "31.2" in shown
        assert "quality is judged on real clips" in shown


def test_hours_are_filled_with_new_seeds_of_look_alikes() -> None:
    todo = tasks(PLAYS, 2, 2.5)
    assert len(todo) == len(set(todo))
    assert sum(one.play == "burns" for one in todo) == 2
    assert [one.seed for one in todo if one.play == "glows"] == [0, 1, 2, 3, 4]
    assert [one.seed for one in todo if one.play == "crowd"] == list(range(100))  # of 90 s
    assert tasks({"burns": BURNS}, 1, 2.5) == [Task(play="burns", seed=0)]


@pytest.mark.parametrize(
    ("names", "seeds", "hours", "says"),
    [
        (("burns",), 10**9, None, "--seeds 1000000000: .* 1 plays: give 400 at most"),
        (("burns", "glows"), 10**9, 1.0, "--seeds 1000000000: .* 2 plays: give 200 at most"),
        (("crowd",), 1, 1000.0, "--hours 1000: .*: give 10 at most"),
        (("crowd",), 400, 11.0, "--hours 11: .*: give 10 at most"),
    ],
)
def test_more_than_anybody_can_mean_is_told_with_what_would_do(
    names: tuple[str, ...],
    seeds: int,
    hours: float | None,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drills, "MOST_REHEARSALS", 400)
    with pytest.raises(EvaluationError, match=says):
        tasks({name: PLAYS[name] for name in names}, seeds, hours)


def test_words_choose_plays_by_name_or_a_part_of_it_or_kind() -> None:
    assert set(chosen(PLAYS, ["urn", "people"])) == {"burns", "crowd"}
    assert chosen(PLAYS, []) == PLAYS
    assert set(chosen({**PLAYS, "burns_twice": BURNS}, ["burns"])) == {"burns"}
    with pytest.raises(EvaluationError, match="--only flood: no play"):
        chosen(PLAYS, ["burns", "flood"])
    with pytest.raises(EvaluationError, match="nothing"):
        chosen(PLAYS, [""])


def times(schedule: Schedule, asks: Callable[[Due], bool]) -> list[Due]:
    dues = []
    while due := schedule.take():
        dues.append(due)
        if asks(due):
            schedule.ask(due.t_ms)
    return dues


def test_a_sentry_looks_every_two_seconds_with_a_phase_by_seed() -> None:
    first, second = (times(Schedule(BURNS, seed), lambda _due: False) for seed in (0, 1))
    assert set(np.diff([due.t_ms for due in first])) == {2000}
    assert 0 <= first[0].t_ms < 2000
    assert first[0].t_ms != second[0].t_ms
    assert all(due.is_due and not due.is_burst for due in first)


def test_a_burst_takes_three_seconds_and_the_next_one_waits() -> None:
    dues = times(Schedule(BURNS, 0), lambda due: not due.is_burst)
    close_ms = [due.t_ms - dues[0].t_ms for due in dues if due.is_burst]
    assert close_ms[:15] == list(range(200, 3001, 200))
    assert close_ms[15] == 34_000 + 200  # the first sentry's look after 3 s and 30 s of rest
    assert [due.t_ms - dues[0].t_ms for due in dues[1:18] if due.is_due] == [2000, 4000, 6000]


def test_a_road_with_a_direction_is_looked_at_five_times_a_second() -> None:
    dues = times(Schedule(play("road", zones=(ROAD,)), 0), lambda _due: True)
    assert set(np.diff([due.t_ms for due in dues])) == {200}
    assert all(due.is_burst for due in dues)
    assert sum(due.is_due for due in dues) == pytest.approx(45, abs=1)


class Rules:
    """Suspects from a look at 10 s on; alarms 5 s later."""

    def __init__(self, suspects_s: float = 10.0) -> None:
        self.suspects = False
        self._from_s = suspects_s
        self._is_on = False

    def see(self, look: Look) -> list[Event]:
        at_s = (look.ref.captured_at - BEGAN_AT).total_seconds()
        self.suspects = at_s >= self._from_s and not look.ref.is_burst
        if self._is_on or at_s < self._from_s + 5.0:
            return []
        self._is_on = True
        return [event(FIRE, look.ref.captured_at)]

    def lost(self, at: datetime) -> list[Event]:
        return [event(FAULT, at, AlertDetail(fault=CameraFault.LOST))]


def event(hazard: Hazard, at: datetime, detail: AlertDetail | None = None) -> Event:
    return Event(
        camera_id="burns",
        hazard=hazard,
        zone_id="all",
        change=Change.BEGAN,
        first_seen_at=at,
        last_seen_at=at,
        at=at,
        score=1.0,
        box=None,
        detail=detail,
    )


class Stages:
    """A worker's stages that see nothing; counts what it was shown."""

    input_size_px = (288, 512)

    def __init__(self, suspects_s: float = 10.0) -> None:
        self.shown: list[Frame] = []
        self.suspects_s = suspects_s

    def judge(self, _play: Play) -> Rules:
        return Rules(self.suspects_s)

    def witness(self, _play: Play) -> "Stages":
        return self

    def __call__(self, frames: Sequence[Frame]) -> list[Look]:
        self.shown += frames
        return [Look(ref=frame.ref, detections=detections()) for frame in frames]


def test_looks_reach_the_stages_in_order_and_once() -> None:
    stages = Stages()
    one = rehearse(BURNS, 0, stages)
    times_s = [frame.ref.captured_at for frame in stages.shown]
    assert times_s == sorted(set(times_s))
    assert [frame.ref.seq for frame in stages.shown] == list(range(1, one.looks + 1))
    assert stages.shown[0].pixels.shape == (288, 512, 3)
    assert one.raised[0].hazard is FIRE
    assert 15.0 <= one.raised[0].at_s < 17.0


def test_a_camera_that_sends_nothing_is_lost_once() -> None:
    silent = play("burns", length_s=150.0, stage=lambda _: lambda t_s: GREY if t_s < 12 else None)
    one = rehearse(silent, 0, Stages(suspects_s=200.0))
    assert [each.fault for each in one.raised] == [CameraFault.LOST]
    assert one.raised[0].at_s == pytest.approx(12.0 + LOST_AFTER_MS / 1000, abs=4.0)


def test_a_second_run_draws_nothing_and_says_the_same(tmp_path: Path) -> None:
    kept, stages = KeptLooks(tmp_path, "code"), Stages()
    first = rehearse(BURNS, 0, stages, kept)
    shown = len(stages.shown)
    never = play("burns", truth=BURNS.truth, stage=lambda _: pytest.fail("it is drawn again"))
    second = rehearse(never, 0, stages, kept)
    assert first.drawn == first.looks == second.looks == shown
    assert second.drawn == 0
    assert second.raised == first.raised
    assert len(stages.shown) == shown


def test_rules_that_ask_for_other_bursts_have_the_play_drawn_again(tmp_path: Path) -> None:
    kept = KeptLooks(tmp_path, "code")
    rehearse(BURNS, 0, Stages(), kept)
    other = rehearse(BURNS, 0, Stages(suspects_s=40.0), kept)
    assert other.drawn == other.looks
    assert other == rehearse(BURNS, 0, Stages(suspects_s=40.0))
    assert rehearse(BURNS, 0, Stages(suspects_s=40.0), kept).drawn == 0


@pytest.mark.parametrize("spoil", [lambda _: b"", lambda body: body[:-9], lambda body: b"x" + body])
def test_a_spoiled_file_is_drawn_anew(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    kept = KeptLooks(tmp_path, "code")
    first = rehearse(BURNS, 0, Stages(), kept)
    (path,) = tmp_path.glob("code/*")
    path.write_bytes(spoil(path.read_bytes()))
    assert rehearse(BURNS, 0, Stages(), kept).drawn == first.drawn
    assert rehearse(BURNS, 0, Stages(), kept).drawn == 0


def keep(folder: Path, body: bytes) -> KeptLooks:
    """Put a whole file there: its digest is right."""
    kept = KeptLooks(folder, "code")
    path = folder / "code" / "burns-0.looks"
    path.write_bytes(hashlib.sha256(body).digest() + body)
    return kept


class Calls:
    """Is pickled as a call."""

    def __init__(self, what: type, *words: object) -> None:
        self._call = what, words

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return self._call


@pytest.mark.parametrize(
    "body",
    [
        b"no zlib",
        zlib.compress(b"\x80\x04h\x05."),  # what is not in its memo
        zlib.compress(b"\x80\x04R."),  # calls what is not there
        zlib.compress(b"cpipelines.nope\nX\n."),
        zlib.compress(b"cpipelines.frames\nNope\n."),
        zlib.compress(pickle.dumps(5)),
        zlib.compress(pickle.dumps((1, 2))),
        zlib.compress(pickle.dumps(((0, "look"),))),
        zlib.compress(pickle.dumps(((0, Calls(Hazard, "nosuch")),))),
        zlib.compress(pickle.dumps(((0, Calls(datetime, 1)),))),
        zlib.compress(pickle.dumps(((0, Calls(np.ndarray, (1 << 50,))),))),
        zlib.compress(b"\x80\x04K\x00cpipelines.frames\nLook\n)\x81\x86\x85."),  # without parts
    ],
)
def test_a_whole_file_that_holds_no_looks_is_drawn_anew(tmp_path: Path, body: bytes) -> None:
    kept = keep(tmp_path, body)
    assert kept.read("burns", 0) is None
    assert rehearse(BURNS, 0, Stages(), kept).drawn
    assert kept.read("burns", 0)


def test_pipes_and_folders_in_the_place_of_looks_are_passed_over(tmp_path: Path) -> None:
    kept = KeptLooks(tmp_path, "code")
    os.mkfifo(tmp_path / "code" / "burns-0.looks")
    (tmp_path / "code" / "burns-1.looks").mkdir()
    assert kept.read("burns", 0) is None
    assert kept.read("burns", 1) is None
    kept.write("burns", 1, ())
    trim(tmp_path, 0)
    assert {path.name for path in (tmp_path / "code").iterdir()} == {
        "burns-0.looks", "burns-1.looks"
    }  # fmt: skip


def test_links_are_neither_read_nor_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    first = KeptLooks(tmp_path / "first", "code")
    rehearse(BURNS, 0, Stages(), first)
    (whole,) = (tmp_path / "first").glob("code/*")
    precious.write_bytes(whole.read_bytes())
    kept = KeptLooks(tmp_path / "kept", "code")
    for name in ("burns-0.looks", f"burns-0.looks-part{os.getpid()}"):
        (tmp_path / "kept" / "code" / name).symlink_to(precious)
    assert kept.read("burns", 0) is None
    kept.write("burns", 0, ())
    assert precious.read_bytes() == whole.read_bytes()
    assert kept.read("burns", 0) == ()


def test_looks_that_cannot_be_kept_are_no_fault(tmp_path: Path) -> None:
    kept = KeptLooks(tmp_path, "code")
    (tmp_path / "code").rmdir()
    assert rehearse(BURNS, 0, Stages(), kept).drawn
    assert not list(tmp_path.iterdir())


def test_looks_of_other_code_or_another_seed_are_not_taken(tmp_path: Path) -> None:
    rehearse(BURNS, 0, Stages(), KeptLooks(tmp_path, "code"))
    assert rehearse(BURNS, 0, Stages(), KeptLooks(tmp_path, "other")).drawn
    assert rehearse(BURNS, 1, Stages(), KeptLooks(tmp_path, "code")).drawn


def test_a_file_that_would_run_code_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("it ran",)

    body = zlib.compress(pickle.dumps(((0, Trap()),)))
    kept = KeptLooks(tmp_path, "code")
    (tmp_path / "code" / "burns-0.looks").write_bytes(hashlib.sha256(body).digest() + body)
    assert kept.read("burns", 0) is None
    assert capsys.readouterr().out == ""


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    old, new = KeptLooks(tmp_path, "old"), KeptLooks(tmp_path, "new")
    rehearse(BURNS, 0, Stages(), old)
    rehearse(BURNS, 0, Stages(), new)
    (path,) = tmp_path.glob("old/*")
    drawn = path.stat()
    os.utime(path, (drawn.st_atime - 100, drawn.st_mtime - 100))
    trim(tmp_path, drawn.st_size)
    assert new.read("burns", 0)
    assert not (tmp_path / "old").exists()


def test_the_fingerprint_follows_the_code_before_the_rules_alone() -> None:
    names = [drills_cache.REPOSITORY / name for name in drills_cache.MADE_BY]
    assert all(path.exists() for path in names)
    assert not [path for path in names if path.name in {"judge.py", "settings.py", "fire.py"}]
    assert [path for path in names if path.name == "drills_crew.py"]  # cuts batches


def test_an_unknown_word_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drills", "--only", "nosuch", "--cache", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "--only nosuch: no play has that in its name" in err


def test_a_cache_that_cannot_be_made_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["drills", "--only", "fire", "--cache", str(tmp_path / "file")]) == 1
    assert "--cache" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "  "])
def test_a_cache_without_a_name_does_not_fill_the_folder_one_is_in(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["drills", "--only", "fire", "--cache", name])
    assert ended.value.code == 2
    assert "--cache: no folder is named" in capsys.readouterr().err


def test_a_folder_that_takes_nothing_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drills", "--only", "fire_street_day", "--cache", "/sys"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("fengsui: --cache /sys: looks can't be kept there")
    assert err.count("\n") == 1


def test_only_may_be_given_more_than_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["drills", "--only", "nosuch", "--only", "fire", "--cache", str(tmp_path)]
    assert main(words) == 1
    assert "--only nosuch: no play" in capsys.readouterr().err


def test_many_plays_are_each_rehearsed_once_though_few_are_handed_out_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Threads(ThreadPoolExecutor):
        def __init__(self, workers: int, _context: object, _begin: object) -> None:
            super().__init__(workers)

    def quick(_setup: object, task: Task) -> Rehearsed:
        return Rehearsed(play=task.play, seed=task.seed, raised=(), looks=1, drawn=1)

    monkeypatch.setattr(drills_crew, "ProcessPoolExecutor", Threads)
    monkeypatch.setattr(drills_crew, "_rehearse", quick)
    todo = [Task(play="fire_street_day", seed=seed) for seed in range(100)]
    setup = drills_crew.Setup(pack_dir=tmp_path, folder=tmp_path, made_by="code")
    done = drills_crew.rehearse_all(todo, setup, 2)
    assert sorted(one.seed for one in done) == list(range(100))


def test_real_plays_end_to_end_and_again_without_drawing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "out.html"
    only = "fire_street_day,not_fire_fixed_lamp,people_queue_on_lane"
    words = ["drills", "--only", only, "--cache", str(tmp_path / "kept"), "--json"]
    runs = []
    for more in ([], ["--jobs", "1", "--report", str(report)]):
        assert main([*words, *more]) == 0
        runs.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
    first, second = runs
    assert first["looks_drawn"] == first["looks"] > 3 * 40
    assert second["looks_drawn"] == 0
    assert {**second, "looks_drawn": None} == {**first, "looks_drawn": None}
    assert first["plays"] == first["rehearsals"] == 3
    assert set(first["hazards"]) == {hazard.value for hazard in Hazard}
    fire = first["hazards"]["fire"]
    assert (fire["scenes"], fire["detected"]) == (1, 1.0)
    assert fire["mean_time_to_alert_s"] < 10.0
    assert fire["false_alarms"] == 0
    assert fire["lookalike_hours"] > 0
    assert first["alarms_on_people"] == 0
    page = report.read_text("utf-8")
    assert "quality is judged on real clips" in page
    assert "<img" not in page
