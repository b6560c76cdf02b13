"""The console in a real browser: from the first admin's login to a camera that a worker watches."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import service.web
from pipelines.drills.clip import Clip
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Login, Mount, RtspServer
from pipelines.drills.scenes import SCENES
from tests.pipelines.drills.live import served
from tests.service.process import ServiceProcess
from tests.support.browser import Faults, chromium
from tests.support.media import REPOSITORY
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = [pytest.mark.alone, pytest.mark.system("chromium")]

WORDS = Path(service.web.__file__).parent / "console" / "src" / "words"
PASSWORDS = {"admin": "watchtower on the wall 7", "other": "smoke by day fire by night 9"}
LOGIN = Login(user="gate", password="pa:ss/ö w@rd?#%")
CONNECTED_WITHIN_S = 2.0
TREE = """代码,名称,上级代码
330100,杭州市,
330106,西湖区,330100
330109,萧山区,330100
330109102,楼塔镇,330109
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def clip() -> Clip:
    scene = replace(SCENES["street_fire"], loop_s=10.0, onset_s=8.0, clear_s=9.5)
    return encode(scene, lambda _done, _of: None)


@pytest.fixture
def camera(clip: Clip) -> Iterator[tuple[RtspServer, str]]:
    """A camera that asks for a password, and its address."""
    with served([Mount(name="gate", clip=clip)], login=LOGIN) as (server, port):
        yield server, f"rtsp://127.0.0.1:{port}/gate"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ServiceProcess]:
    """The service as a process and a worker that follows its registry."""
    with (
        RedisServer() as redis,
        ServiceProcess(redis.url, tmp_path) as running,
        worker(tmp_path, redis.url),
    ):
        until(lambda: running.get("/api/status")["workers"], "the worker", limit_s=60)
        yield running


@contextlib.contextmanager
def worker(directory: Path, redis_url: str) -> Iterator[None]:
    command = [Path(sys.executable).parent / "fengsui", "worker", "--id", "w-1"]
    command += ["--networks", "127.0.0.0/8"]
    command += ["--worker-key", directory / "worker.key", "--spool", directory / "spool"]
    command += ["--evidence", directory / "evidence"]
    command += ["--metrics-port", "0"]
    with (directory / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "FENGSUI_REDIS_URL": redis_url},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@dataclass(slots=True)
class Person:
    """Somebody at the console, in one language."""

    page: Page
    words: dict[str, str]

    def said(self, key: str, **values: str) -> str:
        text = self.words[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def press(self, key: str, **values: str) -> None:
        name = self.said(key, **values)
        self.page.get_by_role("button", name=name, exact=True).last.click()

    def go(self, name: str) -> None:
        self.page.locator(f"[data-test=go-{name}]").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.said(f"go.{name}"))

    def log_in(self, login: str, password: str) -> None:
        self.page.fill("[name=login]", login)
        self.page.fill("[name=password]", password)
        self.press("login.go")

    def begin(self, login: str, once: str, password: str) -> None:
        """Log in for the first time."""
        self.log_in(login, once)
        expect(self.page.get_by_text(self.said("password.why"))).to_be_visible()
        assert self.page.locator("nav a").count() == 0, "nothing but the password"
        expect(self.page.locator("[name=current]")).to_have_count(0)
        self.page.fill("[name=new]", "short")
        self.page.fill("[name=repeat]", "short")
        self.press("password.save")
        expect(self.page.locator("[name=new]")).to_have_attribute("aria-invalid", "true")
        for name in ("new", "repeat"):
            self.page.fill(f"[name={name}]", password)
        self.press("password.save")
        expect(self.page.locator("nav a").first).to_be_visible()

    def log_out(self) -> None:
        self.page.locator("[data-test=me]").click()
        self.page.locator("[data-test=log-out]").click()
        expect(self.page.locator("[name=login]")).to_be_visible()

    def choose_place(self, inside: Any, name: str) -> None:
        field = inside.locator("input[role=combobox]").last
        field.click()
        field.fill(name)
        inside.get_by_role("option", name=name).first.click()

    def import_tree(self) -> None:
        self.go("places")
        self.press("places.import")
        self.page.locator("input[type=file]").set_input_files(
            {"name": "places.csv", "mimeType": "text/csv", "buffer": TREE.encode("gb18030")}
        )
        expect(self.page.get_by_text(self.said("import.good"))).to_be_visible()
        self.press("import.commit")
        expect(self.page.get_by_role("treeitem").filter(has_text="杭州市")).to_be_visible()

    def make_township(self, county: str, code: str, name: str) -> None:
        city = self.page.get_by_role("treeitem").filter(has_text="杭州市")
        city.focus()
        city.press("ArrowRight")
        self.page.get_by_role("treeitem").filter(has_text=county).click()
        self.page.locator("[data-test=place-add]").click()
        self.page.select_option("[name=level]", "township")
        self.page.fill("[name=code]", code)
        self.page.fill("[name=name]", name)
        self.press("save")
        expect(self.page.get_by_role("treeitem").filter(has_text=name)).to_be_visible()

    def make_integrator(self, login: str, place: str) -> str:
        """Make an account; return its one-time password."""
        self.go("accounts")
        self.page.locator("[data-test=account-new]").click()
        dialog = self.page.get_by_role("dialog")
        dialog.locator("[name=new-login]").fill(login)
        dialog.locator("[name=new-name]").fill(f"{place} 接入员")
        dialog.locator("[name=role]").select_option("integrator")
        self.choose_place(dialog, place)
        dialog.get_by_role("button", name=self.said("save"), exact=True).click()
        once = dialog.locator("[data-secret]").inner_text()
        dialog.locator("[data-test=noted]").click()
        expect(self.page.get_by_text(login, exact=True)).to_be_visible()
        return once

    def fill_camera(self, name: str, place: str, url: str) -> None:
        self.go("cameras")
        self.page.locator("[data-test=camera-new]").click()
        self.page.fill("[name=name]", name)
        self.choose_place(self.page.locator("form"), place)
        self.page.select_option("[name=place_type]", "slope")
        for field, text in {
            "owner": "西湖区综治中心",
            "contact_number": "0571-88888888",
            "purpose": "监测落石与山火",
            "legal_basis": "《公共安全视频图像信息系统管理条例》",
            "longitude": "120.130663",
            "latitude": "30.259247",
            "main_url": url,
            "camera_user": LOGIN.user,
            "camera_password": LOGIN.password,
        }.items():
            self.page.fill(f"[name={field}]", text)


@contextlib.contextmanager
def person(browser: Browser, url: str, language: str) -> Iterator[Person]:
    locale = {"zh": "zh-CN", "en": "en-GB"}[language]
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale=locale)
    page = context.new_page()
    faults = Faults(url)
    faults.watch(page)
    page.goto(url)
    expect(page.locator("html")).to_have_attribute("lang", locale)
    try:
        yield Person(page, json.loads((WORDS / f"{language}.json").read_text("utf-8")))
    finally:
        context.close()
    faults.none()


def asked(page: Page, path: str) -> tuple[int, dict[str, Any]]:
    """Ask the API as the page does."""
    status, text = page.evaluate("async (path) => {const r = await fetch(path); return [r.status, await r.text()]}", path)  # fmt: skip # noqa: E501
    return status, json.loads(text)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_new_admin_s_camera_is_watched_within_two_seconds_and_hidden_from_the_next_township(
    browser: Browser, console: ServiceProcess, camera: tuple[RtspServer, str], language: str
) -> None:
    server, url = camera
    name = "灵隐北坡 <img src=x onerror=alert(1)>"
    with person(browser, console.url, language) as someone:
        page = someone.page
        someone.begin("admin", console.once, PASSWORDS["admin"])
        someone.import_tree()
        someone.make_township("西湖区", "330106004", "灵隐街道")
        own_once = someone.make_integrator("lingyin", "灵隐街道")
        other_once = someone.make_integrator("louta", "楼塔镇")

        someone.fill_camera(name, "灵隐街道", url)
        save = page.locator("[data-test=save]")
        save.click()
        expect(page.locator("[name=sign_confirmed]")).to_have_attribute("aria-invalid", "true")
        page.check("[name=sign_confirmed]")
        began_s = time.monotonic()
        save.click()
        until(lambda: server.counters.clients, "the worker at the camera")
        took_s = time.monotonic() - began_s
        assert took_s < CONNECTED_WITHIN_S, took_s
        expect(page.locator("[data-test=state]")).to_have_attribute(
            "data-state", "watching", timeout=15_000
        )
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        assert LOGIN.password not in page.content()
        address = page.url
        someone.log_out()

        someone.begin("louta", other_once, PASSWORDS["other"])
        shown = [link.get_attribute("data-test") for link in page.locator("nav a").all()]
        assert shown == ["go-cameras", "go-places"]
        someone.go("cameras")
        expect(page.get_by_text(someone.said("cameras.none"))).to_be_visible()
        page.fill("[name=q]", "灵隐")
        expect(page.get_by_text(someone.said("cameras.none_match"))).to_be_visible()
        page.goto(address)
        expect(page.locator("[data-test=unknown]")).to_have_text(someone.said("camera.unknown"))
        camera_id = address.rpartition("/")[2]
        nowhere = camera_id[:-4] + ("0000" if camera_id[-4:] != "0000" else "1111")
        status, refused = asked(page, f"/api/cameras/{camera_id}")
        assert status == 404
        absent = asked(page, f"/api/cameras/{nowhere}")[1]
        assert json.dumps(refused).replace(camera_id, nowhere) == json.dumps(absent)
        assert asked(page, "/api/cameras?q=灵隐") == (200, {"total": 0, "cameras": []})
        nothing = {"places": [], "more": False}
        assert asked(page, "/api/places?q=灵隐") == (200, nothing)
        page.goto(console.url + "/accounts")
        expect(page.get_by_role("heading", level=1)).to_have_text(someone.said("nothing.title"))
        someone.log_out()

        someone.begin("lingyin", own_once, PASSWORDS["other"])
        someone.go("cameras")
        expect(page.get_by_role("grid").get_by_text(name)).to_be_visible()
