"""Cookies between two sites, as a real browser keeps them: the provider's and the service's."""

import pytest

from pipelines.secrets import Secret
from service import tables
from service.accounts.roles import Role
from service.settings import OidcSettings
from tests.service.accounts.oidc_logins import oidc_account
from tests.service.accounts.providers import honest_provider
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.support.browser import chromium

WHO = """async () => {
  const got = await fetch('/api/session');
  return [got.status, await got.text()];
}"""


@pytest.mark.system("chromium")
def test_the_strict_cookie_of_a_login_elsewhere_is_there_for_the_first_own_request(
    given: Parts,
) -> None:
    oidc_account(given, "zhang.san", Role.VIEWER)
    with honest_provider(subject1="zhang.san") as issuer, chromium() as browser:
        oidc = OidcSettings(issuer=issuer, client_id="fengsui", client_secret=Secret("secret"))
        with serving(given.settings, oidc=oidc) as url:
            # To a browser 127.0.0.1, where the provider is, and localhost are two sites.
            own = url.replace("127.0.0.1", "localhost")
            page = browser.new_page()
            page.goto(f"{own}/api/session/oidc")
            assert page.url.startswith(issuer)
            page.locator("button", has_text="subject1").first.click()
            page.wait_for_url(f"{own}/**")
            status, body = page.evaluate(WHO)
            assert (status, "zhang.san" in body) == (200, True)
            (cookie,) = page.context.cookies(own)
            assert (cookie["name"], cookie["sameSite"]) == ("fengsui_session", "Strict")
            assert page.evaluate("document.cookie") == ""
            # Again, as the login page's button does it: the session before ends.
            (before,) = given.rows(tables.sessions)
            page.evaluate("location.assign('/api/session/oidc')")
            page.wait_for_url(f"{issuer}/**")
            page.locator("button", has_text="subject1").first.click()
            page.wait_for_url(f"{own}/**")
            (after,) = given.rows(tables.sessions)
            assert after["session_hash"] != before["session_hash"]
