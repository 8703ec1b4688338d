"""What all tests share: a copy of the checkout to run in, and no silent skips in CI."""

import os

import pytest
from support import SMOKE, copy_checkout, run_without_network, write_report

# Two tests run side by side on two cores; set before torch or numpy are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a skip is a failure, unless the test needs data that nobody can install."""
    outcome = yield
    report = outcome.get_result()
    forgiven = item.get_closest_marker("needs_data") or hasattr(report, "wasxfail")
    if report.skipped and os.environ.get("CI") and not forgiven:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of the checkout that tests may run in but not change."""
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The smoke study, run once and without network: its folder and what Snakemake printed."""
    folder = copy_checkout(tmp_path_factory.mktemp("study"))
    result = run_without_network(folder, *SMOKE, "--cores", "2")
    assert result.returncode == 0, result.stdout[-6000:]
    return folder, result.stdout


@pytest.fixture(scope="session")
def report(study):
    """The report of the smoke study."""
    return write_report(study[0])
