"""What the documents say is what is there."""

import json
import re
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from pipelines.messages import DispatchOrder, EvidenceAbsence, decode, encode
from pipelines.metrics import WorkerMetrics
from service.accounts.roles import PERMISSIONS, SCOPES, Permission, Role
from service.feed.log import FeedKind
from service.feed.routes import ALIVE, RESET
from service.metrics import ServiceMetrics
from tests.repo.test_house_rules import tracked
from tests.support.media import REPOSITORY

README = REPOSITORY / "README.md"


def test_every_metric_is_documented_and_every_documented_metric_exists() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    ServiceMetrics(registry)
    exported = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in registry.collect()
    }
    text = (REPOSITORY / "docs" / "metrics.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(fengsui_\w+)", text, re.MULTILINE)) == exported


def test_metrics_use_base_units_and_no_camera_label() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    ServiceMetrics(registry)
    for metric in registry._collector_to_names:
        assert "camera" not in metric._labelnames  # type: ignore[attr-defined]
    names = [family.name for family in registry.collect()]
    assert not [name for name in names if re.search(r"_(ms|milliseconds|minutes|mb)$", name)]


def test_the_tree_in_the_readme_has_a_line_for_every_file_of_the_product() -> None:
    tree = README.read_text("utf-8").split("<!-- tree -->")[1]
    named, folder = set(), {}
    for line in tree.splitlines():
        match = re.match(r"^( *)([\w./-]+)( |$)", line)
        if not match or line.startswith("```"):
            continue
        depth = len(match[1]) // 2
        folder[depth] = match[2]
        path = "".join(folder[level] for level in range(depth + 1))
        assert re.search(r" \S", line.strip()), f"{path} has no words"
        named.add(path)
    there = set()
    for path in tracked():
        relative = path.relative_to(REPOSITORY)
        if relative.suffix not in {".py", ".html", ".js", ".css"} or relative.name == "__init__.py":
            continue
        if relative.parts[0] == "tests" or {"versions", "console"} & set(relative.parts):
            continue
        there.add(str(relative))
    files = {path for path in named if not path.endswith("/")}
    assert there <= files, there - files
    assert all((REPOSITORY / path).exists() for path in named), [
        path for path in named if not (REPOSITORY / path).exists()
    ]


def test_every_command_in_the_readme_is_one() -> None:
    text = README.read_text("utf-8")
    commands = set(re.findall(r"fengsui (\w+)", " ".join(re.findall(r"`([^`\n]+)`", text))))
    commands |= set(re.findall(r"^\.venv/bin/fengsui (\w+)", text, re.MULTILINE))
    fengsui = Path(sys.executable).parent / "fengsui"
    assert {"demo", "watch", "worker", "serve"} <= commands
    for command in commands:
        done = subprocess.run([fengsui, command, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, command


def test_what_is_said_to_be_held_by_a_test_is() -> None:
    text = README.read_text("utf-8").split("<!-- never -->")[1]
    held = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(held) >= 6
    for path, name in held:
        assert f"def {name}(" in (REPOSITORY / path).read_text("utf-8"), f"{path}::{name}"
    rows = re.findall(r"^\| \d+ \| .+ \|$", text, re.MULTILINE)
    assert len(rows) == 10
    for line in rows:
        assert "held by" in line or "not yet" in line, line


def test_what_the_page_on_packs_says_can_be_said() -> None:
    text = (REPOSITORY / "docs" / "packs.md").read_text("utf-8")
    fengsui = Path(sys.executable).parent / "fengsui"
    for command in (["model", "add"], ["eval", "images"], ["watch"]):
        assert f"fengsui {' '.join(command)} " in text
    words = (["model", "add"], ["eval", "images"], ["watch"])
    helps = [
        subprocess.run([fengsui, *one, "--help"], capture_output=True, text=True, check=True).stdout
        for one in words
    ]
    ours = re.sub(r"`(?:tools|yolo|model\.)[^`]*`.*?\| `", "", text)
    for option in set(re.findall(r"(?<![\w-])--[a-z_]+", ours)):
        assert any(option in one for one in helps), option
    assert "docs/packs.md" in README.read_text("utf-8")


def test_the_page_on_evidence_has_every_reason_in_both_languages() -> None:
    text = (REPOSITORY / "docs" / "evidence.md").read_text("utf-8")
    chinese, english = text.split("## What a picture shows")
    for reason in EvidenceAbsence:
        for part in (chinese, english):
            assert re.search(rf"^\| [^|]*`{reason}`", part, re.MULTILINE), reason
    assert "docs/evidence.md" in README.read_text("utf-8")


def test_the_page_on_accounts_has_every_permission_of_every_role() -> None:
    text = (REPOSITORY / "docs" / "accounts.md").read_text("utf-8")
    head = re.search(r"^\| permission \|(.+)\|$", text, re.MULTILINE)
    assert head
    roles = [Role(word.strip()) for word in head[1].split("|")]
    said = {
        Permission(name): {
            role for role, cell in zip(roles, cells.split("|"), strict=True) if cell.strip() == "✓"
        }
        for name, cells in re.findall(r"^\| `([a-z]+\.[a-z]+)`[^|]*\|(.+)\|$", text, re.MULTILINE)
    }
    assert said == {one: {role for role in Role if one in PERMISSIONS[role]} for one in Permission}
    but = re.search(r"Every permission above\s+is a scope but ([^(]+)\(", text)
    assert but
    assert set(re.findall(r"`([\w.]+)`", but[1])) == frozenset(Permission) - SCOPES


def test_the_page_on_orders_shows_a_whole_one() -> None:
    text = (REPOSITORY / "docs" / "orders.md").read_text("utf-8")
    (example,) = re.findall(r"```json\n(.+?)\n```", text, re.DOTALL)
    order = decode(example.encode(), DispatchOrder)
    assert json.loads(encode(order)) == json.loads(example)


def test_the_page_on_feeds_has_every_event() -> None:
    text = (REPOSITORY / "docs" / "feed.md").read_text("utf-8")
    for kind in (*FeedKind, RESET, ALIVE):
        assert re.search(rf"^\| .*`{re.escape(kind)}`.* \|", text, re.MULTILINE), kind


def test_the_readme_leads_to_every_page_of_docs() -> None:
    text = README.read_text("utf-8")
    for page in sorted((REPOSITORY / "docs").iterdir()):
        assert f"(docs/{page.name})" in text, page.name
