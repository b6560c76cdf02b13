"""For all tests: shapes are checked, and under REQUIRE_ALL=1 a skipped test fails."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from jaxtyping import install_import_hook

from tests.support import typechecker

assert typechecker.checked
# Before anything of ours is imported: every shape in a signature is checked while tests run.
install_import_hook(["vision", "models.packs", "pipelines"], "tests.support.typechecker.checked")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason: Any = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped under REQUIRE_ALL=1: {reason[-1] if reason else ''}"
    return report
