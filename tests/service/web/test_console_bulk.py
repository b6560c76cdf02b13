"""Many cameras at once, in a browser: filters, views, rows that are picked, edits and probes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Locator, Page, expect

from service import tables
from service.settings import ServiceSettings
from tests.service.estate import FOREIGN, OWN, camera_row, fill
from tests.service.helpers import migrated, settings_for
from tests.service.process import serving
from tests.service.signing_in import Account, make_account
from tests.service.web.test_console import words
from tests.service.web.test_console_pages import shot
from tests.service.web.visits import HEIGHTS_PX, LANGUAGES, session_of, visiting
from tests.support.browser import chromium

pytestmark = pytest.mark.system("chromium")

CAMERAS = 700
"""More than one request of a bulk edit takes."""
ROADS = 40
UNREACHABLE = 7
FOUND = {"url": "rtsp://192.0.2.1/sub", "found_by": "onvif"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServiceSettings:
    return settings_for("redis://127.0.0.1:1/0", tmp_path_factory.mktemp("bulk"))


@pytest.fixture(scope="module")
def admin(settings: ServiceSettings) -> Account:
    """The administrator of an estate, some cameras of which were probed."""
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    with migrated(path.parent) as database:
        fill(database)
        with database.writing() as connection:
            connection.execute(sa.insert(tables.cameras), [row(n) for n in range(CAMERAS)])
            connection.execute(sa.insert(tables.probed), [probed(n) for n in range(60)])
        make_account(database, "operator", login="guest")
        return make_account(database, "admin", login="watch")


def row(number: int) -> dict[str, object]:
    return {
        **camera_row(f"c-{number:05}", OWN),
        "name": f"灵隐 {number:05}",
        "place_type": "road" if number < ROADS else "river",
        "upstream": "区级共享平台" if number % 2 else None,
        "enabled": number % 10 != 0,
    }


def probed(number: int) -> dict[str, object]:
    fault = "unreachable" if number < UNREACHABLE else None
    advised = ["use_substream"] if fault is None and number % 3 == 0 else []
    found = {"advice": advised, "substream": FOUND if advised else None, "fault": fault}
    return {
        "camera_id": f"c-{number:05}",
        "probe_id": uuid4(),
        "finished_at": datetime.now(UTC),
        "fault": fault,
        "is_advised": bool(advised),
        "has_found_substream": bool(advised),
        "result": found,
    }


@pytest.fixture(scope="module")
def url(settings: ServiceSettings, admin: Account) -> Iterator[str]:
    with serving(settings) as found:
        yield found


@pytest.fixture(scope="module")
def session(url: str, admin: Account) -> dict[str, str]:
    return session_of(url, admin)


@pytest.fixture
def page(browser: Browser, url: str, session: dict[str, str]) -> Iterator[Page]:
    """The administrator's list."""
    with visiting(browser, url, session) as found:
        found.goto(f"{url}/cameras")
        yield found


def rows(page: Page) -> Locator:
    return page.locator("[role=rowgroup] [role=row]")


def count(page: Page, cameras: int) -> None:
    whole = CAMERAS + 2
    said = f"共 {whole:,} 台" if cameras == whole else f"{cameras:,} 台（共 {whole:,} 台）"
    expect(page.locator(".page-head [role=status]")).to_have_text(said)


def test_filters_stand_in_the_address_and_as_chips(page: Page, url: str) -> None:
    page.locator("[data-test=more-filters]").click()
    page.select_option("[name=place_type]", "road")
    page.select_option("[name=probe_fault]", "unreachable")
    count(page, UNREACHABLE)
    expect(page.locator("[data-chip=probe_fault]")).to_contain_text("探测失败原因：连接不上")
    expect(rows(page).first).to_contain_text("连接不上")
    page.wait_for_url("**/cameras?probe_fault=unreachable&place_type=road")
    page.reload()
    count(page, UNREACHABLE)
    page.locator("[data-chip=probe_fault]").click()
    count(page, ROADS + 2)
    page.locator("[data-test=clear-filters]").click()
    count(page, CAMERAS + 2)
    expect(page).to_have_url(f"{url}/cameras")


def test_every_fault_that_has_a_word_can_be_filtered_by(page: Page) -> None:
    page.locator("[data-test=more-filters]").click()
    offered = page.locator("[name=probe_fault] option").evaluate_all("all => all.map(o => o.value)")
    said = {key.removeprefix("fault.") for key in words("zh") if key.startswith("fault.")}
    assert set(offered) == {"", *said} - {"file_ended"}


def test_a_view_is_saved_applied_and_deleted(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras?place_type=road&probe=fault")
    page.locator("[data-test=views] > button").click()
    page.fill("[name=view_name]", "连不上的道路")
    page.locator("[data-test=view-save]").click()
    expect(page.get_by_text("视图“连不上的道路”已保存")).to_be_visible()
    expect(page.locator("[name=view_name]")).to_have_count(0)
    page.locator("[data-test=views] > button").click()
    expect(page.locator("[data-test=view]")).to_have_text("连不上的道路")
    field = page.locator("[name=view_name]").bounding_box()
    assert field
    assert field["width"] > 200
    page.fill("[name=view_name]", "连不上的道路")
    page.press("[name=view_name]", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("同名")
    page.goto(f"{url}/cameras")
    count(page, CAMERAS + 2)
    page.locator("[data-test=views] > button").click()
    page.locator("[data-test=view]").click()
    count(page, UNREACHABLE)
    expect(page).to_have_url(f"{url}/cameras?probe=fault&place_type=road")
    page.locator("[data-test=views] > button").click()
    page.get_by_role("button", name="删除视图").click()
    expect(page.locator("[data-test=view]")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("[data-test=views] > button")).to_be_focused()


def test_rows_are_picked_by_mouse_and_keyboard(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras?place=330106&sort=-name")
    bar = page.locator("[data-test=bulk-bar]")
    boxes = page.locator("[role=rowgroup] input[type=checkbox]")
    boxes.nth(0).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(bar).to_contain_text("已选 5 台")
    assert page.url.endswith("sort=-name"), "a tick opens nothing"
    page.locator("[role=rowgroup]").focus()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    expect(bar).to_contain_text("已选 6 台")
    page.keyboard.press("Control+a")
    expect(bar).to_contain_text(f"已选 {CAMERAS + 1} 台")
    page.locator("[data-test=pick-none]").click()
    expect(bar).to_have_count(0)


def test_what_is_picked_outlives_a_search_and_single_ones_are_taken_out(
    page: Page, url: str
) -> None:
    page.goto(f"{url}/cameras?place_type=road&place={OWN}")
    bar = page.locator("[data-test=bulk-bar]")
    page.locator("[data-test=pick-every]").check()
    expect(bar).to_contain_text(f"已选 {ROADS + 1} 台")
    page.locator("[role=rowgroup] input[type=checkbox]").nth(1).click()
    expect(bar).to_contain_text(f"已选 {ROADS} 台")
    page.fill("[name=q]", "00500")
    count(page, 0)
    page.fill("[name=q]", "")
    page.locator("[data-chip=place_type]").click()
    expect(bar).to_contain_text(f"已选 {ROADS} 台")
    page.locator("[data-test=picked-show]").click()
    shown = page.locator("[data-test=picked] input")
    expect(shown).to_have_count(ROADS)
    shown.first.click()
    expect(shown).to_have_count(ROADS - 1)


def test_switching_on_tells_of_those_that_no_probe_found_good(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras?state=disabled&place={OWN}&sort=name")
    page.locator("[data-test=pick-every]").check()
    page.locator("[data-test=bulk-on]").click()
    doubt = page.locator("[data-test=doubt]")
    probed_off = {n for n in range(60) if n % 10 == 0}
    bad = len([n for n in probed_off if n < UNREACHABLE])
    expect(doubt).to_contain_text(f"{bad} 台上次探测失败，{CAMERAS // 10 - len(probed_off)} 台从未")
    changed = page.locator("[data-test=bulk-changed]")
    expect(changed).to_have_text(f"{len(probed_off) - bad}")
    page.locator("[name=leave_out]").uncheck()
    expect(changed).to_have_text(f"{CAMERAS // 10}")
    page.locator("[data-test=bulk-close]").click()
    page.locator("[data-test=pick-none]").click()
    for box in (0, 1):
        page.locator("[role=rowgroup] input[type=checkbox]").nth(box).click()
    page.locator("[data-test=bulk-on]").click()
    expect(doubt).to_contain_text("1 台上次探测失败，0 台从未")
    expect(changed).to_have_text("1")


def test_an_edit_of_many_is_counted_before_it_is_made(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras?place={OWN}")
    page.locator("[data-test=pick-every]").check()
    page.locator("[data-test=bulk-edit]").click()
    sheet = page.get_by_role("dialog")
    sheet.locator("[name=change-owner]").check()
    sheet.locator("[data-test=bulk-count]").click()
    expect(sheet.locator(".fault")).to_have_text("请填写此项")
    sheet.locator("[name=owner]").fill("西湖区城市管理局")
    sheet.locator("[name=change-contact_number]").check()
    sheet.locator("[name=contact_number]").fill("-")
    sheet.locator("[data-test=bulk-count]").click()
    expect(sheet.locator("[name=contact_number]")).to_have_attribute("aria-invalid", "true")
    expect(sheet.locator("[data-test=bulk-count]")).to_be_in_viewport(ratio=1)
    sheet.locator("[name=change-contact_number]").uncheck()
    sheet.locator("[data-test=bulk-count]").click()
    expect(sheet.locator("[data-test=bulk-changed]")).to_have_text(f"{CAMERAS + 1}")
    shot(page, "cameras-bulk-counted-1366")
    sheet.locator("[data-test=bulk-write]").click()
    expect(sheet.get_by_text(f"已修改 {CAMERAS + 1} 台")).to_be_visible()
    sheet.locator("[data-test=bulk-close]").click()
    page.locator("[data-test=bulk-edit]").click()
    sheet.locator("[name=change-owner]").check()
    sheet.locator("[name=owner]").fill("西湖区城市管理局")
    sheet.locator("[data-test=bulk-count]").click()
    expect(sheet.locator("[data-test=bulk-unchanged]")).to_have_text(f"{CAMERAS + 1}")
    expect(sheet.locator("[data-test=bulk-write]")).to_be_disabled()


def test_what_cannot_be_changed_is_named_and_the_rest_is(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras?place={FOREIGN}")
    page.locator("[role=rowgroup] input[type=checkbox]").click()
    page.locator("[data-test=bulk-edit]").click()
    sheet = page.get_by_role("dialog")
    sheet.locator("[name=change-hazards]").check()
    sheet.get_by_label("逆行").check()
    sheet.locator("[data-test=bulk-count]").click()
    expect(sheet.get_by_role("cell", name=f"camera of {FOREIGN}")).to_be_visible()
    expect(sheet.locator("[data-test=bulk-write]")).to_be_disabled()
    sheet.get_by_role("button", name="返回").click()
    expect(sheet.get_by_label("逆行")).to_be_checked()


def test_many_are_switched_off_together(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras?place_type=road&place={OWN}&state=unwatched")
    page.locator("[data-test=pick-every]").check()
    page.locator("[data-test=bulk-off]").click()
    sheet = page.get_by_role("dialog")
    sheet.locator("[data-test=bulk-write]").click()
    expect(sheet.get_by_role("button", name="关闭")).to_have_count(2)
    sheet.locator("[data-test=bulk-close]").click()
    expect(page.get_by_text("没有符合条件的摄像机。")).to_be_visible()


def test_probes_wait_for_a_worker_are_found_again_and_cancelled(page: Page, url: str) -> None:
    page.goto(f"{url}/cameras?probe=fault")
    page.locator("[data-test=pick-every]").check()
    page.locator("[data-test=bulk-probe]").click()
    page.locator("[data-test=probe-start]").click()
    probe = page.locator("[data-test=probe]")
    expect(probe.locator("[data-test=probe-waiting]")).to_have_text(f"{UNREACHABLE}")
    expect(probe).to_contain_text("没有工作进程在线")
    page.locator("[data-test=probe-close]").click()
    page.reload()
    page.locator("[data-test=last-probe]").click()
    page.locator("[data-test=probe-cancel]").click()
    expect(probe.locator("[data-test=probe-cancelled]")).to_have_text(f"{UNREACHABLE}")
    expect(probe).to_have_attribute("data-going", "false")


def test_who_may_only_look_picks_nothing(browser: Browser, url: str, admin: Account) -> None:
    guest = Account(account_id=uuid4(), login="guest", role=admin.role)
    with visiting(browser, url, session_of(url, guest)) as page:
        page.goto(f"{url}/cameras")
        expect(rows(page).first).to_be_visible()
        for name in ("pick-every", "camera-import", "export", "camera-new"):
            expect(page.locator(f"[data-test={name}]")).to_have_count(0)
        expect(page.locator("[data-test=views]")).to_be_visible()


@pytest.mark.parametrize("width_px", HEIGHTS_PX)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_fits_its_screen_with_all_that_unfolds(
    browser: Browser, url: str, session: dict[str, str], width_px: int, language: str
) -> None:
    with visiting(browser, url, session, width_px=width_px, language=language) as page:
        page.goto(f"{url}/cameras?place={OWN}&substream=found&probe=advice")
        expect(rows(page).first).to_be_visible()
        for box in (0, 1):
            page.locator("[role=rowgroup] input[type=checkbox]").nth(box).click()
        shot(page, f"cameras-picked-{width_px}-{language}")
        page.locator("[data-test=views] > button").click()
        shot(page, f"cameras-views-{width_px}-{language}")
        page.keyboard.press("Escape")
        page.locator("[data-test=more-filters]").click()
        shot(page, f"cameras-filters-{width_px}-{language}")
        page.locator("[data-test=more-filters]").click()
        page.locator("[data-test=bulk-edit]").click()
        for name in ("owner", "upstream", "place_code", "hazards"):
            page.locator(f"[name=change-{name}]").check()
        shot(page, f"cameras-bulk-{width_px}-{language}")
