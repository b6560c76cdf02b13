"""For all tests: shapes are checked, and under REQUIRE_ALL=1 a skipped test fails."""

import gc
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

from tests.support import typechecker

assert typechecker.checked
ROOT = Path(__file__).parent.parent
SHAPED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "pipelines").rglob("*.py"))
    if "jaxtyping" in path.read_text()
]
# Before anything of ours is imported: every shape in a signature is checked while tests run.
install_import_hook(["vision", "models.packs", *SHAPED], "tests.support.typechecker.checked")

# Other tests run meanwhile: how long an example took says nothing.
settings.register_profile("fengsui", deadline=None)
settings.load_profile("fengsui")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason: Any = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped under REQUIRE_ALL=1: {reason[-1] if reason else ''}"
    return report


def pytest_collection_finish() -> None:
    """Half a million objects are there to stay: no collection need look at them again.

    They took a third of the time in which a test makes an app.
    """
    gc.collect()
    gc.freeze()
