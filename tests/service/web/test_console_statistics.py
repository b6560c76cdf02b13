"""Statistics at the console: periods, figures, a file, and a page of paper."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.service.web.centre_parts import Centre, at, centre
from tests.service.web.test_console_orders import printable
from tests.service.web.test_console_pages import SMALL, shot
from tests.service.web.visits import HEIGHTS_PX, LANGUAGES
from tests.support.browser import chromium
from vision.hazards import Hazard

pytestmark = pytest.mark.system("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with centre(tmp_path_factory.mktemp("statistics")) as found:
        found.sent(found.incident("真火"))
        found.act(found.incident("路灯"), "dismiss", reason="lamp")
        found.act(found.incident("涨水", hazard=Hazard.WATER_OVER_LINE), "confirm")
        yield found


def test_a_period_s_figures_stand_there_as_a_table_a_file_and_on_paper(
    browser: Browser, given: Centre
) -> None:
    """The service's day counts, not that of the browser, which is in another zone here."""
    today = (datetime.now(UTC) + timedelta(hours=8)).date()
    with at(browser, given, "/statistics?period=today") as page:
        expect(page.locator("[data-test=about]")).to_contain_text(str(today))
        rows = page.locator("[data-test=row]")
        expect(rows.filter(has_text="水位超线")).to_contain_text("1")
        total = int(page.locator("[data-tile=incidents] .value").inner_text())
        assert total >= 3
        expect(page.locator("[data-clock=sent]")).not_to_contain_text("—")
        expect(page.locator("[data-test=pack]")).to_contain_text("test@1")
        with page.expect_download() as begun:
            page.locator("[data-test=csv]").click()
        assert begun.value.suggested_filename == f"statistics-{today}-{today}-hazard.csv"
        page.select_option("[name=by]", "place")
        expect(rows.first).to_contain_text("杭州市")
        page.wait_for_url("**by=place**")
        page.locator("[data-period=week]").click()
        expect(page.locator("[data-test=about]")).to_contain_text(f"{today - timedelta(days=6)} 至")
        printable(page)
        expect(page.locator("[data-test=printed]")).to_contain_text("打印时间")
        expect(page.locator("[data-test=about]")).to_be_visible()


def test_a_turned_period_is_told_before_it_is_asked_for(browser: Browser, given: Centre) -> None:
    with at(browser, given, "/statistics?from=2026-02-02&to=2026-02-01") as page:
        expect(page.get_by_role("alert")).to_contain_text("起始日期不能晚于")
        page.fill("[name=from]", "2026-02-01")
        expect(page.get_by_text("该时段没有事件。")).to_be_visible()


@pytest.mark.parametrize("width_px", HEIGHTS_PX)
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_fits_its_screen(browser: Browser, given: Centre, width_px: int, language: str) -> None:
    path = "/statistics?period=month&by=hour"
    with at(browser, given, path, width_px=width_px, language=language) as page:
        expect(page.locator("[data-test=row]").first).to_be_visible()
        shot(page, f"statistics-{width_px}-{language}")
        if width_px == 390:
            assert page.evaluate(SMALL) == []
