"""Rules that hold in every test: product code never blocks a running event loop."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from blockbuster import BlockBuster

from federation.messages.calendar import known_zones

PRODUCT = ["appliance", "federation", "firmware_profiles", "hub"]
NOT_THE_PRODUCT = ["federation.testing"]

# Whoever names no authority trusts one whose key nobody has: no test reaches outside, and reading the hundred and
# fifty that the system trusts costs each client of a hub more than all else that it does.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("nobodys_authority.pem"))  # noqa: TID251 - for programs too

# Two busy cores make any deadline on one example a lottery, and so would examples that are others in every run: the
# suite fails for what was changed and for nothing else. `--hypothesis-profile=exploring` draws others each time.
TOO_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("fengsui", deadline=None, suppress_health_check=TOO_SLOW, derandomize=True)
hypothesis.settings.register_profile("exploring", deadline=None, suppress_health_check=TOO_SLOW)
hypothesis.settings.load_profile("fengsui")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that run the whole product for minutes: one of them at the end leaves a core idle."""
    long = {item.path for item in items if item.get_closest_marker("system")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session", autouse=True)
def zones() -> None:
    """Read the names of time zones, as every program does when it starts: later reads block no loop."""
    known_zones()


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Make a blocking call of product code inside a running loop fail the test; elsewhere it may block."""
    guard = BlockBuster(scanned_modules=PRODUCT, excluded_modules=NOT_THE_PRODUCT)
    guard.activate()
    try:
        yield guard
    finally:
        guard.deactivate()
