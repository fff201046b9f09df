"""What anybody can bring about by leaving or by talking no HTTP fills no log."""

import logging

import pytest

from federation.http.broken_requests import LEFT, BrokenRequests


@pytest.mark.parametrize(
    ("error", "told"), [(RuntimeError(LEFT), 0), (ConnectionResetError(), 0), (RuntimeError("a fault of ours"), 1)]
)
def test_who_leaves_while_a_file_is_on_its_way_is_no_fault_of_ours(
    error: Exception, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        try:
            raise error
        except type(error):
            BrokenRequests().exception("Unhandled exception")

    assert len(caplog.records) == told
