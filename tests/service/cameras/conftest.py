from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.estate import OWN, fill
from tests.service.helpers import opened, settings_for, sqlite_copy
from tests.service.process import serving
from tests.service.signing_in import bearer


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An integrator's client of a service that has no Redis: for requests that come to nothing."""
    directory: Path = tmp_path_factory.mktemp("refusing")
    settings = settings_for("redis://127.0.0.1:1/0", directory, database_url=sqlite_copy(directory))
    with opened(settings.database_url) as database:
        fill(database)
        headers = bearer(database, "integrator", [OWN]) | {"Content-Type": "application/json"}
        with serving(settings) as url, httpx.Client(base_url=url, headers=headers) as client:
            yield client
