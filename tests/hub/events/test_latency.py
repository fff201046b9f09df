"""Quantiles of the newest latencies."""

from hub.events.latency import LatencyWindow


def test_without_events_there_is_no_latency() -> None:
    assert LatencyWindow().quantile_ms(0.5) is None


def test_quantiles_are_latencies_that_so_many_did_not_exceed() -> None:
    window = LatencyWindow()
    for latency_ms in range(1, 101):
        window.add(latency_ms)

    assert (window.quantile_ms(0.5), window.quantile_ms(0.95), window.quantile_ms(1.0)) == (50, 95, 100)


def test_old_events_leave_the_window_and_clocks_ahead_count_as_none() -> None:
    window = LatencyWindow(size=2)
    for latency_ms in (1000.0, 5.0, -3.0):
        window.add(latency_ms)

    assert (window.quantile_ms(0.5), window.quantile_ms(1.0)) == (0.0, 5.0)
