"""Rules that hold in every test: product code never blocks a running event loop."""

from collections.abc import Iterator

import hypothesis
import pytest
from blockbuster import BlockBuster

from federation.messages.calendar import known_zones

PRODUCT = ["appliance", "federation", "firmware_profiles", "hub"]
NOT_THE_PRODUCT = ["federation.testing"]

# Two busy cores make any deadline on one example a lottery.
hypothesis.settings.register_profile("fengsui", deadline=None)
hypothesis.settings.load_profile("fengsui")


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
