"""Debian's Chromium, driven by Playwright: nothing it opens may break the console's own rules."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    expect,
    sync_playwright,
)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""The browser's own line on a refused request; what the page makes of it is what is tested."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, or skip in words."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Debian's chromium: run deploy/system-packages.sh as root")
    expect.set_options(timeout=15_000)  # other tests run meanwhile
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Faults:
    """What a page did that it must not: errors, refusals by its policy, foreign addresses."""

    origin: str
    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("pageerror", self._error)
        page.on("console", self._said)
        page.on("request", self._asked)

    def none(self) -> None:
        assert self.found == []

    def _error(self, error: Error) -> None:
        self.found.append(f"error: {error}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not EXPECTED.match(message.text):
            self.found.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.found.append(f"foreign address: {request.url}")
