"""A provider that lies, and a browser of a service that trusts it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.service.accounts.oidc_logins import served
from tests.service.accounts.providers import (
    Hostile,
    hostile_provider,
)
from tests.service.helpers import Parts


@pytest.fixture
def lying() -> Iterator[Hostile]:
    with hostile_provider() as made:
        yield made


@pytest.fixture
def browser(given: Parts, lying: Hostile) -> Iterator[httpx.Client]:
    with served(given, lying.issuer) as client:
        yield client
