"""The console as files: what is served and how, and that every word of it is in both languages."""

import asyncio
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import service.web
from pipelines.evaluate.drills_report import CHINESE
from pipelines.faults import SourceError
from pipelines.messages import (
    Advice,
    CameraFault,
    EvidenceAbsence,
    EvidencePart,
    Expected,
    FoundBy,
    Onvif,
    OrderKind,
    PlaceAbsence,
    ReceiptKind,
    WatchState,
    ZoneKind,
)
from pipelines.sealing import SealError
from service.accounts.roles import Permission, Role
from service.cameras.gb_id import OTHER_TYPES
from service.cameras.models import Programme, State
from service.cameras.place_types import REFUSED, PlaceType
from service.cameras.position import CoordinateSystem
from service.cameras.sea import OPEN_SEA
from service.cameras.windows import WindowState
from service.dispatch.breaker import BreakerState
from service.dispatch.recording import Outcome
from service.dispatch.routing import Why as WhyRoute
from service.dispatch.routing import WhyTarget
from service.dispatch.sending import TargetKind
from service.duty.clocks import Clock
from service.duty.models import HandoverState
from service.evidence.models import Why
from service.feed.log import FeedKind
from service.feed.routes import ALIVE, RESET
from service.imports.values import label
from service.incidents.action_models import REASONS, Action
from service.incidents.actions import KINDS
from service.incidents.lifecycle import MERGED, IncidentState, StepKind
from service.incidents.models import OrderState
from service.places.codes import Level
from service.probes.models import ProbeState
from service.refusals import Refusal
from service.statistics.models import By
from service.text import HIDDEN
from service.verdicts.models import Kind, Reason, Verdict
from service.web.routes import BUILT, FOR_EVER, PAGES, web_router
from tests.service.helpers import Parts, alert
from tests.service.process import database_of, serving
from tests.service.signing_in import bearer
from tests.support.media import REPOSITORY
from tests.support.waiting import until
from vision.hazards import Hazard, Severity

WEB = Path(service.web.__file__).parent
SOURCES = WEB / "console" / "src"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'&{0}"
FIRST_LOAD_BYTES = 120_000


def sources(*suffixes: str) -> dict[str, str]:
    return {
        str(path.relative_to(SOURCES)): path.read_text("utf-8")
        for path in sorted(SOURCES.rglob("*"))
        if path.suffix in suffixes
    }


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((SOURCES / "words" / f"{language}.json").read_text("utf-8"))
    return found


# ---- what is served


class Markup(HTMLParser):
    """Notes what the policy would refuse, every word between the tags, and every file named."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.words: list[str] = []
        self.files: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or name == "style" or "//" in (value or ""):
                self.refused.append(f"{tag} {name}={value}")
            if name in {"src", "href"} and value:
                self.files.append(value)
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.refused.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def index() -> Markup:
    markup = Markup()
    markup.feed((BUILT / "index.html").read_text("utf-8"))
    return markup


def test_every_answer_carries_the_strict_policy(quiet: httpx.Client) -> None:
    for path in [*PAGES, *index().files, "/api/incidents", "/nothing", "/metrics"]:
        headers = quiet.get(path.replace("{camera_id}", "x")).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "require-trusted-types-for 'script'; trusted-types vue" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_pages_are_asked_for_each_time_and_built_files_never_again(quiet: httpx.Client) -> None:
    page = quiet.get("/cameras/some-id")
    assert page.text == (BUILT / "index.html").read_text("utf-8")
    assert page.headers["cache-control"] == "no-cache"
    for path in (BUILT / "assets").iterdir():
        answer = quiet.get(f"/assets/{path.name}")
        assert (answer.content, answer.headers["cache-control"]) == (path.read_bytes(), FOR_EVER)
        assert re.search(r"-[\w-]{8}\.(js|css)$", path.name), "a name that changes with the content"


@pytest.mark.parametrize(
    "path",
    ["/assets/../routes.py", "/assets/%2e%2e/routes.py", "/.built-from", "/console/package.json"],
)
def test_nothing_else_is_served(quiet: httpx.Client, path: str) -> None:
    assert quiet.get(path).status_code == 404


def test_an_unknown_address_is_a_page_to_people_and_problem_details_to_programs(
    quiet: httpx.Client,
) -> None:
    person = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for path in ("/nope", "/cameras/x/nope"):
        page = quiet.get(path, headers=person)
        assert (page.status_code, page.text) == (404, (BUILT / "index.html").read_text("utf-8"))
        assert quiet.get(path).json()["code"] == "http_error"
        assert (
            quiet.post(path, headers=person).headers["content-type"] != page.headers["content-type"]
        )
    for path in ("/api/nope", "/api", "/metrics/x", "/healthz/x", "/assets/nope.js"):
        answer = quiet.get(path, headers=person)
        assert (answer.status_code, answer.json()["code"]) == (404, "http_error")
    assert quiet.get("/cameras/", headers=person, follow_redirects=True).status_code == 200


def test_nothing_inline_nothing_foreign_and_no_words_in_the_page() -> None:
    markup = index()
    assert markup.refused == []
    assert set(markup.words) == {"烽燧", "Fengsui"}
    addresses = re.compile(r"https?://(?!www\.w3\.org/)[^\s\"'`)]+")
    own_page = {"https://vuejs.org", "https://github.com", "https://router.vuejs.org"}
    for path in BUILT.rglob("*.css"):
        assert not addresses.search(path.read_text("utf-8")), path
    for path in BUILT.rglob("*.js"):
        found = {one for one in addresses.findall(path.read_text("utf-8")) if "//" in one}
        foreign = {one for one in found if not one.startswith(tuple(own_page))}
        assert not foreign, f"{path.name} names {foreign}"


def test_the_first_page_is_small_enough_for_an_old_machine() -> None:
    main = [name for name in index().files if name.endswith(".js")]
    chunks = {name: (BUILT / name.lstrip("/")).read_bytes() for name in main}
    zh = next((BUILT / "assets").glob("zh-*.js"))
    total = sum(len(gzip.compress(one)) for one in [*chunks.values(), zh.read_bytes()])
    assert 20_000 < total < FIRST_LOAD_BYTES


async def asked(app: FastAPI, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path)


def test_a_console_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(web_router(tmp_path))
    answer = asyncio.run(asked(app, "/cameras"))
    assert (answer.status_code, answer.json()["code"]) == (503, "console_not_built")
    assert "make setup" in answer.json()["detail"]


def test_the_service_knows_every_page_of_the_console() -> None:
    routes = set(re.findall(r'path: "(/[\w/:]*)"', sources(".ts")["router.ts"]))
    served = {re.sub(r"\{\w+\}", ":id", page) for page in PAGES}
    assert routes - {"/cameras/new", "/cameras/import"} == served


@pytest.fixture
def http(given: Parts) -> Iterator[httpx.Client]:
    with (
        serving(given.settings) as url,
        database_of(given.settings) as database,
        httpx.Client(base_url=url, headers=bearer(database)) as client,
    ):
        yield client


def test_hostile_names_come_as_they_were_sent(given: Parts, http: httpx.Client) -> None:
    given.send(alert(camera_id=HOSTILE, zone_id=HOSTILE))
    (incident,) = until(lambda: http.get("/api/incidents").json()["incidents"], "the incident")
    assert (incident["camera_id"], incident["zone_id"]) == (HOSTILE, HOSTILE)


def test_the_page_listens_to_every_kind_of_event() -> None:
    for kind in [*FeedKind, ALIVE, RESET]:
        assert f'"{kind}"' in sources(".ts")["pages/live/feed.ts"]


# ---- what it is made of


def test_types_fit_the_service_s_description() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.web.build", "--check"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_way_around_the_framework_s_escaping() -> None:
    for name, text in sources(".ts", ".vue").items():
        for forbidden in ("v-html", "innerHTML", "outerHTML", "insertAdjacent", "document.write",
                          "eval(", "new Function", ' style="'):  # fmt: skip
            assert forbidden not in text, f"{name} uses {forbidden}"


def test_the_lock_names_every_package_by_hash_and_no_registry() -> None:
    lock = json.loads((WEB / "console" / "package-lock.json").read_text("utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert all(one.get("integrity") and "resolved" not in one for one in packages.values())


# ---- its words


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    chinese, english = words("zh"), words("en")
    assert list(chinese) == list(english)
    for key, text in chinese.items():
        assert text, key
        assert english[key], key
        holes = [sorted(re.findall(r"\{(\w+)\}", one)) for one in (text, english[key])]
        assert holes[0] == holes[1], key


def used() -> tuple[set[str], set[str]]:
    """Return the keys that are used as they stand, and the beginnings of those put together."""
    whole: set[str] = set()
    begun: set[str] = set()
    for text in sources(".ts", ".vue").values():
        whole |= set(re.findall(r"""\bt\(\s*["']([\w.]+)["']""", text))
        whole |= set(re.findall(r"""(?:title: |\? t\(|: t\()["']([\w]+\.[\w.]+)["']""", text))
        begun |= set(re.findall(r"""\bt\(`([\w.]+)\.\$""", text))
        begun |= set(re.findall(r"""\bword\(["'](\w+)["']""", text))
        begun |= set(re.findall(r"""\bjoined\(["'](\w+)["']""", text))
    return whole, begun


def test_no_word_is_missing_and_none_is_left_over() -> None:
    table = set(words("zh"))
    whole, begun = used()
    assert whole - table == set()
    assert begun - {key.split(".")[0] for key in table} == set()
    left = {key for key in table - whole if key.split(".")[0] not in begun}
    assert left == set()


def every(kind: type[Exception]) -> set[Any]:
    return {kind} | {one for sub in kind.__subclasses__() for one in every(sub)}


def test_whatever_the_service_can_say_has_a_word() -> None:
    needed: dict[str, Iterable[str]] = {
        "hazard": Hazard,
        "zone_kind": ZoneKind,
        "expected": Expected,
        "window_state": {WindowState.OPEN, WindowState.COMING},
        "verdict": Verdict,
        "reason": Reason,
        "proposal": Kind,
        "severity": Severity,
        "incident_state": IncidentState,
        "camera_fault": CameraFault,
        "absent": EvidenceAbsence,
        "advice": Advice,
        "place_absence": PlaceAbsence,
        "probe_state": ProbeState,
        "onvif": Onvif,
        "found_by": FoundBy,
        "part": EvidencePart,
        "why": Why,
        "camera_state": {*State, *WatchState},
        "programme": Programme,
        "place_type": PlaceType,
        "coordinate_system": CoordinateSystem,
        "level": Level,
        "role": Role,
        "role_may": Role,
        "permission": Permission,
        "fault": {one.code for one in every(SourceError) | every(SealError)} - {"source"},
        "sign_in": {"expired", "refused", "unavailable"},
        "refusal": Refusal,
        "device": OTHER_TYPES,
        "hidden": HIDDEN,
        "refused_place": REFUSED,
        "sea": OPEN_SEA,
        "step": StepKind,
        "deed": Action,
        "deed_done": Action,
        "close_reason": REASONS[Action.CLOSE] | {MERGED},
        "reopen_reason": REASONS[Action.REOPEN],
        "clock": Clock,
        "order_state": {*OrderState, "silent"},
        "order_kind": OrderKind,
        "receipt": ReceiptKind,
        "attempt": Outcome,
        "breaker": BreakerState,
        "target_kind": TargetKind,
        "why_route": WhyRoute,
        "why_target": WhyTarget,
        "handover_state": HandoverState,
        "statistics_by": By,
    }
    wanted = {f"{kind}.{member}" for kind, members in needed.items() for member in members}
    assert wanted - set(words("zh")) == set()


def test_place_types_are_called_as_in_files_and_templates() -> None:
    for language in ("zh", "en"):
        for one in PlaceType:
            said = label("place_type", one, is_chinese=language == "zh")
            assert words(language)[f"place_type.{one}"].lower() == said, one


def test_the_page_of_drills_calls_hazards_as_the_console_does() -> None:
    assert {f"hazard.{name}": chinese for name, chinese in CHINESE.items()}.items() <= (
        words("zh").items()
    )


ACTION = re.compile(
    r'"((?:session|account|token|camera|place|drills|verdict|evidence|probe|place_picture|clocks|duty|handover)\.(?!read\b|write\b|hold\b|retain\b)[a-z_]+)"'
)


def test_every_action_of_the_audit_can_be_chosen_and_has_a_word() -> None:
    written = {f"incident.{kind}" for kind in KINDS.values()}
    for path in WEB.parent.rglob("*.py"):
        text = path.read_text("utf-8")
        written |= set(ACTION.findall(text))
        # Permissions, streams and events are called so as well.
        written |= set(re.findall(r'action="((?:order|dispatch)\.[a-z_]+)"', text))
    offered = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', sources(".ts")["pages/audit/actions.ts"]))
    assert offered == written
    assert {f"action.{one}" for one in written} - set(words("zh")) == set()


TAG = re.compile(r"<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
SPOKEN = re.compile(r"""\s(?:title|alt|placeholder|aria-label|label|hint)="([^"]*[A-Za-z\u4e00-\u9fff][^"]*)\"""")  # fmt: skip # noqa: E501
HAN = re.compile(r"[\u3000-\u303f\u4e00-\u9fff]")
SENTENCE = re.compile(r"""(?<![\w/])"[A-Z][a-z']+ [^"]*[a-z]"|`[A-Z][a-z]+ [^`]*`""")


def test_no_word_stands_in_a_template_or_a_script() -> None:
    for name, text in sources(".vue", ".ts").items():
        script, _, template = (
            text.partition("\n<template>") if name.endswith(".vue") else (text, "", "")
        )
        template = template.partition("\n<style")[0]
        said = re.sub(r"\{\{.*?\}\}", "", TAG.sub("", template), flags=re.DOTALL)
        assert not re.search(r"[^\W\d_]", said), f"{name}: {said.split()}"
        assert not SPOKEN.search(re.sub(r'\s:[\w-]+="[^"]*"', "", template)), name
        code = re.sub(r"/\*.*?\*/|(?m://[^\n]*)", "", script, flags=re.DOTALL)
        assert not HAN.search(code), name
        assert not SENTENCE.search(code), f"{name}: {SENTENCE.search(code)}"
