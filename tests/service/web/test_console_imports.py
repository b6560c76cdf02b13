"""A file of cameras in a browser: sent, checked, registered, probed, switched on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from pipelines import streams
from pipelines.messages import Advice, FoundBy, FoundStream, ProbeJob, decode
from pipelines.streams import PROBE_JOBS
from service import tables
from service.imports.words import NOTES
from service.refusals import Refusal
from service.settings import ServiceSettings
from tests.service.estate import fill
from tests.service.helpers import Parts, migrated, parts, settings_for
from tests.service.probes.kit import answer, beat, result_of
from tests.service.process import serving
from tests.service.signing_in import Account, make_account, signed_in
from tests.service.web.test_console import words
from tests.service.web.test_console_pages import shot
from tests.service.web.visits import HEIGHTS_PX, LANGUAGES, session_of, visiting
from tests.support.browser import chromium
from tests.support.estate_file import EstateFile, Stream, estate_file
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.system("chromium")

ROWS = 40
PLACES = {"330106001": "330106004", "330106002": "330106004", "330106003": "330106004"}
"""The places of the file, all of them one that is there."""

STREAMS = [Stream(url=f"rtsp://10.9.9.{n}/main", user="admin", password="12345") for n in (1, 2)]
A_MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def settings(
    shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> ServiceSettings:
    found = settings_for(shared_redis.url, tmp_path_factory.mktemp("imports"))
    return replace(found, probe_subnet_per_s=100, probe_platform_pulls=100)


@pytest.fixture(scope="module")
def integrator(settings: ServiceSettings) -> Account:
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    with migrated(path.parent) as database:
        fill(database)
        return make_account(database, "integrator", login="chen")


@pytest.fixture(scope="module")
def beside(settings: ServiceSettings, integrator: Account) -> Iterator[Parts]:
    """The service's database and Redis, for what stands in for workers."""
    with parts(settings) as made:
        made.client.flushall()
        yield made


@pytest.fixture(scope="module")
def url(settings: ServiceSettings, beside: Parts) -> Iterator[str]:
    with serving(settings) as found:
        yield found


@pytest.fixture(scope="module")
def session(url: str, integrator: Account) -> dict[str, str]:
    return session_of(url, integrator)


@pytest.fixture
def page(browser: Browser, url: str, session: dict[str, str]) -> Iterator[Page]:
    """The integrator's list of cameras."""
    with visiting(browser, url, session) as found:
        found.goto(f"{url}/cameras")
        yield found


@contextmanager
def worker(beside: Parts) -> Iterator[None]:
    """Stand in for one that reaches the cameras of ``10.9.9.0/24`` alone."""
    stop = threading.Event()

    def work() -> None:
        stream, group = PROBE_JOBS.name, str(PROBE_JOBS.group)
        beside.client.xgroup_create(stream, group, id="0", mkstream=True)
        while not stop.wait(0.1):
            beat(beside)
            taken: Any = beside.client.xreadgroup(group, "worker-1", {stream: ">"}, count=100)
            for entry_id, entry in taken[0][1] if taken else ():
                answer(beside, found(decode(streams.body(entry), ProbeJob)))
                beside.client.xack(stream, group, entry_id)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def found(job: ProbeJob) -> Any:
    if "//10.9.9." not in job.camera.url:
        return result_of(job, fault="unreachable", stream=None)
    sub = FoundStream(url=job.camera.url.replace("main", "sub"), found_by=FoundBy.ONVIF)
    advice = (Advice.USE_SUBSTREAM, Advice.SMART_CODEC)
    return result_of(job, substream=sub, advice=advice)


def estate(bad_share: float = 0.1, seed: int = 8) -> EstateFile:
    made = estate_file(STREAMS, ROWS, bad_share, seed)
    text = made.text
    for theirs, ours in PLACES.items():
        text = text.replace(f",{theirs},", f",{ours},")
    return EstateFile(text=text, rows=made.rows, bad=made.bad)


def payload(text: str, name: str = "点位表.csv", encoding: str = "gb18030") -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode(encoding)}


def check(page: Page, url: str, file: FilePayload) -> None:
    page.goto(f"{url}/cameras/import")
    page.set_input_files("[name=file]", file)
    page.locator("[data-test=import-check]").click()
    page.wait_for_url("**/cameras/import/*")


def tile(page: Page, verdict: str) -> Locator:
    return page.locator(f"[data-verdict={verdict}] b")


def test_an_estate_is_checked_registered_probed_and_switched_on(
    page: Page, url: str, beside: Parts, integrator: Account
) -> None:
    file = estate()
    good = file.rows - file.bad
    page.locator("[data-test=camera-import]").click()
    page.fill("[name=upstream]", "区级共享平台")
    page.set_input_files("[name=file]", payload(file.text))
    page.locator("[data-test=import-check]").click()
    expect(tile(page, "bad")).to_have_text(f"{file.bad}")
    expect(tile(page, "new")).to_have_text(f"{good}")
    page.locator("[data-reason=gb_id_length]").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("[data-row]")).to_contain_text("国标编号须为 20 位，现在是 15 位")
    with page.expect_download() as told:
        page.locator("[data-test=annotated-csv]").click()
    copy = Path(told.value.path()).read_text("utf-8-sig")
    assert copy.count("有误") == file.bad
    assert "s3cret" not in copy
    page.reload()
    page.get_by_role("button", name=f"登记 {good} 台").click()
    expect(page.locator("[data-test=done]")).to_contain_text(f"新登记 {good} 台，更新 0 台")

    page.goto(f"{url}/cameras/import")
    page.get_by_role("link", name="点位表.csv").click()
    probe = page.locator("[data-test=import-probe]")
    with worker(beside):
        probe.locator("[name=place_pictures]").check()
        probe.locator("[data-test=probe-all]").click()
        expect(probe.locator("[data-test=probe]")).to_have_attribute(
            "data-going", "false", timeout=30_000
        )
    expect(probe.locator("[data-test=probe-good]")).to_have_text(f"{len(STREAMS)}")
    shot(page, "import-probed-1366-zh")
    probe.locator("[data-test=take-substreams]").click()
    expect(probe.locator("[data-test=take-substreams]")).to_have_text("采用找到的子码流（0）")
    expect(probe.locator("tbody")).not_to_contain_text(["改用子码流"])
    expect(probe.locator("[data-test=switches]")).to_contain_text("有人手工停用")
    probe.locator("[data-test=switch-on]").click()
    expect(page.get_by_text(f"已启用 {len(STREAMS)} 台")).to_be_visible()
    with signed_in(url, integrator) as client:
        wanted = {"probe": "good", "substream": "yes"}
        answered = client.get("/api/cameras", params=wanted).json()
    assert [one["enabled"] for one in answered["cameras"]] == [True] * len(STREAMS)
    probe.locator("[data-fault=unreachable] a").click()
    expect(page.locator("[data-chip=probe_fault]")).to_contain_text("连接不上")
    expect(page.locator(".page-head [role=status]")).to_contain_text(f"{good - len(STREAMS)} 台")
    page.go_back()
    expect(probe.locator("[data-test=probe-good]")).to_have_text(f"{len(STREAMS)}")
    expect(probe.locator("[data-test=probe-pictures]")).to_have_text(f"0 / {good}")


def test_a_mended_file_registers_only_what_is_new(page: Page, url: str) -> None:
    file = estate(bad_share=0.05, seed=9)
    check(page, url, payload(file.text, "第一次.csv"))
    expect(tile(page, "bad")).to_have_text(f"{file.bad}")
    expect(page.locator("[data-test=register-first]")).to_contain_text("***")
    fresh = tile(page, "new").inner_text()
    page.locator("[name=file]").set_input_files(payload(file.text, "又一次.csv"))
    page.get_by_role("heading", name="又一次.csv").wait_for()
    page.goto(f"{url}/cameras/import")
    recent = page.locator("tr", has_text="第一次.csv")
    expect(recent).to_contain_text("已检查，未登记")
    expect(recent.locator("[data-count=new]")).to_have_text(fresh)
    recent.get_by_role("link").click()
    page.locator("[data-test=commit-first]").click()
    expect(page.locator("[data-test=done]")).to_be_visible()
    head, one, *others = estate(bad_share=0, seed=9).text.splitlines()
    whole = "\n".join([f"{head},启用", f"{one},是", *(f"{other}," for other in others)])
    first = page.url
    page.locator("[name=file]").set_input_files(payload(whole, "改好了.csv"))
    page.wait_for_url(lambda now: now != first)
    expect(tile(page, "bad")).to_have_text("0")
    expect(page.get_by_role("heading", name="改好了.csv")).to_be_visible()
    assert int(tile(page, "new").inner_text()) <= file.bad
    expect(page.locator("[data-test=switched]")).to_contain_text("启用 1 台、停用 0 台")
    page.locator("[data-verdict=changed]").click()
    changes = page.locator("[data-row='2'] [data-test=changes]")
    expect(changes).to_have_text("更新：启用")
    shot(page, "import-changed-1366-zh")
    page.locator("[data-test=commit]").click()
    expect(page.locator("[data-test=done]")).to_be_visible()
    expect(changes).to_have_text("更新：启用")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("空.csv", b"", "文件是空的"),
        ("旧.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "另存为 xlsx"),
        ("宽.csv", "名称,国标编号\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words_and_nothing_typed_is_lost(
    page: Page, url: str, name: str, content: bytes, said: str
) -> None:
    page.goto(f"{url}/cameras/import")
    page.fill("[name=purpose]", "监测火情")
    file: FilePayload = {"name": name, "mimeType": "", "buffer": content}
    page.set_input_files("[name=file]", file)
    page.locator("[data-test=import-check]").click()
    expect(page.get_by_role("alert")).to_contain_text(said)
    if "/import/" in page.url:
        page.get_by_role("button", name="改选项重新导入").click()
    expect(page.locator("[name=purpose]")).to_have_value("监测火情")


def test_a_file_is_dropped_and_one_that_is_too_large_is_not_sent(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras/import")
    for megabytes in (33, 1):
        given = page.evaluate_handle(
            "bytes => { const data = new DataTransfer();"
            " data.items.add(new File([new Uint8Array(bytes)], '拖来的.csv')); return data; }",
            megabytes * A_MEGABYTE,
        )
        page.dispatch_event(".drop", "drop", {"dataTransfer": given})
        expect(page.locator(".drop")).to_contain_text("拖来的.csv")
        page.locator("[data-test=import-check]").click()
        said = "超过 32 MB" if megabytes > 32 else "文件是空的"
        expect(page.get_by_role("alert")).to_contain_text(said)


@pytest.mark.parametrize("state", ["reading", "committing"])
def test_an_import_that_nobody_works_on_says_what_to_do(
    page: Page, url: str, beside: Parts, integrator: Account, state: str
) -> None:
    import_id = uuid4()
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    with beside.database.writing() as connection:
        connection.execute(
            sa.insert(tables.camera_imports).values(
                import_id=import_id, account_id=integrator.account_id, created_by="chen",
                created_at=long_ago, moved_at=long_ago, file_name="断了.csv", digest="x" * 64,
                options={"source": "auto", "watch": False, "defaults": {}}, state=state, titles=[],
                rows=90, checked=90, committed=30 * (state == "committing"), counts={"new": 90},
                by_reason={}, problem=None,
            )
        )  # fmt: skip
    page.goto(f"{url}/cameras/import/{import_id}")
    notice = page.locator("[data-test=stalled]")
    if state == "reading":
        expect(notice).to_contain_text("再选一次文件")
        page.set_input_files("[name=file]", payload(estate(bad_share=0).text))
        expect(notice).to_have_count(0)
        expect(tile(page, "all")).to_have_text(f"{ROWS}")
    else:
        expect(notice).to_contain_text("已登记 30 台")
        expect(page.get_by_role("button", name="继续登记")).to_be_enabled()


def test_notes_on_a_file_are_worded_as_on_the_command_line() -> None:
    for at, language in enumerate(("zh", "en")):
        said = words(language)
        assert {code: said[f"file_note.{code}"] for code in NOTES} == {
            code: both[at] for code, both in NOTES.items()
        }


def test_every_reason_of_a_row_has_a_short_name() -> None:
    """Those that a whole file, a place or an account is refused for are never a row's."""
    short = {key.removeprefix("row_fault.") for key in words("zh") if key.startswith("row_fault.")}
    assert short <= set(Refusal)
    begun = ("gb_id_", "position_", "address_", "cell_", "login", "needs_")
    assert {one for one in Refusal if one.startswith(begun)} <= short


@pytest.mark.parametrize("width_px", HEIGHTS_PX)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_step_is_wider_than_its_screen(
    browser: Browser, url: str, session: dict[str, str], width_px: int, language: str
) -> None:
    with visiting(browser, url, session, width_px=width_px, language=language) as page:
        page.goto(f"{url}/cameras/import")
        expect(page.locator("select[name=coordinate_system] option")).to_have_count(4)
        shot(page, f"import-form-{width_px}-{language}")
        check(page, url, payload(estate(bad_share=0.3, seed=width_px).text))
        expect(page.locator("[data-row]").first).to_be_visible()
        shot(page, f"import-checked-{width_px}-{language}")
        page.locator("[data-reason]").first.click()
        expect(page.locator("[data-row]").first).to_be_in_viewport()
        above = page.locator("[data-test=register]").bounding_box()
        rows = page.locator("[data-row]").first.bounding_box()
        assert above
        assert rows
        assert above["y"] < rows["y"], "what to do stands before the rows"
