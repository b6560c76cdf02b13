"""The incident page: what can be done, who was faster, what was typed, what is a drill."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from service.incidents.action_models import REASONS, Action
from service.incidents.actions import KINDS
from service.incidents.lifecycle import IncidentState, allowed
from tests.service.web.centre_parts import Centre, at, centre
from tests.service.web.test_console import sources, words
from tests.service.web.test_console_pages import SMALL, shot
from tests.service.web.visits import HEIGHTS_PX, LANGUAGES
from tests.support.browser import chromium

pytestmark = pytest.mark.system("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with centre(tmp_path_factory.mktemp("incident")) as found:
        yield found


def press(page: Page, deed: str) -> None:
    page.locator(f"[data-deed={deed}]:not([aria-disabled])").click()


def state(page: Page, said: str) -> None:
    expect(page.locator("[data-test=state]")).to_have_text(said)


def names(said: str) -> set[str]:
    return set(re.findall(r'"(\w+)"', said))


def test_the_page_offers_what_the_service_allows_and_no_more() -> None:
    text = sources(".ts")["pages/incident/deeds.ts"]
    lists = {
        name: names(said) for name, said in re.findall(r"const (OPEN|OVER).*?= \[(.*?)\]", text)
    }
    table = text.partition("const POSSIBLE = {")[2].partition("}")[0]
    assert set(re.findall(r"^  (\w+):", table, re.MULTILINE)) == set(Action)
    for action, said in re.findall(r"^  (\w+): (.*),$", table, re.MULTILINE):
        offered = names(said) | {one for name in lists if name in said for one in lists[name]}
        kind = KINDS.get(Action(action))
        if action not in {Action.NOTE, Action.SPLIT, Action.MERGE}:
            assert offered == {one for one in IncidentState if kind in allowed(one)}, action
    for action, reasons in REASONS.items():
        said = re.search(rf"^  {action}: \[(.*)\],$", text.partition("REASONS")[2], re.MULTILINE)
        assert said
        assert names(said[1]) == reasons


def test_from_the_live_card_to_on_site_one_press_each(browser: Browser, given: Centre) -> None:
    incident = given.incident("一路到底")
    with at(browser, given, "/live") as page:
        card = page.locator(".incident").filter(has_text="一路到底")
        expect(card).to_contain_text("待查看 · 无人负责")
        card.locator("[data-test=open-incident]").click()
        page.wait_for_url(f"**/incidents/{incident}")
        expect(page.locator("[data-clock=seen]")).to_have_attribute("data-standing", "running")
        press(page, "see")
        state(page, "已查看")
        expect(page.locator("[data-test=result]")).to_contain_text("您看到了")
        expect(page.locator("[data-test=result]")).to_be_focused()
        expect(page.locator("[data-clock=seen]")).to_have_attribute("data-standing", "kept")
        page.fill("[name=note]", "浓烟在北坡")
        press(page, "confirm")
        state(page, "已确认")
        expect(page.locator("[name=note]")).to_have_value("")
        expect(page.locator("[data-step=confirmed]")).to_contain_text("浓烟在北坡")
        press(page, "dispatch")
        expect(page.locator("[data-target=dispatch]")).to_contain_text("默认通道")
        page.locator("[data-test=deed-yes]").click()
        state(page, "已派单")
        expect(page.locator("[data-clock=sent]")).to_have_attribute("data-standing", "kept")
        expect(page.locator("[data-test=orders]")).to_contain_text("已发出")
        press(page, "arrive")
        state(page, "已到场")
        press(page, "close")
        page.locator("[data-test=deed-yes]").click()
        expect(page.get_by_text("请选择原因")).to_be_visible()
        page.get_by_label("已处置").check()
        page.locator("[data-test=deed-yes]").click()
        state(page, "已关闭")
        expect(page.locator("[data-step=closed]")).to_contain_text("已处置")
        expect(page.locator("[data-deed=reopen]")).to_be_visible()
        expect(page.locator("[data-deed=confirm]")).to_have_count(0)


def test_a_double_click_decides_one_thing(browser: Browser, given: Centre) -> None:
    incident = given.incident("手快一下")
    with at(browser, given, f"/incidents/{incident}") as page:
        page.locator("[data-deed=see]").dblclick()
        state(page, "已查看")
        page.wait_for_timeout(900)
        assert given.of(incident).json()["state"] == "seen"


def test_of_two_operators_one_wins_and_the_other_keeps_what_was_typed(
    browser: Browser, given: Centre
) -> None:
    incident = given.incident("两人同时")
    path = f"/incidents/{incident}"
    with at(browser, given, path) as one, at(browser, given, path, who="second") as other:
        for page in (one, other):
            state(page, "待查看")
        other.fill("[name=note]", "看着像路灯")
        press(other, "dismiss")
        other.get_by_label("灯光", exact=True).check()
        # As it stood when the sheet was opened.
        old = given.of(incident).text
        other.route(
            f"**/api/incidents/{incident}",
            lambda route: route.fulfill(body=old, content_type="application/json"),
        )
        press(one, "confirm")
        state(one, "已确认")
        other.locator("[data-test=deed-yes]").click()
        conflict = other.locator("[data-test=conflict]")
        expect(conflict).to_contain_text("operator 抢先一步")
        expect(conflict).to_contain_text("“已确认”")
        expect(other.locator("[name=sheet-note]")).to_have_value("看着像路灯")
        expect(other.get_by_label("灯光", exact=True)).to_be_checked()
        assert given.of(incident).json()["state"] == "confirmed"
        other.unroute(f"**/api/incidents/{incident}")
        state(other, "已确认")
        other.locator("[data-test=deed-yes]:not([aria-disabled])").click()
        state(other, "误报")
        state(one, "误报")
        expect(one.locator("[data-step=dismissed]")).to_contain_text("灯光 · second")


def test_a_sheet_that_is_left_gives_the_focus_back(browser: Browser, given: Centre) -> None:
    incident = given.incident("只用键盘")
    with at(browser, given, f"/incidents/{incident}") as page:
        expect(page.locator("[data-test=where]")).to_have_text("只用键盘 · 灵隐街道")
        expect(page.locator("[data-test=history] h2")).to_contain_text("UTC")
        for leave in ("Escape", "Enter"):  # the first button closes
            page.locator("[data-deed=dismiss]").focus()
            page.keyboard.press("Enter")
            expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text("误报")
            page.keyboard.press(leave)
            expect(page.get_by_role("dialog")).to_have_count(0)
            expect(page.locator("[data-deed=dismiss]")).to_be_focused()


def test_a_receipt_says_which_it_was(browser: Browser, given: Centre) -> None:
    incident = given.incident("回执是什么")
    order = given.sent(incident)
    said = {"receipt_id": str(uuid4()), "kind": "accepted", "at": "2026-01-01T00:00:00Z"}
    answer = given.clients["operator"].post(f"/api/orders/{order}/receipts", json=said)
    assert answer.status_code == 200, answer.text
    with at(browser, given, f"/incidents/{incident}") as page:
        expect(page.locator("[data-step=receipt]")).to_contain_text("回执 · 已接单")


def test_it_is_given_to_a_colleague_who_sees_that_it_is_theirs(
    browser: Browser, given: Centre
) -> None:
    incident = given.incident("交给别人")
    with at(browser, given, f"/incidents/{incident}") as page:
        press(page, "assign")
        page.get_by_label("second 某").check()
        page.locator("[data-test=deed-yes]").click()
        expect(page.locator("[data-test=holder]")).to_have_text("second 某")
    with at(browser, given, "/live", who="second") as page:
        expect(page.locator(".incident").filter(has_text="交给别人")).to_contain_text("· 我")


def test_a_drill_can_t_be_taken_for_real_and_who_may_only_look_decides_nothing(
    browser: Browser, given: Centre
) -> None:
    incident = given.incident("演练机", drill=True)
    with at(browser, given, f"/incidents/{incident}", who="viewer") as page:
        expect(page.locator("[data-test=drill]")).to_contain_text("不会派出真人")
        expect(page.locator("[data-step=confirmed]")).to_contain_text("系统（演练）")
        expect(page.locator("[data-test=clocks]")).to_have_count(0)
        expect(page.locator("[data-deed]")).to_have_count(0)
        expect(page.get_by_text("只能查看")).to_be_visible()


@pytest.mark.parametrize("width_px", HEIGHTS_PX)
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_fits_its_screen_with_each_sheet(
    browser: Browser, given: Centre, width_px: int, language: str
) -> None:
    incident = given.incident(f"一个名字很长很长的摄像机，在山坡上 {width_px} {language}")
    given.act(incident, "confirm", "note", note="北坡有烟\n已电话通知")
    path = f"/incidents/{incident}"
    with at(browser, given, path, width_px=width_px, language=language) as page:
        for deed in ("dispatch", "dismiss", "assign", "merge"):
            press(page, deed)
            expect(page.locator(f"[data-sheet={deed}]")).to_be_visible()
            shot(page, f"incident-{deed}-{width_px}-{language}")
            if width_px == 390:
                assert page.evaluate(SMALL) == [], deed
            page.locator(".dialog-head button").click()
        shot(page, f"incident-{width_px}-{language}")


def test_every_deed_has_its_words() -> None:
    said = set(words("zh"))
    for action in Action:
        assert {f"deed.{action}", f"deed_done.{action}"} <= said
