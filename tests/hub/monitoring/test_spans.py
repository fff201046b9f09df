"""What a node says of itself, summed over spans of time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.messages import Metrics
from hub.monitoring.spans import Span, begin_us

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
SHARES = st.floats(0, 1)


def said(cpu: float, memory: float = 0.5, disk: float = 0.5) -> Metrics:
    return Metrics(node_id="n", at=NOW, cpu_share=cpu, memory_share=memory, disk_share=disk)


@given(shares=st.lists(st.tuples(SHARES, SHARES, SHARES), min_size=1, max_size=30))
def test_a_span_holds_mean_and_peak_and_the_last_of_the_disk(shares: list[tuple[float, float, float]]) -> None:
    span = Span.of(said(*shares[0]), 0)
    for share in shares[1:]:
        span = span.with_(said(*share))

    cpu, memory, disk = zip(*shares, strict=True)
    assert span.cpu_mean == pytest.approx(sum(cpu) / len(cpu))
    assert span.memory_mean == pytest.approx(sum(memory) / len(memory))
    assert (span.cpu_peak, span.memory_peak, span.disk_share) == (max(cpu), max(memory), disk[-1])


@pytest.mark.parametrize(("at_us", "begin"), [(0, 0), (299, 0), (300, 300), (601, 600)])
def test_spans_begin_at_whole_multiples(at_us: int, begin: int) -> None:
    assert begin_us(at_us, 300) == begin
