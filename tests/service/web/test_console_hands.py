"""What quick, tired or unlucky hands do at the console, in a browser."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from playwright.sync_api import APIResponse, Browser, Dialog, Page, Route, expect

from service import tables
from service.settings import ServiceSettings
from tests.service.estate import FOREIGN, OWN, camera_row, fill
from tests.service.helpers import migrated, settings_for
from tests.service.process import serving
from tests.service.signing_in import PASSWORD, Account, make_account, signed_in
from tests.support.browser import Faults, chromium

pytestmark = pytest.mark.system("chromium")

NEWER_DRILLS = 230
VILLAGES = 60
RETRY_MS = 2000
NOTHING = {"incidents": [], "more": False, "feed_cursor": 0}
RELIEF = "relief"
"""Another administrator."""
LEAVE = "已填写的内容尚未保存，确定离开吗？"
COUNT_SOURCES = """
window.sources = [];
window.EventSource = class extends EventSource {
  constructor(...given) { super(...given); window.sources.push(this); }
};
"""
OPEN_SOURCES = "sources.filter((one) => one.readyState !== EventSource.CLOSED).length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServiceSettings:
    return settings_for("redis://127.0.0.1:1/0", tmp_path_factory.mktemp("hands"))


@pytest.fixture(scope="module")
def admin(settings: ServiceSettings) -> Account:
    """An administrator of two townships, after a week of drills."""
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    with migrated(path.parent) as database:
        fill(database)
        with database.writing() as connection:
            first = connection.execute(sa.select(tables.incidents)).mappings().first()
            assert first
            drills = [
                {
                    **first,
                    "incident_id": uuid4(),
                    "drill": True,
                    "state": "closed",
                    "opened_at": first["opened_at"] + timedelta(minutes=n + 1),
                }
                for n in range(NEWER_DRILLS)
            ]
            connection.execute(sa.insert(tables.incidents), drills)
            villages = [
                {
                    "code": f"{OWN}{n:03}",
                    "parent_code": OWN,
                    "level": "village",
                    "name": f"云栖{n:03}村",
                    "path": f"/0/330100/330106/{OWN}/{OWN}{n:03}/",
                }
                for n in range(1, VILLAGES + 1)
            ]
            connection.execute(sa.insert(tables.places), villages)
            for n in range(6):
                row = camera_row(f"c-{n}", OWN) | {"sealed_credentials": "x" if n == 2 else None}
                connection.execute(sa.insert(tables.cameras), row)
        make_account(database, "admin", login=RELIEF)
        return make_account(database, "admin", login="watch")


@pytest.fixture(scope="module")
def url(settings: ServiceSettings, admin: Account) -> Iterator[str]:
    with serving(settings) as found:
        yield found


@pytest.fixture
def page(browser: Browser, url: str, admin: Account) -> Iterator[Page]:
    """A page at which the administrator is logged in."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    found = context.new_page()
    faults = Faults(url)
    faults.watch(found)
    found.goto(url)
    found.fill("[name=login]", admin.login)
    found.fill("[name=password]", admin.password)
    found.press("[name=password]", "Enter")
    expect(found.locator("#main h1")).to_have_text("实时")
    try:
        yield found
    finally:
        context.close()
    faults.none()


# ---- the live page


def test_a_waiting_incident_is_there_behind_any_number_of_newer_drills(page: Page) -> None:
    expect(page.locator("#real .incident")).to_have_count(2)
    expect(page.locator("#drill .incident")).to_have_count(200)
    expect(page.locator("[data-test=drill-cut]")).to_have_text("仅显示最近 200 起")
    expect(page.locator("[data-test=real-cut]")).to_have_count(0)
    real, drill = (page.locator(f"section.{name}").bounding_box() for name in ("real", "drill"))
    assert real
    assert drill
    assert real["width"] > drill["width"], "side by side, and the real list is the larger"


def test_nobody_reads_that_there_is_nothing_while_nothing_is_known(page: Page) -> None:
    page.route("**/api/feed*", lambda route: route.fulfill(status=404))
    page.route("**/api/incidents*", lambda route: route.fulfill(json=NOTHING))
    page.reload()
    expect(page.locator("#link")).to_have_attribute("data-state", "reconnecting")
    expect(page.get_by_text("可能有新情况没有显示")).to_have_count(2)
    expect(page.get_by_text("目前没有事件")).to_have_count(0)


def test_a_live_page_left_while_it_loads_opens_no_feed(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    page.add_init_script(COUNT_SOURCES)
    page.route("**/api/incidents*", hold, times=1)
    with page.expect_request("**/api/incidents*"):
        page.reload()
    page.locator("[data-test=go-places]").click()
    expect(page.locator("#main h1")).to_have_text("辖区")
    with page.expect_response(lambda one: "drill=true" in one.url):
        held[0].continue_()
    page.wait_for_timeout(500)
    assert page.evaluate(OPEN_SOURCES) == 0


def test_a_login_over_the_live_page_leaves_one_feed_open(page: Page) -> None:
    page.add_init_script(COUNT_SOURCES)
    page.reload()
    link = page.locator("#link")
    expect(link).to_have_attribute("data-state", "live")
    page.context.clear_cookies()
    page.evaluate("sources.at(-1).dispatchEvent(new Event('error'))")
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.locator("[name=password]").press("Enter")
    expect(link).to_have_attribute("data-state", "live")
    page.wait_for_timeout(RETRY_MS + 500)
    assert page.evaluate(OPEN_SOURCES) == 1
    page.locator("[data-test=go-places]").click()
    expect(page.locator("#main h1")).to_have_text("辖区")
    assert page.evaluate(OPEN_SOURCES) == 0


def test_a_refusal_that_comes_after_the_next_login_opens_no_dialog_again(page: Page) -> None:
    page.add_init_script(COUNT_SOURCES)
    page.reload()
    link = page.locator("#link")
    expect(link).to_have_attribute("data-state", "live")
    late: list[tuple[Route, APIResponse]] = []
    page.context.clear_cookies()
    page.route("**/api/status", lambda route: late.append((route, route.fetch())), times=1)
    with page.expect_request("**/api/status"):
        page.evaluate("sources.at(-1).dispatchEvent(new Event('error'))")
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.locator("[name=password]").press("Enter")
    expect(link).to_have_attribute("data-state", "live")
    [(route, refusal)] = late
    assert refusal.status == 401
    with page.expect_response(lambda one: "/api/status" in one.url and one.ok):
        route.fulfill(response=refusal)
    expect(dialog).to_have_count(0)


# ---- the place chooser


def account_sheet(page: Page, url: str) -> Page:
    page.goto(f"{url}/accounts")
    page.locator("[data-test=account-new]").click()
    return page


def test_quick_fingers_never_choose_what_was_not_asked_for(page: Page, url: str) -> None:
    box = account_sheet(page, url).locator("input[role=combobox]").last
    box.click()
    expect(page.get_by_role("option", name="全部")).to_be_visible()
    box.press("Enter")
    box.type("楼塔镇", delay=10)
    box.press("Enter")
    expect(page.locator(".chosen")).to_have_text("楼塔镇")
    box.type("云栖", delay=10)
    box.press("Enter")
    expect(page.locator("[role=option]")).not_to_have_count(0)
    expect(page.locator(".chosen")).to_have_count(1)
    box.press("ArrowDown")
    box.press("Enter")
    expect(page.locator(".chosen")).to_have_count(2)


def test_a_late_answer_to_an_earlier_question_chooses_nothing(page: Page, url: str) -> None:
    """The first, empty search finds the whole installation; it comes after a name was typed."""
    page.goto(f"{url}/cameras/new")
    box = page.locator("form input[role=combobox]")
    for _ in range(5):
        box.fill("楼塔镇")
        box.press("Enter")
        page.locator("[name=owner]").click()
        expect(box).to_have_value("楼塔镇")
        page.get_by_role("button", name="清除所选辖区").click()


def test_the_enter_of_an_input_method_chooses_nothing(page: Page, url: str) -> None:
    box = account_sheet(page, url).locator("input[role=combobox]").last
    box.fill("楼塔镇")
    expect(page.locator("[role=option]")).to_have_count(1)
    box.evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    expect(page.locator(".chosen")).to_have_count(0)
    box.press("Enter")
    expect(page.locator(".chosen")).to_have_count(1)


def test_what_names_no_place_stays_and_is_marked(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras/new")
    box = page.locator("form input[role=combobox]")
    box.click()
    box.type("楼塔")
    page.locator("[name=owner]").click()
    expect(box).to_have_value("楼塔")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("请从列表中选择", exact=True)).to_be_visible()
    box.fill("楼塔镇")
    page.locator("[name=owner]").click()
    expect(box).not_to_have_attribute("aria-invalid", "true")
    expect(box).to_have_value("楼塔镇")
    expect(page.get_by_role("button", name="清除所选辖区")).to_be_visible()


def test_a_place_half_typed_is_not_left_out_of_an_account(page: Page, url: str) -> None:
    sheet = account_sheet(page, url).get_by_role("dialog")
    sheet.locator("[name=new-login]").fill("half")
    sheet.locator("[name=new-name]").fill("半")
    box = sheet.locator("input[role=combobox]").last
    box.fill("楼塔镇")
    box.press("Enter")
    expect(page.locator(".chosen")).to_have_count(1)
    box.fill("云栖")
    sheet.get_by_role("button", name="保存").click()
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(sheet.locator("[data-secret]")).to_have_count(0)


def test_the_active_place_is_in_sight_and_more_are_announced(page: Page, url: str) -> None:
    box = account_sheet(page, url).locator("input[role=combobox]").last
    box.fill("云栖")
    expect(page.locator("[role=option]")).to_have_count(50)
    expect(page.locator("[data-test=more-places]")).to_have_text("还有更多，请继续输入")
    for _ in range(30):
        box.press("ArrowDown")
    active = page.locator("[role=option][aria-selected=true]")
    expect(active).to_be_in_viewport(ratio=0.9)
    box_of_list, option = page.get_by_role("listbox").bounding_box(), active.bounding_box()
    assert box_of_list
    assert option
    assert option["y"] + option["height"] <= box_of_list["y"] + box_of_list["height"] + 1
    assert option["height"] < 56, "two lines"


def test_a_place_typed_whole_is_saved_at_once(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras/c-0/edit")
    page.locator("form input[role=combobox]").fill("楼塔镇")
    page.locator("[data-test=save]").click()
    expect(page.get_by_text("杭州市 › 萧山区 › 楼塔镇")).to_be_visible()
    sheet = account_sheet(page, url).get_by_role("dialog")
    sheet.locator("[name=new-login]").fill("whole")
    sheet.locator("[name=new-name]").fill("整")
    sheet.locator("input[role=combobox]").last.fill("楼塔镇")
    sheet.get_by_role("button", name="保存").click()
    expect(sheet.locator("[data-secret]")).to_be_visible()


# ---- cameras


def edit_elsewhere(url: str, who: Account, camera_id: str, changes: dict[str, object]) -> None:
    with signed_in(url, who) as client:
        path = f"/api/cameras/{camera_id}"
        headers = {"If-Match": client.get(path).headers["etag"]}
        answer = client.patch(path, json=changes, headers=headers)
        assert answer.status_code == 200, answer.text


def test_a_conflict_comes_into_sight_and_says_why_nothing_can_be_saved(
    page: Page, url: str, admin: Account
) -> None:
    page.goto(f"{url}/cameras/c-1/edit")
    page.check("input[value=smoke]")
    edit_elsewhere(url, admin, "c-1", {"owner": "灵隐街道办事处"})
    page.locator("[data-test=save]").click()
    meanwhile = page.locator("[data-test=meanwhile]")
    expect(meanwhile).to_be_focused()
    expect(meanwhile).to_be_in_viewport()
    expect(page.locator("[data-test=save]")).to_be_disabled()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("[data-test=to-meanwhile]").click()
    expect(meanwhile).to_be_in_viewport()


def test_credentials_that_somebody_else_may_have_set_are_not_overwritten(
    page: Page, url: str, admin: Account
) -> None:
    page.goto(f"{url}/cameras/c-2/edit")
    page.check("input[name=credentials][value=give]")
    page.fill("[name=camera_user]", "mine")
    page.fill("[name=camera_password]", "my own password")
    edit_elsewhere(url, admin, "c-2", {"credentials": {"user": "theirs", "password": "another"}})
    page.locator("[data-test=save]").click()
    row = page.locator("[data-test=meanwhile-credentials]")
    expect(row).to_contain_text("可能已更换")
    expect(row).to_contain_text("更换")
    page.locator("[data-test=meanwhile] .button.main").click()
    expect(page.locator("input[name=credentials][value=keep]")).to_be_checked()
    expect(page.locator("[data-test=held-back]")).to_be_visible()
    page.check("input[name=credentials][value=give]")
    expect(page.locator("[name=camera_user]")).to_have_value("mine")


def fill_camera(page: Page, name: str) -> None:
    for field, text in {
        "name": name,
        "longitude": "120.130663",
        "latitude": "30.259247",
        "main_url": "rtsp://192.0.2.1/main",
    }.items():
        page.fill(f"[name={field}]", text)
    page.check("[name=sign_confirmed]")


def test_untouched_fields_are_asked_for_by_what_they_want(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras/new")
    page.locator("[data-test=save]").click()
    expect(page.locator("[name=name]")).to_be_focused()
    faults = page.locator(".field .fault")
    expect(faults).to_have_count(11)
    said = sorted(faults.all_inner_texts())
    assert said.count("请选择") == 2, said
    assert said.count("请填写此项") == 8, said
    page.fill("[name=name]", "北坡")
    expect(faults).to_have_count(10)


def test_cameras_of_one_place_are_registered_in_a_row(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras/new")
    box = page.locator("form input[role=combobox]")
    box.fill("楼塔镇")
    page.locator("[role=option]").click()
    page.select_option("[name=place_type]", "slope")
    for field in ("owner", "purpose", "legal_basis"):
        page.fill(f"[name={field}]", f"同一{field}")
    page.fill("[name=contact_number]", "0571-88888888")
    fill_camera(page, "一号")
    page.fill("[name=camera_user]", "gate")
    page.fill("[name=camera_password]", "secret")
    page.locator("[data-test=save-next]").click()
    expect(page.get_by_text("“一号”已保存")).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value("")
    expect(page.locator("[name=name]")).to_be_focused()
    for field in ("longitude", "main_url", "camera_user", "camera_password"):
        expect(page.locator(f"[name={field}]")).to_have_value("")
    expect(page.locator("[name=sign_confirmed]")).not_to_be_checked()
    expect(page.locator("[name=owner]")).to_have_value("同一owner")
    expect(page.locator("[name=place_type]")).to_have_value("slope")
    fill_camera(page, "二号")
    page.locator("[data-test=save]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("二号")
    expect(page.get_by_text("杭州市 › 萧山区 › 楼塔镇")).to_be_visible()


def staying(page: Page) -> list[str]:
    """Answer every question whether to leave with no; returns what is asked."""
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message or dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    return asked


def test_a_half_filled_form_is_not_left_by_a_wrong_click(page: Page, url: str) -> None:
    asked = staying(page)
    page.goto(f"{url}/cameras/new")
    page.fill("[name=name]", "半")
    page.locator("[data-test=go-live]").click()
    expect(page.locator("[name=name]")).to_have_value("半")
    page.fill("[name=name]", "")
    page.goto(f"{url}/accounts")
    page.locator("[data-test=account-new]").click()
    page.fill("[name=new-name]", "半")
    page.keyboard.press("Escape")
    expect(page.locator("[name=new-name]")).to_have_value("半")
    assert asked == [LEAVE] * 2
    page.fill("[name=new-name]", "")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_was_typed_about_a_camera_is_not_saved_to_another(
    page: Page, url: str, admin: Account
) -> None:
    page.goto(f"{url}/cameras/c-4/edit")
    page.locator(".actions a").click()
    page.locator("[data-test=go-cameras]").click()
    page.locator("[role=grid] a[href='/cameras/c-5']").click()
    page.locator("a[href='/cameras/c-5/edit']").click()
    owner = page.locator("[name=owner]")
    owner.fill("五号的")
    asked = staying(page)
    here = page.evaluate("history.state.position")
    page.evaluate("history.go(-4)")
    page.wait_for_function("here => history.state.position === here", arg=here)
    expect(page).to_have_url(f"{url}/cameras/c-5/edit")
    expect(owner).to_have_value("五号的")
    owner.fill("village")
    page.evaluate("history.go(-4)")
    expect(page).to_have_url(f"{url}/cameras/c-4/edit")
    expect(page.locator("form a[href='/cameras/c-4']").first).to_be_visible()
    owner.fill("四号的")
    page.locator("[data-test=save]").click()
    expect(page).to_have_url(f"{url}/cameras/c-4")
    assert asked == [LEAVE]
    with signed_in(url, admin) as client:
        owners = [client.get(f"/api/cameras/c-{n}").json()["owner"] for n in (4, 5)]
    assert owners == ["四号的", "village"]


# ---- whose page it is


@pytest.mark.parametrize("where", ["in the dialog", "in another window"])
def test_nobody_goes_on_in_a_page_that_holds_what_another_typed(
    page: Page, url: str, where: str
) -> None:
    asked, sent = staying(page), list[str]()
    page.goto(f"{url}/cameras/c-3/edit")
    page.fill("[name=owner]", "甲填的")
    page.context.clear_cookies()
    page.locator("[data-test=save]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.on("request", lambda one: sent.append(one.method))
    if where == "in the dialog":
        login = dialog.locator("[name=login]")
        login.evaluate("box => { box.readOnly = false; }")
        login.fill(RELIEF)
        dialog.locator("[name=password]").fill(PASSWORD)
        dialog.locator("[name=password]").press("Enter")
    else:
        body = {"login": RELIEF, "password": PASSWORD}
        assert page.context.request.post(f"{url}/api/session", data=body).ok
        page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator("[data-test=me]")).to_contain_text(RELIEF)
    expect(page.locator("[name=owner]")).to_have_value("village")
    expect(dialog).to_have_count(0)
    assert asked == []
    assert "PATCH" not in sent


def test_logging_out_asks_before_what_was_typed_goes(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras/new")
    page.fill("[name=name]", "半")
    asked = staying(page)
    page.locator("[data-test=me]").click()
    page.locator("[data-test=log-out]").click()
    expect(page.locator("[name=name]")).to_have_value("半")
    assert asked == [LEAVE]
    assert page.evaluate("fetch('/api/session').then((one) => one.status)") == 200
    page.fill("[name=name]", "")
    page.locator("[data-test=me]").click()
    page.locator("[data-test=log-out]").click()
    expect(page.locator("[name=login]")).to_be_visible()
    assert asked == [LEAVE]


# ---- the audit, the tree


def test_an_import_of_a_thousand_places_is_no_long_row(
    page: Page, url: str, admin: Account
) -> None:
    rows = [f"{FOREIGN}{n:03},山村{n:03},{FOREIGN}" for n in range(1, 999)]
    with signed_in(url, admin) as client:
        body = "\n".join(["代码,名称,上级代码", *rows]).encode()
        headers = {"Content-Type": "text/csv"}
        answer = client.post("/api/places/import?dry_run=false", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
    page.goto(f"{url}/audit?action=place.imported")
    page.get_by_role("button", name="全部内容").first.click()
    detail = page.locator("[data-test=detail]").first
    expect(detail.locator("li li")).not_to_have_count(0)
    shape = detail.bounding_box()
    assert shape
    assert shape["height"] <= 320
    item = detail.locator("li li").last.bounding_box()
    assert item
    assert item["height"] < 30, "one place a line"


def test_the_audit_tells_set_from_replaced_and_keeps_words_whole(
    page: Page, url: str, admin: Account
) -> None:
    with signed_in(url, admin) as client:
        row = client.get("/api/cameras/c-3").json()
        names = ("programme", "place_type", "purpose", "legal_basis", "owner", "contact_number")
        new = {
            **{name: row[name] for name in names},
            "name": "审计",
            "place_code": OWN,
            "sign_confirmed": True,
            "position": {"longitude": 120.1, "latitude": 30.2, "coordinate_system": "wgs84"},
            "main_url": "rtsp://192.0.2.7/main",
            "hazards": ["fire"],
            "credentials": {"user": "gate", "password": "secret"},
        }
        made = client.post("/api/cameras", json=new)
        assert made.status_code == 201, made.text
    camera_id = made.json()["camera_id"]
    edit_elsewhere(url, admin, camera_id, {"credentials": {"user": "b", "password": "other"}})
    page.goto(f"{url}/audit?object_id={camera_id}")
    details = page.locator("[data-test=detail]")
    expect(details.first).to_contain_text("已更换")
    expect(details.last).to_contain_text("用户名和密码 已设置")
    expect(details.last).to_contain_text("rtsp://192.0.2.7/main")
    for cell in page.locator("tbody td:nth-child(3), tbody td:nth-child(4)").all():
        shape = cell.bounding_box()
        assert shape
        assert cell.evaluate("td => td.scrollWidth <= td.clientWidth")
        lines = "td => { const r = document.createRange(); r.selectNodeContents(td);"
        lines += " return new Set([...r.getClientRects()].map((one) => one.top)).size; }"
        assert cell.evaluate(lines) == 1, cell.inner_text()


def test_the_audit_tells_a_verdict_in_words(page: Page, url: str, admin: Account) -> None:
    with signed_in(url, admin) as client:
        incident_id = client.get("/api/incidents?drill=false").json()["incidents"][0]["incident_id"]
        said = {"verdict": "false", "reason": "lamp", "note": "岗亭的灯"}
        for each in (said, {**said, "reason": "sunset"}):
            answer = client.post(f"/api/incidents/{incident_id}/verdict", json=each)
            assert answer.status_code == 200, answer.text
    page.goto(f"{url}/audit?object_id={incident_id}")
    newest = page.locator("[data-test=detail]").first
    for line in ("判定 误报", "误报原因 夕阳", "原判定 误报 · 灯光", "备注 有（不存入审计）"):
        expect(newest).to_contain_text(line)


def test_the_whole_installation_is_called_in_one_language(page: Page, url: str) -> None:
    page.goto(f"{url}/places")
    expect(page.get_by_role("treeitem").first).to_contain_text("全部")
    expect(page.locator("#main")).not_to_contain_text("全部 All")
    page.locator("[data-test=language]").click()
    expect(page.get_by_role("treeitem").first).to_contain_text("Everywhere")
    family = page.evaluate("getComputedStyle(document.body).fontFamily")
    assert family.index("Segoe UI") < family.index("Noto Sans SC")


def test_a_one_time_password_is_typed_once_and_kept_nowhere(
    browser: Browser, url: str, admin: Account
) -> None:
    with signed_in(url, admin) as client:
        body = {"login": "fresh", "name": "新", "role": "integrator", "places": [OWN]}
        once = client.post("/api/accounts", json=body).json()["one_time_password"]
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    page = context.new_page()
    page.goto(url)

    def log_in() -> None:
        page.fill("[name=login]", "fresh")
        page.fill("[name=password]", once)
        page.press("[name=password]", "Enter")
        expect(page.locator("[name=new]")).to_be_visible()

    log_in()
    expect(page.locator("[name=current]")).to_have_count(0)
    stored = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert once not in page.evaluate(stored)
    page.reload()
    expect(page.locator("[name=current]")).to_be_visible()
    context.clear_cookies()
    page.reload()
    log_in()
    page.fill("[name=new]", once)
    page.fill("[name=repeat]", once)
    page.press("[name=repeat]", "Enter")
    rules = page.locator(".rules li")
    expect(rules.nth(0)).to_have_text("至少 12 个字符——已满足")
    expect(rules.nth(3)).to_have_text("与当前密码不同——还未满足")
    for name in ("new", "repeat"):
        page.fill(f"[name={name}]", PASSWORD)
    page.press("[name=repeat]", "Enter")
    expect(page.locator("[data-test=go-cameras]")).to_be_visible()
    page.locator("[data-test=me]").click()
    page.get_by_role("link", name="修改密码").click()
    expect(page.locator("[name=current]")).to_be_visible()
    context.close()


def test_an_account_disabled_while_it_works_can_leave(
    browser: Browser, url: str, admin: Account
) -> None:
    with signed_in(url, admin) as client:
        body = {"login": "brief", "name": "短", "role": "integrator", "places": [OWN]}
        made = client.post("/api/accounts", json=body)
        assert made.status_code == 201, made.text
        account, once = made.json(), made.json()["one_time_password"]
        context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
        other = context.new_page()
        other.goto(url)
        other.fill("[name=login]", "brief")
        other.fill("[name=password]", once)
        other.press("[name=password]", "Enter")
        for name in ("new", "repeat"):
            other.fill(f"[name={name}]", PASSWORD)
        other.press("[name=repeat]", "Enter")
        other.locator("[data-test=go-cameras]").click()
        other.locator("[data-test=camera-new]").click()
        other.fill("[name=name]", "半")
        headers = {"If-Match": client.get(f"/api/accounts/{account['account_id']}").headers["etag"]}
        gone = client.delete(f"/api/accounts/{account['account_id']}", headers=headers)
        assert gone.status_code in {200, 204}, gone.text
        other.locator("[data-test=save]").click()
        dialog = other.get_by_role("dialog")
        dialog.locator("[name=password]").fill(PASSWORD)
        dialog.locator("[name=password]").press("Enter")
        expect(dialog).to_contain_text("账号或密码不正确")
        asked = staying(other)
        dialog.get_by_role("button", name="放弃并离开页面").click()
        expect(other.locator("main [name=login]")).to_be_visible()
        assert asked == [], "giving up was said already"
        context.close()
