"""A whole running system for tests: hub, broker, three appliances and scripted cameras."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.demo.run import Demo, Options, started


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo with three scripted cameras until the tests of one file have ended."""
    options = Options(
        footage=None,
        model=None,
        for_s=None,
        port=0,
        cameras=3,
        cache=Path.home() / ".cache" / "fengsui",
        keep=None,
    )
    with started(options, say=print) as running:
        assert running.first_event_s() is not None
        yield running
