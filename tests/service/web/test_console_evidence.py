"""Pictures at the console: one press, one audit row; why there is none; holds and their end."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Locator, Page, Route, expect

from pipelines.messages import EvidenceAbsence, EvidencePart
from service import tables
from tests.service.helpers import alert
from tests.service.web.evidence_parts import (
    SIZES,
    Seen,
    World,
    at_console,
    card,
    film,
    incident_of,
    just_now_s,
    log_in,
    revised,
    with_ref,
    without,
    world,
)
from tests.service.web.test_console import words
from tests.support.browser import chromium
from tests.support.waiting import until
from vision.hazards import Hazard

pytestmark = pytest.mark.system("chromium")

SCREENSHOTS = os.environ.get("FENGSUI_SCREENSHOTS")
LOOKS = ["dark-zh", *(["light-zh", "dark-en", "light-en"] if SCREENSHOTS else [])]
SEEN = "img => img.complete && img.naturalWidth === 640"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("evidence")) as found:
        yield found


@pytest.fixture
def console(browser: Browser, given: World) -> Iterator[tuple[Page, Seen]]:
    """The live page with an operator at it."""
    with at_console(browser, given) as found:
        yield found


def press(one: Locator, name: str = "show") -> None:
    one.locator(f"[data-test={name}]").click()


def shown(one: Locator) -> Locator:
    still = one.locator("[data-test=still]")
    expect(still).to_be_visible()
    until(lambda: still.evaluate(SEEN), "the picture")
    return still


def urls(page: Page) -> int:
    return int(page.evaluate("urls.size"))


# ---- the press


def test_one_press_shows_the_picture_and_makes_one_row_of_the_audit(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, seen = console
    one = given.pictured("一看一行")
    there = card(page, "一看一行")
    expect(there.locator("[data-test=show]")).to_be_visible()
    assert seen.pictures == [], "nothing is fetched before the press"
    press(there)
    still = shown(there)
    assert (still.get_attribute("src") or "").startswith("blob:")
    assert "明火" in (still.get_attribute("alt") or "")
    expect(there.locator("[data-test=covered]")).to_contain_text("人员已遮盖")
    expect(there.locator("[data-test=opened]")).to_be_focused()
    [row] = given.audited(one, "evidence.viewed")
    assert (row["actor"], row["detail"]["part"]) == ("operator", "still.jpg")
    assert row["detail"]["why"] == "verify"
    assert [path.partition("?")[0].rpartition("/")[2] for path in seen.pictures] == [
        "evidence",
        "still.jpg",
    ]


def test_a_hasty_second_click_is_no_second_view(given: World, console: tuple[Page, Seen]) -> None:
    page, _ = console
    one = given.pictured("手快")
    card(page, "手快").locator("[data-test=show]").dblclick()
    shown(card(page, "手快"))
    page.wait_for_timeout(300)
    assert len(given.audited(one, "evidence.viewed")) == 1


def test_a_picture_that_is_left_is_let_go(given: World, console: tuple[Page, Seen]) -> None:
    page, _ = console
    given.pictured("放手")
    there = card(page, "放手")
    press(there)
    shown(there)
    assert urls(page) == 1
    press(there, "close-picture")
    expect(there.locator("img")).to_have_count(0)
    assert urls(page) == 0
    expect(there.locator("[data-test=show]")).to_be_focused()
    press(there)
    shown(there)
    page.locator("[data-test=go-cameras]").click()
    expect(page.locator("#main h1")).to_have_text("摄像机")
    assert urls(page) == 0


def test_what_it_is_looked_at_for_is_kept_for_the_session_and_for_nobody_else(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("用途")
    there = card(page, "用途")
    expect(there.locator("[name=why]")).to_have_value("verify")
    there.locator("[name=why]").select_option("complaint")
    press(there)
    shown(there)
    assert given.audited(one, "evidence.viewed")[0]["detail"]["why"] == "complaint"
    page.reload()
    expect(there.locator("[name=why]")).to_have_value("complaint")
    page.locator("[data-test=me]").click()
    page.locator("[data-test=log-out]").click()
    log_in(page, given.people["viewer"])
    expect(there.locator("[name=why]")).to_have_value("verify")


def test_by_keyboard_alone(given: World, console: tuple[Page, Seen]) -> None:
    page, _ = console
    given.pictured("键盘", clip="clip")
    there = card(page, "键盘")
    there.locator("[data-test=show]").focus()
    page.keyboard.press("Enter")
    shown(there)
    there.locator("[data-test=show-moving]").focus()
    page.keyboard.press("Enter")
    expect(there.locator("video")).to_be_visible()
    expect(there.locator("[data-test=turn]")).to_be_focused()
    there.locator("video").focus()
    expect(there.locator("video")).to_be_focused()
    there.locator("[data-test=close-picture]").focus()
    page.keyboard.press("Enter")
    expect(there.locator("[data-test=show]")).to_be_focused()


# ---- what moves


def test_a_clip_is_a_further_press_and_a_further_row(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("短片", clip="clip")
    there = card(page, "短片")
    press(there)
    shown(there)
    expect(there.get_by_text("每次查看都会记入审计")).to_be_visible()
    press(there, "show-moving")
    video = there.locator("video")
    until(lambda: video.evaluate("one => one.readyState >= 2 && one.videoWidth"), "the clip")
    assert video.evaluate("one => one.muted && one.loop && one.controls")
    parts = [row["detail"]["part"] for row in given.audited(one, "evidence.viewed")]
    assert parts == ["still.jpg", "clip.mp4"]
    press(there, "turn")
    expect(there.locator("[data-test=still]")).to_be_visible()
    expect(video).to_be_hidden()
    assert len(given.audited(one, "evidence.viewed")) == 2, "what is here is not fetched again"
    press(there, "close-picture")
    assert urls(page) == 0


def test_where_there_is_no_clip_a_filmstrip_is_shown(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("连续", clip="strip")
    there = card(page, "连续")
    press(there)
    expect(there.locator("[data-test=show-moving]")).to_have_text("查看连续画面")
    press(there, "show-moving")
    expect(there.locator("[data-test=strip]")).to_be_visible()
    assert len(given.audited(one, "evidence.viewed")) == 2


def test_a_clip_that_comes_late_is_found_by_the_next_press(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("稍后", onset_s=just_now_s())
    there = card(page, "稍后")
    press(there)
    shown(there)
    making = there.locator("[data-test=show-moving]")
    expect(making).to_contain_text("制作中")
    making.click()
    expect(making).to_contain_text("制作中")
    expect(there.locator("[data-test=asking]")).to_have_count(0)
    assert one.evidence_ref
    given.store.put(one.evidence_ref, EvidencePart.CLIP, film())
    making.click()
    expect(there.locator("video")).to_be_visible()


# ---- why there is none


def test_what_is_being_made_turns_into_its_button_by_itself(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, seen = console
    page.evaluate("window.same = true")
    one = without(alert(camera_id=given.camera("制作")), EvidenceAbsence.PENDING)
    given.send(one)
    there = card(page, "制作")
    expect(there.locator("[data-test=pending]")).to_contain_text("正在制作")
    expect(there.locator("[data-test=show]")).to_have_count(0)
    given.send(with_ref(revised(one), given.picture()))
    press(there)
    shown(there)
    assert page.evaluate("window.same") is True, "without loading the page anew"
    assert seen.pictures


@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_reason_for_no_picture_is_said(browser: Browser, given: World, language: str) -> None:
    said = words(language)
    whys = set(EvidenceAbsence) - {EvidenceAbsence.PENDING, EvidenceAbsence.EXPIRED}
    for why in whys:
        given.send(without(alert(camera_id=given.camera(f"{language}/{why}/")), why))
    with at_console(browser, given, looks=f"dark-{language}") as (page, seen):
        for why in whys:
            there = card(page, f"{language}/{why}/")
            expect(there).to_contain_text(said["evidence.none"].format(why=said[f"absent.{why}"]))
            expect(there.locator("[data-test=show]")).to_have_count(0)
        assert seen.pictures == []


def test_an_earlier_alert_s_picture_is_still_to_be_had(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    first = given.pictured("此前")
    there = card(page, "此前")
    expect(there.locator("[data-test=show]")).to_be_visible()
    given.send(without(alert(60, camera_id=first.camera_id), EvidenceAbsence.HOURLY_CAP))
    expect(there).to_contain_text("告警 2 次")
    press(there)
    shown(there)


def test_what_the_store_has_no_more_is_said_to_be_gone(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("不在")
    there = card(page, "不在")
    expect(there.locator("[data-test=show]")).to_be_visible()
    assert one.evidence_ref
    given.store.delete(one.evidence_ref)
    press(there)
    expect(there.locator("[data-test=none]")).to_contain_text("画面已不在存储中")
    assert given.audited(one, "evidence.viewed") == []


def test_what_retention_took_is_said_to_be_expired(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("到期")
    there = card(page, "到期")
    press(there)
    shown(there)
    with given.database.writing() as connection:
        connection.execute(
            sa.update(tables.evidence)
            .where(tables.evidence.c.ref == one.evidence_ref)
            .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    expect(there.locator("[data-test=none]")).to_contain_text("已过保存期限", timeout=20_000)
    expect(there.locator("img")).to_have_count(0)
    assert urls(page) == 0


def test_a_store_that_is_away_is_said_and_asked_again(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("存储")
    there = card(page, "存储")
    expect(there.locator("[data-test=show]")).to_be_visible()
    with given.store_away(one):
        press(there)
        expect(there.get_by_role("alert")).to_contain_text("画面存储暂时连不上")
    press(there)
    shown(there)
    expect(there.get_by_role("alert")).to_have_count(0)
    assert len(given.audited(one, "evidence.viewed")) == 1


def test_without_its_row_in_the_audit_no_picture(given: World, console: tuple[Page, Seen]) -> None:
    page, _ = console
    given.pictured("审计")
    there = card(page, "审计")
    expect(there.locator("[data-test=show]")).to_be_visible()
    with given.audit_away():
        press(there)
        expect(there.get_by_role("alert")).to_contain_text("没能记入审计，所以不给画面")
        expect(there.locator("img")).to_have_count(0)
    press(there)
    shown(there)


def test_who_may_see_no_incidents_any_more_is_told(browser: Browser, given: World) -> None:
    given.pictured("权限")
    mine = sa.update(tables.accounts).where(tables.accounts.c.login == "viewer")
    with at_console(browser, given, "viewer") as (page, _):
        there = card(page, "权限")
        expect(there.locator("[data-test=show]")).to_be_visible()
        with given.database.writing() as connection:
            connection.execute(mine.values(role="integrator"))
        press(there)
        expect(there.get_by_role("alert")).to_contain_text("没有这项权限")
    with given.database.writing() as connection:
        connection.execute(mine.values(role="viewer"))


def test_a_slow_picture_can_be_given_up(given: World, console: tuple[Page, Seen]) -> None:
    page, _ = console
    given.pictured("慢")
    there = card(page, "慢")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/still.jpg*", hold, times=1)
    press(there)
    asking = there.locator("[data-test=asking]")
    expect(asking).to_contain_text("正在取画面")
    expect(asking).to_contain_text("存储较慢", timeout=8000)
    press(there, "cancel")
    expect(asking).to_have_count(0)
    expect(there.get_by_role("alert")).to_have_count(0)
    press(there)
    shown(there)


def test_an_ended_session_is_asked_for_and_the_press_is_not_lost(
    given: World, console: tuple[Page, Seen]
) -> None:
    page, _ = console
    one = given.pictured("登录")
    there = card(page, "登录")
    expect(there.locator("[data-test=show]")).to_be_visible()
    page.context.clear_cookies()
    press(there)
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=password]").fill(given.people["operator"].password)
    dialog.locator("[name=password]").press("Enter")
    shown(there)
    assert len(given.audited(one, "evidence.viewed")) == 1


# ---- legal hold


def test_a_hold_is_set_with_a_reason_shown_and_released(browser: Browser, given: World) -> None:
    one = given.pictured("保全")
    with at_console(browser, given, "admin") as (page, seen):
        there = card(page, "保全")
        press(there, "hold")
        dialog = page.get_by_role("dialog")
        dialog.locator("[data-test=hold-yes]").click()
        expect(dialog.locator("[name=reason]")).to_be_focused()
        expect(dialog).to_contain_text("请填写此项")
        dialog.locator("[name=reason]").fill("文号 2026-17")
        dialog.locator("[data-test=hold-yes]").click()
        expect(dialog).to_have_count(0)
        assert not any("still.jpg" in path for path in seen.pictures), "no view to hold"
        [row] = given.audited(one, "evidence.held")
        assert (row["actor"], row["detail"]["reason"]) == ("admin", "文号 2026-17")
        press(there)
        shown(there)
        expect(there.locator("[data-test=held]")).to_contain_text(
            re.compile(r"admin 于 .* 设定，理由：文号 2026-17")
        )
    with at_console(browser, given, "operator") as (page, _):
        there = card(page, "保全")
        expect(there.locator("[data-test=hold]")).to_have_count(0)
        press(there)
        shown(there)
        expect(there.locator("[data-test=held]")).to_contain_text("文号 2026-17")
        expect(there.locator("[data-test=hold]")).to_have_count(0)
    with at_console(browser, given, "admin") as (page, _):
        there = card(page, "保全")
        press(there)
        shown(there)
        press(there, "hold")
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("[data-test=hold-now]")).to_contain_text("文号 2026-17")
        dialog.locator("[name=reason]").fill("结案")
        dialog.locator("[data-test=hold-yes]").click()
        expect(dialog).to_have_count(0)
        expect(there.locator("[data-test=held]")).to_have_count(0)
    assert [row["detail"]["reason"] for row in given.audited(one, "evidence.released")] == ["结案"]


def test_the_audit_names_what_was_done_with_pictures(browser: Browser, given: World) -> None:
    one = given.pictured("留痕")
    with at_console(browser, given, "admin") as (page, _):
        press(card(page, "留痕"))
        shown(card(page, "留痕"))
        page.goto(f"{given.url}/audit?object_id={incident_of(one)}")
        row = page.locator(".entries tbody tr").first
        expect(row).to_contain_text("查看画面")
        expect(row).to_contain_text("用途 核实")
        expect(row).to_contain_text("静态画面")


# ---- retention


def test_retention_rules_are_checked_asked_for_once_more_and_saved(
    browser: Browser, given: World
) -> None:
    with at_console(browser, given, "admin") as (page, _):
        page.locator("[data-test=go-retention]").click()
        expect(page.locator("[data-test=rest]")).to_contain_text("30")
        expect(page.locator("[data-test=save]")).to_be_disabled()
        page.locator("[data-test=rule-new]").click()
        page.locator("[name=hazard-0]").select_option("fire")
        page.locator("[name=days-0]").fill("181")
        page.locator("[data-test=save]").click()
        expect(page.locator("[name=days-0]")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text("须为 1 至 180 的整数")).to_be_visible()
        page.locator("[name=days-0]").fill("90")
        page.locator("[data-test=rule-new]").click()
        page.locator("[name=hazard-1]").select_option("fire")
        page.locator("[data-test=save]").click()
        expect(page.get_by_text("与另一条规则的险情和辖区相同")).to_have_count(2)
        place = page.locator("[data-test=rule]").nth(1).locator("input[role=combobox]")
        place.fill("灵隐街道")
        place.press("Enter")
        page.locator("[name=days-1]").fill("7")
        page.locator("[data-test=save]").click()
        expect(page.get_by_role("dialog")).to_contain_text("不能恢复")
        page.locator("[data-test=save-yes]").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator("[data-test=save]")).to_be_disabled()
        page.reload()
        expect(page.locator("[name=days-1]")).to_have_value("7")
        expect(place).to_have_value("灵隐街道")
        for _ in range(2):
            page.locator("[data-test=rule]").first.get_by_role("button", name="删除").click()
        page.locator("[data-test=save]").click()
        page.locator("[data-test=save-yes]").click()
        expect(page.locator("[data-test=rule]")).to_have_count(0)
    with at_console(browser, given, "operator") as (page, _):
        expect(page.locator("[data-test=go-retention]")).to_have_count(0)


# ---- elsewhere


def test_cameras_show_no_pictures(browser: Browser, given: World) -> None:
    one = given.pictured("无图")
    with at_console(browser, given, "admin") as (page, seen):
        for path in ("cameras", f"cameras/{one.camera_id}", f"cameras/{one.camera_id}/edit"):
            page.goto(f"{given.url}/{path}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            page.wait_for_load_state("networkidle")
            expect(page.locator("img, video, canvas, picture")).to_have_count(0)
        assert seen.pictures == []


@pytest.mark.parametrize("width_px", SIZES)
@pytest.mark.parametrize("looks", LOOKS)
def test_no_picture_is_wider_than_its_screen(
    browser: Browser, given: World, width_px: int, looks: str
) -> None:
    """And, with FENGSUI_SCREENSHOTS, a picture of each state for a person to look at."""
    name = f"看 {width_px} {looks}"
    given.pictured(name, clip="clip", hazard=Hazard.SMOKE)
    with at_console(browser, given, "admin", width_px=width_px, looks=looks) as (page, _):
        there = card(page, name)
        there.scroll_into_view_if_needed()
        shot(page, f"evidence-row-{width_px}-{looks}")
        press(there)
        shown(there)
        press(there, "show-moving")
        expect(there.locator("video")).to_be_visible()
        there.locator("[data-test=opened]").scroll_into_view_if_needed()
        shot(page, f"evidence-open-{width_px}-{looks}")
        press(there, "hold")
        expect(page.get_by_role("dialog").locator("[name=reason]")).to_be_visible()
        shot(page, f"evidence-hold-{width_px}-{looks}")
        page.keyboard.press("Escape")
        page.goto(f"{given.url}/retention")
        for _ in range(2):
            page.locator("[data-test=rule-new]").click()
        page.locator("[data-test=save]").click()
        shot(page, f"retention-{width_px}-{looks}")
        page.once("dialog", lambda dialog: dialog.accept())


def shot(page: Page, name: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    if SCREENSHOTS:
        page.wait_for_timeout(200)
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
