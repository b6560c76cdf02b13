"""Orders at the console: where each is, dead letters anew, one order's trail on one page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.service.web.centre_parts import Centre, at, centre
from tests.service.web.test_console_pages import SMALL, shot
from tests.service.web.visits import HEIGHTS_PX, LANGUAGES
from tests.support.browser import chromium

pytestmark = pytest.mark.system("chromium")

RECEIPT = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with centre(tmp_path_factory.mktemp("orders")) as found:
        yield found


@pytest.fixture(scope="module")
def dead(given: Centre) -> str:
    """A dead letter; another order has left, and was answered."""
    answered = given.sent(given.incident("有回执"))
    said = {"receipt_id": RECEIPT, "kind": "accepted", "at": "2026-01-01T00:00:00Z"}
    path = f"/api/orders/{answered}/receipts"
    answer = given.clients["operator"].post(path, json={**said, "text": "收到，出发"})
    assert answer.status_code == 200, answer.text
    order = given.sent(given.incident("没送到"))
    given.bury(order)
    return order


def row(page: Page, order: str) -> str:
    return f"[data-order='{order}']"


def printable(page: Page) -> None:
    """On paper there is what was read, and nothing that is pressed."""
    page.emulate_media(media="print")
    for gone in (".side", ".bar", ".page-head .button", ".toolbar"):
        for one in page.locator(gone).all():
            expect(one).to_be_hidden()
    expect(page.locator("#main h1")).to_be_visible()
    expect(page.locator(".only-print").first).to_be_visible()


def test_a_dead_letter_is_found_counted_and_sent_again(
    browser: Browser, given: Centre, dead: str
) -> None:
    with at(browser, given, "/orders") as page:
        target = page.locator("tr[data-target='dispatch']")
        expect(target).to_have_attribute("data-breaker", "closed")
        target.locator("button").click()
        page.wait_for_url("**/orders?state=dead&target=dispatch")
        expect(page.locator("[data-test=order]")).to_have_count(1)
        expect(page.locator(row(page, dead))).to_contain_text("未能送达")
        page.reload()
        expect(page.locator("[data-test=order]")).to_have_count(1)
        expect(page.locator("[data-test=replay]")).to_be_disabled()
        page.locator("[data-test=pick-dead]").check()
        page.locator("[data-test=replay]").click()
        sheet = page.get_by_role("dialog")
        expect(sheet).to_contain_text("重新发送 1 份派单？")
        page.locator("[data-test=replay-yes]").click()
        expect(page.get_by_text("1 份已重新排队")).to_be_visible()
        expect(page.get_by_text("没有符合条件的派单。")).to_be_visible()
        page.select_option("[name=state]", "sent")
        expect(page.locator(row(page, dead))).to_contain_text("已发出")
        page.select_option("[name=drill]", "true")
        expect(page.locator(row(page, dead))).to_have_count(0)


def test_a_trail_goes_from_the_alert_to_the_receipt_in_order_and_on_paper(
    browser: Browser, given: Centre, dead: str
) -> None:
    with at(browser, given, "/orders?state=accepted") as page:
        page.locator("[data-test=trail]").first.click()
        rows = page.locator("[data-test=trail] tbody tr")
        expect(rows.last).to_contain_text("回执：已接单")
        expect(rows.last).to_contain_text("收到，出发")
        kinds = rows.evaluate_all("all => all.map((one) => one.dataset.kind)")
        assert kinds[0] == "alert"
        assert kinds.index("order") < kinds.index("attempt") < kinds.index("receipt")
        times = page.locator("[data-test=trail] tbody time").evaluate_all(
            "all => all.map((one) => Date.parse(one.dateTime))"
        )
        assert times == sorted(times)
        expect(rows.nth(1)).to_contain_text("+10 秒")
        expect(page.locator("[data-test=order] dl")).to_contain_text("灵隐街道")
        printable(page)


def test_after_an_update_an_open_console_reads_the_new_one(
    browser: Browser, given: Centre, dead: str
) -> None:
    """What it would fetch of the old one is gone."""
    with at(browser, given, "/orders") as page:
        expect(page.locator(row(page, dead))).to_be_visible()
        page.evaluate("window.old = true")
        gone = {"status": 404, "content_type": "text/css"}
        page.route("**/assets/TrailPage-*.css", lambda route: route.fulfill(**gone), times=1)
        page.locator(f"{row(page, dead)} >> [data-test=trail]").click()
        page.wait_for_url(f"**/orders/{dead}")
        expect(page.locator("[data-test=order] dl")).to_be_visible()
        assert page.evaluate("window.old") is None


def test_a_target_is_called_by_its_label_and_its_fault_in_words(
    browser: Browser, given: Centre, dead: str
) -> None:
    """Those in the file; here the answer is one that has such a target."""
    targets = given.clients["operator"].get("/api/dispatch/targets").json()
    one = next(found for found in targets["targets"] if found["name"] == "dispatch")
    breaker = {"state": "open", "failures": 5, "last_error": "it refuses connections"}
    crew = {"name": "crew-7", "label": "西湖消防", "breaker": one["breaker"] | breaker}
    targets["targets"].append(one | crew)
    orders = given.clients["operator"].get("/api/orders").json()
    for found in orders["orders"]:
        found["target"] = "crew-7"
    with at(browser, given, "/live") as page:
        page.route("**/api/dispatch/targets", lambda route: route.fulfill(json=targets))
        page.route("**/api/orders?*", lambda route: route.fulfill(json=orders))
        page.locator("[data-test=go-orders]").click()
        expect(page.locator(row(page, dead))).to_contain_text("西湖消防")
        crew_row = page.locator("tr[data-target='crew-7']")
        expect(crew_row).to_contain_text("对方拒绝连接")
        expect(crew_row).to_contain_text("自动再试")


def test_who_has_no_business_with_orders_sees_no_such_page(browser: Browser, given: Centre) -> None:
    with at(browser, given, "/orders", who="viewer") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("没有这个页面")
        expect(page.locator("[data-test=go-orders]")).to_have_count(0)


@pytest.mark.parametrize("width_px", HEIGHTS_PX)
@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_and_trails_fit_their_screen(
    browser: Browser, given: Centre, dead: str, width_px: int, language: str
) -> None:
    given.bury(dead)
    for name, path in (("orders", "/orders"), ("trail", f"/orders/{dead}")):
        with at(browser, given, path, width_px=width_px, language=language) as page:
            expect(page.locator("table").first).to_be_visible()
            shot(page, f"{name}-{width_px}-{language}")
            if width_px == 390:
                assert page.evaluate(SMALL) == [], name
