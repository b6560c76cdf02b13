"""Pages of the console for somebody who is logged in already: a login of its own takes seconds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from tests.service.signing_in import Account, signed_in
from tests.support.browser import Faults

HEIGHTS_PX = {1920: 1080, 1366: 768, 390: 844}

LANGUAGES = ["zh", "en"] if os.environ.get("FENGSUI_SCREENSHOTS") else ["en"]
"""English words are the wider ones."""


def session_of(url: str, who: Account) -> dict[str, str]:
    """Log in over HTTP; returns the cookies."""
    with signed_in(url, who) as client:
        return dict(client.cookies)


@contextmanager
def visiting(
    browser: Browser,
    url: str,
    cookies: dict[str, str],
    *,
    width_px: int = 1366,
    language: str = "zh",
) -> Iterator[Page]:
    """A page whose browser has these cookies; nothing that it does may break the rules."""
    context = browser.new_context(
        viewport={"width": width_px, "height": HEIGHTS_PX[width_px]}, color_scheme="dark"
    )
    context.add_init_script(f"localStorage['fengsui.language'] = '{language}'")
    context.add_cookies([{"name": name, "value": one, "url": url} for name, one in cookies.items()])
    page = context.new_page()
    faults = Faults(url)
    faults.watch(page)
    try:
        yield page
    finally:
        context.close()
    faults.none()
