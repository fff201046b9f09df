"""How busy a node is and was, as the API shows it."""

from pydantic import AwareDatetime, Field

from federation.http import Input, Output

KEPT_H = 168


class HistoryQuery(Input):
    """How far back to look."""

    hours: int = Field(default=24, ge=1, le=KEPT_H)


class Busy(Output):
    """Shares in use at one moment, each from 0 to 1."""

    at: AwareDatetime = Field(description="when the hub heard it")
    cpu_share: float
    memory_share: float
    disk_share: float


class BusySpan(Output):
    """Shares in use over a span of time that began at `at`, each from 0 to 1."""

    at: AwareDatetime
    cpu_mean: float
    cpu_peak: float
    memory_mean: float
    memory_peak: float
    disk_share: float = Field(description="at the end of the span")


class NodeMetrics(Output):
    """How busy a node is, None while it has not said so since the hub started, and was, oldest first."""

    latest: Busy | None
    span_s: float
    spans: tuple[BusySpan, ...] = Field(description="spans in which the node said nothing are left out")
