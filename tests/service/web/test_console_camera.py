"""A camera's page in a browser: how it stands and stood, what it costs, what a probe found."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from pipelines.messages import (
    Advice,
    FoundBy,
    FoundStream,
    Onvif,
    PlaceAbsence,
    StreamFacts,
    WatchState,
)
from service import tables
from tests.service.estate import OWN
from tests.service.web.zone_parts import World, at_camera, world
from tests.support.browser import chromium
from tests.support.waiting import until

pytestmark = pytest.mark.system("chromium")

FOUND = "rtsp://192.0.2.1:554/Streaming/Channels/102"
"""At the host of every camera of the tests' estate."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("camera")) as found:
        yield found


def audited(given: World, action: str, camera_id: str) -> int:
    query = sa.select(tables.audit.c.body).where(tables.audit.c.action == action)
    with given.database.reading() as connection:
        bodies = connection.execute(query.where(tables.audit.c.object_id == camera_id)).scalars()
        return len([json.loads(body) for body in bodies])


def test_the_last_week_is_a_strip_with_words_and_a_list(browser: Browser, given: World) -> None:
    camera_id = given.camera("一周", created_at=datetime.now(UTC) - timedelta(days=9))
    given.stood(
        camera_id,
        (9.0, "watching", None),
        (3.0, "fault", "unreachable"),
        (2.5, "watching", None),
        (1.5, "unwatched", None),
        (1.0, "watching", None),
    )
    given.tell(camera_id, WatchState.WATCHING)
    with at_camera(browser, given, camera_id) as page:
        health = page.locator("[data-test=health]")
        expect(health.locator("rect[data-state=fault]")).to_have_count(1)
        expect(health.locator("rect")).to_have_count(5)
        bars = [one.bounding_box() for one in health.locator("rect").all()]
        whole = sum(one["width"] for one in bars if one)
        fault = health.locator("rect[data-state=fault]").bounding_box()
        assert fault
        assert fault["width"] / whole == pytest.approx(0.5 / 7, abs=0.01)
        expect(health.get_by_role("img")).to_have_attribute(
            "aria-label", "最近 7 天的状态：" + health.locator("[data-test=shares]").inner_text()
        )
        expect(health.locator("[data-test=last-fault]")).to_contain_text("连接不上")
        expect(health.locator("[data-test=last-fault]")).to_contain_text("请检查地址、端口")
        health.locator("summary").click()
        expect(health.locator("[data-test=changes] li")).to_have_count(5)


def test_a_young_camera_is_told_of_since_it_is_registered(browser: Browser, given: World) -> None:
    camera_id = given.camera("新登记", created_at=datetime.now(UTC) - timedelta(minutes=4))
    minute = 1 / 24 / 60
    given.stood(camera_id, (3 * minute, "watching", None), (minute, "fault", "unreachable"))
    given.tell(camera_id, WatchState.FAULT, "unreachable")
    given.cost(camera_id, looks=0, core_ms=1, received_bytes=0)
    with at_camera(browser, given, camera_id) as page:
        health = page.locator("[data-test=health]")
        expect(health.locator("[data-test=over]")).to_contain_text("登记以来")
        expect(health.locator("[data-test=over]")).to_contain_text("4 分")
        wide = health.locator("rect[data-state=fault]").bounding_box()
        whole = health.get_by_role("img").bounding_box()
        assert wide
        assert whole
        assert wide["width"] / whole["width"] == pytest.approx(0.25, abs=0.05)
        health.locator("summary").click()
        newest = health.locator("[data-test=changes] li time").first.get_attribute("datetime")
        since = health.locator("dd.small time").first.get_attribute("datetime")
        assert since == newest, "one source for both"
        given.tell(camera_id, WatchState.WATCHING)
        expect(page.locator("[data-test=looks]")).to_have_text("尚未测得")


def test_a_camera_is_switched_on_and_off_beside_its_probe(browser: Browser, given: World) -> None:
    camera_id = given.camera("开关", enabled=False)
    with at_camera(browser, given, camera_id) as page:
        page.locator("[data-test=switch-on-one]").click()
        page.locator("[data-test=switch-off-one]").click()
        assert given.found(camera_id)["enabled"] is True, "to switch off is asked for first"
        page.locator("[data-test=switch-off-yes]").click()
        expect(page.locator("[data-test=switch-on-one]")).to_be_visible()
    assert given.found(camera_id)["enabled"] is False


def test_full_workers_are_told_of_above_the_list_and_on_the_status_page(
    browser: Browser, given: World
) -> None:
    waiting = given.camera("排队", sub_url=FOUND)
    with at_camera(browser, given, waiting) as page:
        page.goto(f"{given.url}/cameras")
        expect(page.locator("[role=rowgroup] [role=row]").first).to_be_visible()
        expect(page.locator("[data-test=capacity]")).to_have_count(0)
        given.tell(waiting, WatchState.FAULT, "over_capacity")
        until(lambda: given.found(waiting)["fault"], "the worker's word")
        given.worker.waiting = 1
        page.reload()
        expect(page.locator("[data-test=capacity]")).to_contain_text("排队 1 台")
        expect(page.locator("[data-test=capacity]")).to_contain_text("--processes auto")
        page.goto(f"{given.url}/status")
        expect(page.locator("[data-test=capacity]")).to_be_visible()
        expect(page.locator("[data-worker=full]")).to_have_text("已满")
        given.worker.waiting = 0
        expect(page.locator("[data-worker=up]")).to_be_visible()
        page.goto(f"{given.url}/cameras/{waiting}")
        alert = page.get_by_role("alert").first
        expect(alert).to_contain_text("--processes auto")
        expect(alert).not_to_contain_text("子码流")
        page.goto(f"{given.url}/cameras")
        page.locator("[data-test=more-filters]").click()
        faults = page.locator("[name=fault] option")
        expect(faults.and_(page.locator("[value=over_capacity]"))).to_have_count(1)
        expect(faults.and_(page.locator("[value=no_keyframe]"))).to_have_count(0)  # none has it


def test_what_it_costs_is_said_in_numbers_and_words(browser: Browser, given: World) -> None:
    camera_id = given.camera("开销")
    given.tell(camera_id, WatchState.WATCHING)
    given.cost(camera_id, looks=60, core_ms=12_000, received_bytes=15_000_000)
    with at_camera(browser, given, camera_id) as page:
        expect(page.locator("[data-test=looks]")).to_have_text("每秒 1.0 次")
        expect(page.locator("[data-test=cost]")).to_have_text("20% 核")
        expect(page.locator("[data-test=rate]")).to_have_text("2.0 Mbit/s")
        expect(page.get_by_text("开销偏高")).to_be_visible()


def test_a_fault_stands_first_with_what_to_do(browser: Browser, given: World) -> None:
    camera_id = given.camera("故障")
    given.tell(camera_id, WatchState.FAULT, "unauthorized")
    with at_camera(browser, given, camera_id) as page:
        alert = page.get_by_role("alert").first
        expect(alert).to_contain_text("用户名或密码被摄像机拒绝")
        expect(alert).to_contain_text("请更正摄像机的用户名和密码")


def test_a_probe_is_asked_for_and_what_it_advises_is_done_with_one_click(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("探测", sub_url=None)
    given.worker.findings[camera_id] = {
        "stream": StreamFacts(
            codec="hevc", width_px=2560, height_px=1440, frame_rate_hz=25.0,
            keyframe_interval_s=10.0, bit_rate_bps=4_100_000,
        ),
        "clock_skew_s": -312.0,
        "substream": FoundStream(url=FOUND, found_by=FoundBy.ONVIF, width_px=640, height_px=360),
        "onvif": Onvif.ANSWERED,
        "advice": (Advice.USE_SUBSTREAM, Advice.SMART_CODEC),
    }  # fmt: skip
    given.worker.free.clear()
    with at_camera(browser, given, camera_id) as page:
        panel = page.locator("[data-test=probe-panel]")
        expect(panel).to_contain_text("还没有探测过")
        panel.locator("[data-test=probe-now]").click()
        expect(panel.locator("[data-test=probing]")).to_be_visible()
        expect(panel.locator("[data-test=probe-now]")).to_be_disabled()
        given.worker.free.set()
        facts = panel.locator("[data-test=probe-facts]")
        for said in ("H.265", "2560×1440", "25 帧/秒", "10 秒", "4.1 Mbit/s", "慢 5 分 12 秒"):
            expect(facts).to_contain_text(said)
        expect(panel.locator("[data-test=advice] li")).to_have_count(2)
        expect(panel).to_contain_text("改用子码流")
        panel.locator("[data-test=take-substream]").click()
        expect(panel.locator("[data-test=take-substream]")).to_have_count(0)
        expect(panel.locator("[data-test=advice] li")).to_have_count(1)
        expect(panel.locator("[data-test=advice]")).not_to_contain_text("子码流")
    assert given.found(camera_id)["sub_url"] == FOUND


def test_why_a_probe_failed_is_said_with_what_to_do(browser: Browser, given: World) -> None:
    camera_id = given.camera("失败")
    given.worker.findings[camera_id] = {"fault": "not_found", "stream": None}
    with at_camera(browser, given, camera_id) as page:
        page.locator("[data-test=probe-now]").click()
        panel = page.locator("[data-test=probe-panel]")
        expect(panel).to_contain_text("摄像机没有这路码流")
        expect(panel).to_contain_text("请更正路径")


def test_the_place_picture_is_shown_to_who_asks_and_audited(browser: Browser, given: World) -> None:
    camera_id = given.camera("缩略图")
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=ask-picture]").click()
        expect(page.locator("[data-test=picture]")).to_be_visible()
        before = audited(given, "place_picture.viewed", camera_id)
        page.goto(f"{given.url}/cameras/{camera_id}")
        expect(page.locator("[data-test=show-picture]")).to_be_visible()
        assert audited(given, "place_picture.viewed", camera_id) == before, "nobody asked for it"
        page.locator("[data-test=show-picture]").click()
        expect(page.locator("[data-test=thumbnail]")).to_be_visible()
        assert audited(given, "place_picture.viewed", camera_id) == before + 1
        page.locator("[data-test=to-zones]").click()
        expect(page.locator("#main h1")).to_have_text("绘制区域")


def test_its_incidents_are_listed_and_its_owner_can_be_called(
    browser: Browser, given: World
) -> None:
    query = sa.select(tables.incidents.c.camera_id).where(tables.incidents.c.place_code == OWN)
    with given.database.reading() as connection:
        camera_id = connection.execute(query).scalars().first()
    with at_camera(browser, given, f"{camera_id}", width_px=390) as page:
        incidents = page.locator("[data-test=incidents] li")
        expect(incidents).to_have_count(1)
        expect(incidents).to_contain_text("明火")
        expect(incidents).to_contain_text("待查看")
        expect(page.locator("[data-test=call]")).to_have_attribute("href", "tel:057188888888")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# ---- the picture that zones are drawn on


def test_a_place_picture_is_asked_for_waited_for_and_drawn_on(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("场景图")
    given.worker.findings[camera_id] = {
        "stream": StreamFacts(codec="h264", width_px=640, height_px=480)
    }
    given.worker.free.clear()
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        expect(page.locator("[data-test=why]")).to_contain_text("还没有场景图")
        page.locator("[data-test=ask-picture]").click()
        expect(page.locator("[data-test=going]")).to_contain_text("正在取场景图，约一分钟：已等")
        given.worker.free.set()
        picture = page.locator("[data-test=picture]")
        expect(picture).to_be_visible()
        assert (picture.get_attribute("href") or "").startswith("blob:")
        expect(page.locator("[data-test=next]")).to_contain_text("每天一张")
        expect(page.locator("[data-test=ask-picture]")).to_have_count(0)
        box = page.locator("#zones-scene > rect").bounding_box()
        assert box
        assert box["width"] / box["height"] == pytest.approx(16 / 9, rel=0.01), "the picture's own"


def test_why_there_is_no_place_picture_is_said_and_the_grid_has_the_stream_s_proportions(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("无图")
    given.worker.findings[camera_id] = {
        "stream": StreamFacts(codec="h264", width_px=640, height_px=480),
        "place_absence": PlaceAbsence.NO_MASKER,
    }
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=ask-picture]").click()
        expect(page.locator("[data-test=why]")).to_contain_text("未遮盖的画面一律不给")
        box = page.locator("#zones-scene > rect").bounding_box()
        assert box
        assert box["width"] / box["height"] == pytest.approx(4 / 3, rel=0.01)
