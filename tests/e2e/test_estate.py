"""A spreadsheet of 9,000 cameras, some of it wrong: from the file to the first looks at 50 streams.

Through the console in a browser, and by the command line. The streams are real: nine of them ask
for a password, and one camera tells of its substream by ONVIF.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from pipelines.drills.rtsp import Login, Mount, RtspServer
from tests.e2e.test_console import PASSWORDS, person
from tests.pipelines.drills.live import served
from tests.pipelines.probing.kit import clip, mounts, onvif_camera
from tests.pipelines.test_canary import FENGSUI, Running
from tests.service.process import ServiceProcess
from tests.support.browser import chromium
from tests.support.estate_file import LIVE_PLACE, TREE, Stream, estate_file
from tests.support.media import REPOSITORY
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.alone

ROWS, BAD_SHARE, OPEN, LOCKED = 9000, 0.03, 41, 9
LOGIN = Login(user="gate", password="pa:ss/ö w@rd?#%")
PATIENCE_MS = 120_000
COMMAND_LIMIT_S = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Cameras that answer, and a service and a worker that know nothing of them yet."""

    streams: list[Stream]
    """Those in the file's last rows."""
    servers: list[RtspServer]
    """Whoever serves them."""
    service: ServiceProcess
    """With its places, and nothing else."""


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    locked = [Mount(name=f"gate-{n}", clip=clip()) for n in range(LOCKED - 1)]
    with contextlib.ExitStack() as stack:
        opened = [Mount(name=f"cam-{n}", clip=clip()) for n in range(OPEN)]
        server, port = stack.enter_context(served(opened))
        gates, gate_port = stack.enter_context(served([*locked, *mounts("hq", "lq")], login=LOGIN))
        onvif_port, _ = stack.enter_context(onvif_camera(gate_port, "hq", "lq", login=LOGIN))
        streams = [Stream(url=f"rtsp://127.0.0.1:{port}/{one.name}") for one in opened]
        streams += [
            Stream(
                url=f"rtsp://127.0.0.1:{gate_port}/{name}",
                user=LOGIN.user,
                password=LOGIN.password,
            )
            for name in (*(one.name for one in locked), "hq")
        ]
        redis = stack.enter_context(RedisServer())
        service = stack.enter_context(ServiceProcess(redis.url, tmp_path))
        key = tmp_path / "worker.key"
        arguments = ("--worker-key", key, "--onvif-ports", str(onvif_port))
        stack.enter_context(Running(tmp_path, redis.url, *arguments))
        answer = httpx.post(
            f"{service.url}/api/places/import?dry_run=false",
            content=TREE.encode(),
            headers=service.headers | {"Content-Type": "text/csv"},
        )
        answer.raise_for_status()
        yield Estate(streams=streams, servers=[server, gates], service=service)


def watched(service: ServiceProcess) -> int:
    """How many cameras of the estate give looks."""
    total: int = service.get("/api/cameras?state=watching&limit=1")["total"]
    return total


def command(estate: Estate, *words: str | Path) -> dict[str, Any]:
    token = estate.service.headers["Authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "FENGSUI_TOKEN": token, "FENGSUI_SERVICE": estate.service.url}
    done = subprocess.run(
        [FENGSUI, "cameras", *words, "--json"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert LOGIN.password not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_by_the_command_line(estate: Estate, tmp_path: Path) -> None:
    given = estate_file(estate.streams, rows=900, bad_share=BAD_SHARE)
    path = tmp_path / "estate.csv"
    path.write_bytes(given.text.encode("gb18030"))
    dry = command(estate, "import", path, "--dry-run")
    assert (dry["rows"], dry["good"], dry["bad"]) == (900, 900 - given.bad, given.bad)
    assert sum(dry["by_reason"].values()) >= given.bad
    done = command(estate, "import", path, "--annotated", tmp_path / "again.xlsx")
    assert (done["committed"], done["bad"]) == (900 - given.bad, given.bad)
    again = command(estate, "import", path)
    assert (again["unchanged"], again["committed"]) == (900 - given.bad, 0)

    words = ("--place", LIVE_PLACE, "--take-substreams", "--switch-on")
    probed = command(estate, "probe", *words)
    assert (probed["total"], probed["good"], probed["faults"]) == (OPEN + LOCKED, OPEN + LOCKED, {})
    assert probed["substreams_taken"] == 1, "the one that told of it by ONVIF"
    assert probed["switched_on"] == OPEN + LOCKED
    until(lambda: watched(estate.service) == OPEN + LOCKED, "the first looks", limit_s=180)

    out = tmp_path / "out.csv"
    command(estate, "export", out)
    exported = out.read_text("utf-8-sig")
    assert LOGIN.password not in exported
    assert "s3cret-" not in exported
    assert exported.count("rtsp://") >= 900 - given.bad
    back = command(estate, "import", out, "--dry-run")
    assert (back["unchanged"], back["bad"]) == (900 - given.bad, 0)


@pytest.mark.system("chromium")
def test_in_the_console(estate: Estate, tmp_path: Path) -> None:
    given = estate_file(estate.streams, rows=ROWS, bad_share=BAD_SHARE)
    path = tmp_path / "estate.csv"
    path.write_bytes(given.text.encode("gb18030"))
    with chromium() as browser, person(browser, estate.service.url, "zh") as someone:
        page = someone.page
        someone.begin("admin", estate.service.once, PASSWORDS["admin"])
        someone.go("cameras")
        page.locator("[data-test=camera-import]").click()
        page.locator("input[type=file]").set_input_files(path)
        page.locator("[data-test=import-check]").click()
        commit = page.locator("[data-test=commit]")
        expect(commit).to_be_visible(timeout=PATIENCE_MS)
        expect(commit).to_contain_text(f"{ROWS - given.bad:,}")
        commit.click()
        expect(page.locator("[data-test=done]")).to_contain_text(
            f"{ROWS - given.bad:,}", timeout=PATIENCE_MS
        )
        _probe_and_switch_on(page)
    until(lambda: watched(estate.service) == OPEN + LOCKED, "the first looks", limit_s=180)


def _probe_and_switch_on(page: Page) -> None:
    page.locator("[data-test=probe-all]").click()
    probe = page.locator("[data-test=probe]")
    expect(probe).to_have_attribute("data-going", "false", timeout=2 * PATIENCE_MS)
    expect(page.locator("[data-test=probe-good]")).to_have_text(str(OPEN + LOCKED))
    expect(page.locator("[data-fault=network_refused]")).to_be_visible()
    page.locator("[data-test=take-substreams]").click()
    expect(page.locator("[data-test=take-substreams]")).to_be_disabled(timeout=PATIENCE_MS)
    switch_on = page.locator("[data-test=switch-on]")
    expect(switch_on).to_contain_text(str(OPEN + LOCKED))
    switch_on.click()
    expect(switch_on).to_be_disabled(timeout=PATIENCE_MS)
