"""Sums what a node says of itself over a span of time: pure."""

from dataclasses import dataclass, replace
from typing import Self

from federation.messages import Metrics


@dataclass(frozen=True, kw_only=True)
class Span:
    """What one node has said since `at_us`, which begins the span."""

    at_us: int
    said: int
    cpu_sum: float
    cpu_peak: float
    memory_sum: float
    memory_peak: float
    disk_share: float

    @classmethod
    def of(cls, metrics: Metrics, at_us: int) -> Self:
        """Return a span in which this was said and nothing else."""
        return cls(
            at_us=at_us,
            said=1,
            cpu_sum=metrics.cpu_share,
            cpu_peak=metrics.cpu_share,
            memory_sum=metrics.memory_share,
            memory_peak=metrics.memory_share,
            disk_share=metrics.disk_share,
        )

    def with_(self, metrics: Metrics) -> Self:
        """Return the span in which this was said last."""
        return replace(
            self,
            said=self.said + 1,
            cpu_sum=self.cpu_sum + metrics.cpu_share,
            cpu_peak=max(self.cpu_peak, metrics.cpu_share),
            memory_sum=self.memory_sum + metrics.memory_share,
            memory_peak=max(self.memory_peak, metrics.memory_share),
            disk_share=metrics.disk_share,
        )

    @property
    def cpu_mean(self) -> float:
        """The mean share of CPU."""
        return self.cpu_sum / self.said

    @property
    def memory_mean(self) -> float:
        """The mean share of memory."""
        return self.memory_sum / self.said


def begin_us(at_us: int, span_us: int) -> int:
    """Return when the span began in which `at_us` lies: spans begin at whole multiples since 1970."""
    return at_us - at_us % span_us
