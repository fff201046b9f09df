"""The hub's figures for Prometheus: every part hands in its own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure; `name` without the prefix `fengsui_hub_`. A counter only grows while the program runs."""

    name: str
    help: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)
    counter: bool = False


Figures = Callable[[], Iterable[Figure]]


class _Parts(Collector):
    def __init__(self, sources: Iterable[Figures]) -> None:
        self._sources = tuple(sources)

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for source in self._sources:
            for figure in source():
                family = families.setdefault(figure.name, _family(figure))
                family.add_sample(family.name + ("_total" if figure.counter else ""), dict(figure.labels), figure.value)
        return families.values()


def _family(figure: Figure) -> Metric:
    kind = CounterMetricFamily if figure.counter else GaugeMetricFamily
    return kind(f"fengsui_hub_{figure.name}", figure.help)


def exposition(sources: Iterable[Figures]) -> bytes:
    """Return the figures of all sources in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Parts(sources))
    return generate_latest(registry)
