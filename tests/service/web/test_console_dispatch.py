"""Where orders go and who is on duty, at the console: routes, dry run, policies, handover."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.service.web.centre_parts import Centre, at, centre
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
    with centre(tmp_path_factory.mktemp("dispatch")) as found:
        yield found


def test_a_route_is_made_tried_and_seen_by_who_may_only_read(
    browser: Browser, given: Centre
) -> None:
    with at(browser, given, "/dispatch", who="admin") as page:
        expect(page.locator("[data-test=no-routes]")).to_be_visible()
        page.locator("[data-test=route-new]").click()
        page.locator("[data-test=route-put]").click()
        expect(page.locator("dialog [name=route-name]")).to_be_focused()
        page.fill("[name=route-name]", "山火归消防")
        page.locator("[name=hazards][value=fire]").check()
        page.locator("[name=targets][value=dispatch]").check()
        page.locator("[data-test=route-put]").click()
        page.locator("[data-test=routes-save]").click()
        expect(page.get_by_text("派单规则已保存")).to_be_visible()
        page.locator("[data-test=try-go]").click()
        expect(page.locator("[data-target=dispatch] >> nth=0")).to_contain_text("山火归消防")
        page.select_option("[name=try-hazard]", "smoke")
        page.locator("[data-test=try-go]").click()
        expect(page.locator("[data-test=no-target]")).to_be_visible()
        expect(page.locator("[data-test=tried-route]")).to_contain_text("不含该险情")
    with at(browser, given, "/dispatch") as page:
        expect(page.locator("[data-test=route]")).to_contain_text("山火归消防")
        expect(page.locator("[data-test=routes-save]")).to_have_count(0)


def test_two_people_at_the_routes_neither_overwrites_the_other(
    browser: Browser, given: Centre
) -> None:
    with at(browser, given, "/dispatch", who="admin") as page:
        page.locator("[data-test=route-new]").click()
        page.fill("[name=route-name]", "第二条")
        page.locator("[name=targets][value=dispatch]").check()
        page.locator("[data-test=route-put]").click()
        client = given.clients["admin"]
        path = "/api/dispatch/routes"
        headers = {"If-Match": client.get(path).headers["etag"]}
        routes = {"routes": [{"name": "别人的", "targets": ["dispatch"]}]}
        assert client.put(path, json=routes, headers=headers).status_code == 200
        page.locator("[data-test=routes-save]").click()
        expect(page.get_by_text("其他人刚刚修改过")).to_be_visible()
        expect(page.locator("[data-test=route]").last).to_contain_text("第二条")
        page.get_by_role("button", name="读取最新规则").click()
        expect(page.locator("[data-test=route]")).to_have_count(1)
        expect(page.locator("[data-test=route]")).to_have_text(
            "1别人的全部辖区 · 全部险情→ 默认通道 (dispatch)编辑删除"
        )


def test_what_goes_without_a_person_is_asked_twice(browser: Browser, given: Centre) -> None:
    with at(browser, given, "/dispatch", who="admin") as page:
        expect(page.locator("[data-test=policy-rest]")).to_contain_text("摄像机故障")
        page.locator("[data-test=policy-new]").click()
        page.select_option("[name=policy-how-0]", label="不经确认直接派单")
        page.locator("[data-test=policies-save]").click()
        expect(page.get_by_role("dialog")).to_contain_text("明火 · 全部辖区")
        page.get_by_role("dialog").get_by_role("button", name="取消").click()
        assert given.clients["admin"].get("/api/dispatch/policies").json()["policies"] == []
        page.locator("[data-test=policies-save]").click()
        page.locator("[data-test=policies-yes]").click()
        expect(page.get_by_text("对新发现的事件生效")).to_be_visible()
        page.locator("[data-test=policy] .button").click()
        page.locator("[data-test=policies-save]").click()
        expect(page.locator("[data-test=policy]")).to_have_count(0)


def test_a_shift_is_handed_over_and_signed_by_both(browser: Browser, given: Centre) -> None:
    incident = given.incident("交班时还开着")
    mine = str(given.people["operator"].account_id)
    given.act(incident, "assign", assignee=mine)
    with at(browser, given, "/duty") as page:
        page.locator("[data-test=handover-new]").click()
        page.select_option("[name=to]", "second")
        page.fill("[name=handover-note]", "北坡烟点继续盯")
        page.locator("[data-test=handover-give]").click()
        expect(page.locator("[data-test=listed]")).to_contain_text("交班时还开着")
        expect(page.locator("[data-test=handover-state]")).to_contain_text("待签收")
    with at(browser, given, "/duty", who="second") as page:
        page.locator("[data-test=to-sign] button").click()
        expect(page.get_by_role("dialog")).to_contain_text("北坡烟点继续盯")
        page.locator("[data-test=sign]").click()
        expect(page.locator("[data-test=handover-state]")).to_contain_text("已签收")
    assert given.of(incident).json()["assigned_to"] == str(given.people["second"].account_id)


def test_deadlines_and_a_roster_are_set(browser: Browser, given: Centre) -> None:
    with at(browser, given, "/duty", who="admin") as page:
        page.locator("[data-test=clock-new]").click()
        page.select_option("[name=clock-hazard-0]", "fire")
        page.fill("[name=seen_s-0]", "5")
        page.locator("[data-test=clocks-save]").click()
        expect(page.locator("[data-test=clock-rule]")).to_contain_text("10 到 86400")
        page.fill("[name=seen_s-0]", "30")
        page.locator("[data-test=clocks-save]").click()
        expect(page.get_by_text("时限已保存")).to_be_visible()
        page.locator("[data-test=shift-new]").click()
        page.locator("[data-test=roster-save]").click()
        expect(page.get_by_text("每个班次要有账号")).to_be_visible()
        page.fill("[name=shift-name-0]", "值班室")
        page.fill("[name=shift-number-0]", "0571-88888888")
        page.fill("[name=shift-from-0]", "00:00")
        page.fill("[name=shift-to-0]", "00:00")
        page.locator("[data-test=roster-save]").click()
        expect(page.locator("[data-test=post]").last).to_contain_text("值班室")
    incident = given.incident("自定时限")
    with at(browser, given, f"/incidents/{incident}") as page:
        expect(page.locator("[data-clock=seen]")).to_contain_text("限 0:30")


@pytest.mark.parametrize("width_px", HEIGHTS_PX)
@pytest.mark.parametrize("language", LANGUAGES)
def test_they_fit_their_screen(
    browser: Browser, given: Centre, width_px: int, language: str
) -> None:
    for path in ("dispatch", "duty"):
        with at(
            browser, given, f"/{path}", who="admin", width_px=width_px, language=language
        ) as page:
            expect(
                page.locator("[data-test=clock-rules] table, [data-test=policies] table").first
            ).to_be_visible()
            shot(page, f"{path}-{width_px}-{language}")
            if width_px == 390:
                assert page.evaluate(SMALL) == [], path
        if path == "dispatch":
            with at(
                browser, given, "/dispatch", who="admin", width_px=width_px, language=language
            ) as page:
                page.locator("[data-test=route-new]").click()
                shot(page, f"route-{width_px}-{language}")
