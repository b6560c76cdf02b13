"""Truth files, the arithmetic of time, and clips through the real stages."""

import itertools
import json
from pathlib import Path

import pytest

from models.packs import load_pack
from pipelines.evaluate.faults import EvaluationError
from pipelines.evaluate.timing import coverage, fitted, video_figures, video_notes
from pipelines.evaluate.truth import TrueEvent, read_truth
from pipelines.evaluate.video import Raised, Watched, watch
from tests.pipelines.evaluate.sets import noise, write
from tests.support.clips import write_clip
from tests.support.media import clip
from vision.hazards import Hazard


def event(from_s: float, to_s: float, hazard: Hazard = Hazard.FIRE) -> TrueEvent:
    return TrueEvent(hazard=hazard, from_s=from_s, to_s=to_s)


def raised(onset_s: float, end_s: float, hazard: Hazard = Hazard.FIRE) -> Raised:
    return Raised(hazard=hazard, onset_s=onset_s, end_s=end_s, score=0.7)


def watched(*alerts: Raised, length_s: float = 100.0) -> Watched:
    return Watched(
        raised=alerts,
        length_s=length_s,
        looks_s=(0.0, 2.0, 4.0),
        hazards=frozenset({Hazard.FIRE, Hazard.SMOKE}),
        drops={},
    )


FIRE = {"hazard": "fire", "from_s": 4, "to_s": 51}
SMOKE = {"hazard": "smoke", "from_s": 9, "to_s": 12.5}
START_END = {"hazard": "fire", "start_s": 4, "end_s": 51}


class TestTruth:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("t.json", json.dumps({"events": [SMOKE, START_END]})),
            ("t.json", json.dumps([{**FIRE, "hazard": "Flame"}, {**SMOKE, "hazard": "烟雾"}])),
            ("t.csv", "hazard,from_s,to_s\nfire,4,51\nsmoke,9,12.5\n"),
            ("t.json", json.dumps([{"hazard": "Fire", "begin": "4", "end": "51.0"}, SMOKE])),
            ("t.json", json.dumps([{"hazard": "fires", "from": 4, "to": 51}, SMOKE])),
            ("t.json", json.dumps([{"hazard": "war", "from": 4, "to": 51}, FIRE, SMOKE])),
            ("t.csv", "label,start,end\nfire,4,51\nSMOKE,9,12.5\n"),
            ("t.csv", "fire,4,51\nsmoke,9,12.5\n"),
            ("t.csv", "4,51,fire\n9,12.5,smoke\n"),
            ("t.txt", "\ufeffHazard, start_s, end_s, note\r\nfire, 4, 51,\r\nsmoke, 9, 12.5, x"),
        ],
    )  # fmt: skip
    def test_forms(self, tmp_path: Path, name: str, text: str) -> None:
        path = tmp_path / name
        path.write_text(text)
        assert read_truth(path).events == (event(4, 51), event(9, 12.5, Hazard.SMOKE))

    def test_what_says_nothing_is_ignored_and_told(self, tmp_path: Path) -> None:
        rows = [{**FIRE, "note": "x"}, {**FIRE, "hazard": "war"}, {**FIRE, "camera\n": 3}]
        (tmp_path / "t.json").write_text(json.dumps(rows))
        truth = read_truth(tmp_path / "t.json")
        assert len(truth.events) == 2
        assert ["war" in truth.notes[0], "camera" in truth.notes[1], len(truth.notes)] == [1, 1, 2]

    @pytest.mark.parametrize("text", ['{"events": []}', "[]", "hazard,from_s,to_s\n"])
    def test_a_clip_without_hazards(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "t"
        path.write_text(text)
        assert read_truth(path).events == ()

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "empty"),
            (json.dumps([{**FIRE, "hazard": "war"}]), "war"),
            ('[{"hazard": "fire", "from_s": true, "to_s": 5}]', "event 1"),
            ('[{"hazard": "fire", "from_s": "1e", "to_s": 5}]', "event 1"),
            ('[{"hazard": "fire", "form_s": 1, "to_s": 5}]', "event 1"),
            ('[{"from_s": 1, "to_s": 5}]', "event 1"),
            ("fire,1\n", "hazard"),
            ("fire,x,3\n", "hazard"),
            ("{", "JSON"),
            ('{"truth": []}', "events"),
            ('["fire"]', "event 1"),
            ('[{"hazard": "fire", "from_s": 5, "to_s": 5}]', "event 1"),
            ('[{"hazard": "fire", "from_s": -1, "to_s": 5}]', "event 1"),
            ('[{"hazard": "fire", "from_s": 1}]', "event 1"),
            ('[{"hazard": "person", "from_s": 1, "to_s": 5}]', "no hazard"),
            ("hazard,from_s,to_s\nfire,nan,3\n", "event 1"),
            ("hazard,from_s,to_s\nfire,1,3\nfire,x,3\n", "event 2"),
            ("hazard,from_s,to_s\nfire,1,3,4\n", "event 1"),
            ("from_s,to_s\n1,3\n", "hazard"),
            ("[" * 100_000, "JSON"),
        ],
    )  # fmt: skip
    def test_what_does_not_fit_names_file_and_row(
        self, tmp_path: Path, text: str, says: str
    ) -> None:
        path = tmp_path / "truth.json"
        path.write_text(text)
        with pytest.raises(EvaluationError, match=says) as caught:
            read_truth(path)
        assert "truth.json" in str(caught.value)

    def test_no_such_file_and_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "t.json").write_bytes(b"\xff\xfe\x00")
        for path in (tmp_path / "t.json", tmp_path / "gone.json", tmp_path):
            with pytest.raises(EvaluationError, match="can't be read"):
                read_truth(path)


class TestTiming:
    def test_an_onset_in_time_is_right_and_others_are_false(self) -> None:
        alerts = (raised(5, 7), raised(12, 30), raised(44, 50), raised(46, 50), raised(90, 95))
        own = video_figures(watched(*alerts, length_s=1800), [event(10, 40)])
        assert (own["alerts"], own["first_true_s"], own["first_alert_s"]) == (5, 10, 12)
        assert own["false_alarms"] == 3, "44 is within 5 s of the end"
        assert own["false_alarms_per_hour"] == 6
        assert own["events"][0]["delay_s"] == 2

    def test_another_hazard_s_alert_is_false(self) -> None:
        own = video_figures(watched(raised(12, 30, Hazard.SMOKE)), [event(10, 40)])
        assert (own["first_alert_s"], own["false_alarms"], own["coverage"]) == (None, 1, 0.0)
        assert own["events"][0]["alert_s"] is own["events"][0]["delay_s"] is None

    def test_an_alert_just_before_the_beginning_is_right(self) -> None:
        own = video_figures(watched(raised(9.5, 30)), [event(10, 40)])
        assert (own["false_alarms"], own["first_alert_s"]) == (0, 10)
        assert own["events"][0]["delay_s"] == 0
        early = video_figures(watched(raised(5, 8)), [event(10, 40)])
        assert (early["false_alarms"], early["first_alert_s"]) == (1, None), "over a look before"

    def test_an_open_alert_is_the_next_event_s_too(self) -> None:
        own = video_figures(watched(raised(12, 60)), [event(10, 20), event(40, 50)])
        assert [one["alert_s"] for one in own["events"]] == [12, 40]
        assert [one["delay_s"] for one in own["events"]] == [2, 0]
        assert own["false_alarms"] == 0

    def test_coverage_counts_seconds_once(self) -> None:
        assert coverage([event(10, 30), event(20, 50)], [raised(5, 20), raised(15, 30)]) == 0.5
        assert coverage([event(0, 10), event(0, 10, Hazard.SMOKE)], [raised(0, 10)]) == 0.5
        assert coverage([], [raised(0, 10)]) is None

    def test_a_clip_without_hazards(self) -> None:
        own = video_figures(watched(length_s=3600), [])
        assert own["false_alarms_per_hour"] == 0
        assert own["first_true_s"] is own["first_alert_s"] is own["coverage"] is None

    def test_truth_of_another_clip(self) -> None:
        assert fitted([event(4, 300)], 100, "t.json")[0].to_s == 100
        with pytest.raises(EvaluationError, match=r"t\.json.*100"):
            fitted([event(100, 300)], 100, "t.json")

    def test_what_a_reader_must_know(self) -> None:
        notes = " ".join(video_notes(watched(), [event(1, 300), event(1, 2, Hazard.WRONG_WAY)]))
        assert "36 an hour" in notes
        assert "wrong_way" in notes
        assert "cut at its end" in notes


@pytest.mark.shared
class TestClips:
    def test_every_look_is_analysed_in_the_clip_s_time(self) -> None:
        done: list[float] = []
        result = watch(clip("fire_street.mp4"), load_pack(), lambda at_s, _: done.append(at_s))
        assert result.length_s == pytest.approx(51, abs=1)
        assert result.drops == {}
        assert done == list(result.looks_s)
        gaps = [b - a for a, b in itertools.pairwise(done)]
        assert all(0.9 <= gap <= 4 for gap in gaps)
        fires = [one for one in result.raised if one.hazard is Hazard.FIRE]
        assert fires
        assert 2 * 0.9 <= fires[0].onset_s <= 30, "three looks at least, and in stream time"
        assert fires[0].onset_s in result.looks_s
        assert all(one.onset_s < one.end_s <= result.length_s for one in result.raised)

    def test_a_cut_off_clip_is_refused(self, tmp_path: Path) -> None:
        content = clip("smoke_a.mp4").read_bytes()
        (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
        with pytest.raises(EvaluationError, match=r"cut\.mp4"):
            watch(tmp_path / "cut.mp4", load_pack(), lambda *_: None)


def test_a_clip_of_one_or_two_pictures_is_looked_at(tmp_path: Path) -> None:
    for number, times_s in enumerate(([0.0], [0.0, 2.5])):
        path = write_clip(tmp_path / f"{number}.mp4", times_s)
        assert watch(path, load_pack(), lambda *_: None).looks_s == tuple(times_s)


def test_looks_count_from_the_clip_s_beginning(tmp_path: Path) -> None:
    times_s = [3 + number / 10 for number in range(20)]
    result = watch(
        write_clip(tmp_path / "late.mkv", times_s, sound_s=2), load_pack(), lambda *_: None
    )
    assert result.looks_s[0] == pytest.approx(3)
    assert result.length_s == pytest.approx(5, abs=0.1)


def test_words_are_of_files_and_not_of_cameras(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "shot.mp4").write_bytes(write(tmp_path / "a.jpg", noise(20, 20)).read_bytes())
    says = {"text": "no video that can be read", "shot": "is a picture", "gone": "no such file"}
    for name, text in says.items():
        with pytest.raises(EvaluationError, match=rf"{name}\.mp4.*{text}") as caught:
            watch(tmp_path / f"{name}.mp4", load_pack(), lambda *_: None)
        assert not any(word in str(caught.value) for word in ("network", "camera", "encoder"))


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text(json.dumps({"no": "video"}))
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("a.mp4", "empty.mp4", "gone.mp4"):
        with pytest.raises(EvaluationError, match=name):
            watch(tmp_path / name, load_pack(), lambda *_: None)
