"""The hazards are one closed list: wherever one can enter, it is the list of ``vision/hazards.py``.

A new list of hazards anywhere in the product fails here until it is named below, and held.
"""

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, Final, get_args, get_type_hints

import msgspec
import pytest
from msgspec.structs import fields as fields_of
from pydantic import TypeAdapter, ValidationError

from models import labels
from pipelines import cameras_file, judge, keepsakes, zones
from pipelines.drills.catalogue import CATALOGUE
from pipelines.evaluate.drills_report import CHINESE
from pipelines.evaluate.names import hazard_of
from pipelines.messages import Alert, Camera
from pipelines.messages.cameras import HELD_BACK
from pipelines.plan.asked import PlanError, _rules
from service import tables
from service.cameras.drawn import ThresholdsIn
from service.cameras.models import Hazards
from service.cameras.needs import require_needs
from service.dispatch.senders.cap import CATEGORIES
from service.dispatch.senders.words import words as said_in_orders
from service.dispatch.senders.wvp import ALARM_TYPES
from service.evidence.models import Rule
from service.imports import values as cells
from service.incidents.merge import Incident
from service.settings import ServiceSettings
from service.verdicts import cutting, proposing
from tests.repo.hazard_places import (
    WORDS,
    described,
    free_strings,
    in_document,
    in_python,
    in_text,
    of_api,
    places,
    product,
)
from tests.support.builders import alert
from tests.support.media import REPOSITORY
from tests.support.wire import structs
from vision.hazards import DETECTABLE, OF_VEHICLES, SEVERITY, Hazard
from vision.masker import PINNED_LABELS

CONSOLE: Final = REPOSITORY / "service" / "web" / "console" / "src"
MADE_UP: Final = "crowd"

NO_PICTURE: Final = {"camera_fault"}
"""It has no evidence, and so no retention."""


def _words(language: str) -> set[str]:
    said = json.loads((CONSOLE / "words" / f"{language}.json").read_text("utf-8"))
    return {key.partition(".")[2] for key in said if key.startswith("hazard.") and said[key]}


def _array(page: str) -> set[str]:
    """Return the constant HAZARDS of one of the console's files."""
    text = (CONSOLE / "pages" / page).read_text("utf-8")
    found = re.search(r"const HAZARDS[^=]*= (\[[^\]]*\])", text)
    assert found, page
    return set(json.loads(found[1]))


def _mentioned(page: str) -> set[str]:
    return set(re.findall(r"\w+", (CONSOLE / "pages" / page).read_text("utf-8"))) & WORDS


def _joining() -> set[str]:
    """Return what the table of what belongs together speaks of."""
    text = (REPOSITORY / "docs" / "incidents.md").read_text("utf-8").partition("| joins what")[2]
    cells = (line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    found = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
    return found - {"lost", "frozen"}


def _table() -> set[str]:
    """Return the first column of the table of hazards in docs/cameras.md."""
    text = (REPOSITORY / "docs" / "cameras.md").read_text("utf-8")
    rows = re.search(r"^\| hazard \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows
    return {word for line in rows[1].splitlines() for word in _quoted(line.split("|")[1])}


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def _packs() -> set[str]:
    path = REPOSITORY / "models" / "hazard_nano" / "pack.toml"
    shipped = tomllib.loads(path.read_text("utf-8"))["labels"]
    return {one["hazard"] for one in shipped if one["role"] == "hazard"}


EVERY: Final[dict[str, Callable[[], set[str]]]] = {
    "severities": lambda: set(SEVERITY),
    "kinds of zones": lambda: set(zones.KINDS) | set(zones.ALL_OF_IT),
    "windows": lambda: {"water_over_line"}.union(*HELD_BACK.values()),
    "names of rules": lambda: (
        {file.stem for file in (REPOSITORY / "pipelines" / "rules").glob("*.py")} & WORDS
    ),
    "registration": lambda: set(get_args(get_args(Hazards)[0])[0]),
    "what plays show": lambda: {one.hazard for play in CATALOGUE.values() for one in play.truth},
    "drills' table": lambda: set(CHINESE) - {"people"},
    "what eval reads": lambda: {one for word in WORDS if (one := hazard_of(word))},
    "rules of a plan": lambda: set(_rules([",".join(WORDS)])),
    "console, Chinese": lambda: _words("zh"),
    "console, English": lambda: _words("en"),
    "console, cameras": lambda: _array("cameras/watching.ts"),
    "console, routes": lambda: _array("dispatch/routes.ts"),
    "console, retention": lambda: _array("retention/RetentionPage.vue") | NO_PICTURE,
    "console, zones": lambda: _mentioned("zones/needs.ts") | NO_PICTURE,
    "cells of a file of cameras": lambda: set(cells._HAZARDS),
    "docs/cameras.md": _table,
    "docs/incidents.md": _joining,
    "categories of CAP": lambda: set(CATEGORIES),
    "alarms of a platform": lambda: set(ALARM_TYPES),
    "orders in Chinese": lambda: set(said_in_orders()["zh-CN"].hazards),
    "orders in English": lambda: set(said_in_orders()["en-US"].hazards),
}
SEEN: Final[dict[str, Callable[[], set[str]]]] = {
    "names of labels": lambda: set(labels.HAZARDS),
    "the masker's columns": lambda: {hazard for _, hazard in PINNED_LABELS if hazard},
    "the shipped pack": _packs,
    "thresholds of a file": lambda: set(cameras_file.SCORED),
    "thresholds of a request": lambda: set(ThresholdsIn.model_fields),
    "what rules keep": lambda: set(keepsakes.RULES),
    "what is counted anywhere": lambda: set(zones.ANYWHERE),
    "what a proposal replays": lambda: set(proposing.REPLAYED),
    "what a proposal cuts": lambda: set(cutting._SEEN_IN),
}
PARTS: Final = frozenset(
    {
        "pipelines/evaluate/names.py::_HAZARDS", "pipelines/evidence_desk.py::SEEN_BY_DETECTOR",
        "pipelines/judge.py::DRAWN",
        "pipelines/judge.py::_VEHICLE_RULES", "pipelines/messages/cameras.py::HELD_BACK",
        "pipelines/messages/cameras.py::USUAL_HAZARDS", "service/cameras/needs.py::_ZONE_NEEDS",
        "service/incidents/merge.py::BY_DISTANCE",
        "vision/droptest.py::JUDGED_BY_TIME", "vision/hazards.py::OF_VEHICLES",
        "vision/evidence.py::WITH_LIGHT", "vision/hazards.py::PRIORITY",
        "vision/hazards.py::REPORTED_WITHOUT_MASKER",
    }
)  # fmt: skip
"""Lists of some hazards, each of members of ``Hazard``, by which one is treated unlike another."""

HELD: Final = frozenset(
    {
        "docs/cameras.md", "docs/incidents.md", "docs/openapi.json", "models/hazard_nano/pack.toml",
        "models/labels.py::HAZARDS", "pipelines/cameras_file.py::SCORED",
        "pipelines/evaluate/drills_report.py::CHINESE", "pipelines/keepsakes.py::RULES",
        "pipelines/zones.py::ALL_OF_IT", "pipelines/zones.py::ANYWHERE",
        "pipelines/zones.py::KINDS", "service/dispatch/senders/cap.py::CATEGORIES",
        "service/dispatch/senders/words.json", "service/dispatch/senders/wvp.py::ALARM_TYPES",
        "service/imports/values.py::_HAZARDS",
        "service/verdicts/cutting.py::_SEEN_IN",
        "service/verdicts/proposing.py::REPLAYED",
        "service/web/console/src/pages/cameras/watching.ts",
        "service/web/console/src/pages/dispatch/routes.ts",
        "service/web/console/src/pages/retention/RetentionPage.vue",
        "service/web/console/src/pages/zones/needs.ts",
        "service/web/console/src/words/en.json", "service/web/console/src/words/zh.json",
        "vision/hazards.py::DETECTABLE", "vision/hazards.py::Hazard",
        "vision/hazards.py::SEVERITY", "vision/masker.py::PINNED_LABELS",
    }
)  # fmt: skip
"""Lists that are held equal here."""

FOLDERS: Final = ("pipelines/drills/plays/", "models/training/", "vision/drawing/")
"""What a drawn camera watches, and what pictures for training show: nothing enters there."""

FREE: Final = {
    "models/training/clips.py::hazard": "a label's name in a table of figures",
    "pipelines/metrics.py::hazard": "callers hold an event's, which is a Hazard",
    "vision/drawing/stills.py::hazard": "what is drawn: rock, both",
}
"""Texts called hazards, and why none of them lets one in."""

COLUMNS: Final = {
    "alerts.hazard", "incidents.hazard", "candidates.hazard", "cameras.hazards",
    "evidence.hazard", "evidence_rules.hazard", "incident_breaches.hazard", "clock_rules.hazard",
    "dispatch_policies.hazard", "dispatch_routes.hazards",
}  # fmt: skip
"""Written from what ``test_no_other_word_gets_in`` sends back, and from nothing else."""


def test_every_list_of_hazards_is_the_one_list() -> None:
    for name, read in EVERY.items():
        assert read() == WORDS, name
    for name, read in SEEN.items():
        assert read() == set(DETECTABLE), name
    for settings in (OF_VEHICLES, judge.DRAWN):
        assert all(isinstance(one, Hazard) for one in settings)
    found = {one.where: one.hazards for one in places()}
    ours = {where for where in found if not where.startswith(FOLDERS)}
    assert ours == PARTS | HELD, "a list of hazards came or went: name it here, and hold it"
    unknown = {
        one
        for file in product()
        if file.suffix == ".py"
        for one in free_strings(file.read_text("utf-8"), str(file.relative_to(REPOSITORY)))
    }
    assert unknown == set(FREE), "a hazard is any text there: make it a Hazard, or say why not"


def test_every_message_and_every_request_takes_the_list_alone() -> None:
    _, components = msgspec.json.schema_components(structs())
    fields = {
        f"{kind}.{name}": described(part, components)
        for kind, one in components.items()
        for name, part in one.get("properties", {}).items()
        if "hazard" in name
    }
    keyed = [f.type for one in structs() for f in fields_of(one) if f.name == "thresholds"]
    assert keyed
    assert all(get_args(kind)[0] is Hazard for kind in keyed)
    assert {"Alert.hazard", "Camera.hazards", "DispatchOrder.hazard"} <= set(fields)
    assert all(words == WORDS for words in fields.values()), fields
    text = (REPOSITORY / "docs" / "openapi.json").read_text("utf-8")
    allowed = [WORDS, set(DETECTABLE), None]
    described_there = dict(of_api(text))
    assert len(described_there) >= 10
    for path, words in described_there.items():
        is_threshold = path.endswith("thresholds")
        assert words in (allowed[:2] if is_threshold else allowed[:1]), path


def test_every_column_of_hazards_is_known() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in tables.metadata.tables.values()
        for column in table.columns
        if "hazard" in column.name
    }
    assert found == COLUMNS
    for kind, name in ((Incident, "hazard"), (ServiceSettings, "merge_gaps_s")):
        hint = get_type_hints(kind)[name]
        assert hint is Hazard or get_args(hint)[0] is Hazard
    settings = ServiceSettings(redis_url="redis://x", database_url="sqlite://")
    assert all(settings.merge_gap_of(one) > 0 for one in Hazard)


def _changed(message: Any, **values: Any) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(message), **values})


def test_no_other_word_gets_in() -> None:
    """By message, by request, by rule, or by way of what a camera needs."""
    with pytest.raises(msgspec.ValidationError, match="hazard"):
        msgspec.json.decode(_changed(alert(), hazard=MADE_UP), type=Alert)
    camera = Camera(camera_id="c", url="rtsp://192.0.2.1/x")
    for values in ({"hazards": [MADE_UP]}, {"thresholds": {MADE_UP: 0.5}}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(_changed(camera, **values), type=Camera)
    requests: list[tuple[Any, Any]] = [
        (Hazards, [MADE_UP]),
        (ThresholdsIn, {MADE_UP: 0.5}),
        (Rule, {"hazard": MADE_UP, "place_code": None, "days": 30}),
    ]
    for kind, value in requests:
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value)
    with pytest.raises(ValueError, match=MADE_UP):
        require_needs([MADE_UP], [], None)  # type: ignore[list-item]
    with pytest.raises(PlanError, match=MADE_UP):
        _rules([MADE_UP])
    assert hazard_of(MADE_UP) is None


@pytest.mark.parametrize(
    "text",
    [
        'LEVELS = {"fire": 1, "crowd": 2, "smoke": 3}',
        "def f(x):\n    return x in (Hazard.FIRE, Hazard.SMOKE)",
        'Kind = Literal["fire", "smoke"]',
        'class Kind(StrEnum):\n    A = "fire"\n    B = "debris"\n    C = "crowd"',
        'def f(x):\n    if x == "fire":\n        return 1\n    return 2 if x == "smoke" else 0',
        "gaps = dict(one=Hazard.FIRE.value, two=Hazard.SMOKE.value)",
        'PAIRS = [("fire", 1), ("wrong_way", 2)]',
    ],
)
def test_a_new_list_in_python_is_seen(text: str) -> None:
    assert list(in_python(text, "new.py"))


def test_a_new_list_elsewhere_is_seen() -> None:
    assert list(in_text('const a = ["fire", "smoke", "crowd"]', "a.ts"))
    assert list(in_text("limits:\n  fire: 3\n  smoke: 4\n", "a.yaml"))
    assert list(in_document("| `fire` | a |\n| `crowd`, `smoke` | b |\n", "a.md"))
    assert list(free_strings("def f(hazard: str) -> None: ...", "a.py"))
    assert list(free_strings("class A:\n    hazards: list[str]", "a.py"))
    assert not list(free_strings("def f(hazard: Hazard) -> None: ...", "a.py"))
