import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

import service.web
from pipelines.messages import CameraFault, EvidenceAbsence
from service import tables
from service.feed.log import FeedKind
from service.feed.routes import ALIVE, RESET
from service.incidents.merge import IncidentState
from service.web.routes import FILES
from tests.service.helpers import Parts, alert
from tests.service.process import serving
from tests.support.waiting import until
from vision.hazards import Hazard, Severity

WEB = Path(service.web.__file__).parent
HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'&{0}"


def text(name: str) -> str:
    return (WEB / name).read_text()


@pytest.fixture
def http(given: Parts) -> Iterator[httpx.Client]:
    with serving(given.settings) as url, httpx.Client(base_url=url) as client:
        yield client


def test_every_answer_carries_the_strict_policy(quiet: httpx.Client) -> None:
    for path in [*FILES, "/api/incidents", "/nothing", "/metrics"]:
        headers = quiet.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_files_are_served_as_what_they_are(quiet: httpx.Client) -> None:
    for path, (name, media_type) in FILES.items():
        answer = quiet.get(path)
        assert (answer.text, answer.headers["content-type"]) == (text(name), media_type)


class Markup(HTMLParser):
    """Notes what the policy would refuse, and every word between the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or name == "style" or "//" in (value or ""):
                self.refused.append(f"{tag} {name}={value}")
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.refused.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def test_nothing_inline_nothing_foreign_and_no_words_in_the_markup() -> None:
    markup = Markup()
    markup.feed(text("index.html"))
    assert markup.refused == []
    assert set(markup.words) == {"烽燧", "Fengsui"}
    assert "http" not in text("app.css")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
        assert forbidden not in text("app.js")


def test_hostile_names_come_as_they_were_sent(given: Parts, http: httpx.Client) -> None:
    given.send(alert(camera_id=HOSTILE, zone_id=HOSTILE))
    until(lambda: given.rows(tables.incidents), "the incident")
    (incident,) = http.get("/api/incidents").json()["incidents"]
    assert (incident["camera_id"], incident["zone_id"]) == (HOSTILE, HOSTILE)


def test_every_word_is_there_in_both_languages() -> None:
    pairs = re.findall(r'^  "?([\w.]+)"?: \["(.*)", "(.*)"\],$', text("words.js"), re.MULTILINE)
    table = {key: (chinese, english) for key, chinese, english in pairs}
    needed = {
        "hazard": Hazard,
        "severity": Severity,
        "state": IncidentState,
        "fault": CameraFault,
        "absent": EvidenceAbsence,
    }
    wanted = {f"{prefix}.{member}" for prefix, members in needed.items() for member in members}
    wanted |= set(re.findall(r'say\("(\w+)"', text("app.js")))
    assert wanted - set(table) == set()
    for key, (chinese, english) in table.items():
        assert bool(chinese) == bool(english), key
        assert re.findall(r"\{\d\}", chinese) == re.findall(r"\{\d\}", english), key


def test_the_page_listens_to_every_kind_of_event() -> None:
    for kind in [*FeedKind, ALIVE, RESET]:
        assert f'"{kind}"' in text("app.js")
