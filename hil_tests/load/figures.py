"""What was measured, for machines and for people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float | Mapping[str, float]]
"""Names with their unit, e.g. `drained_per_s`, `fresh_ms`; a group holds parts of one figure."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table: a scenario's figure."""

    scenario: str
    name: str
    value: str


def quantiles(values: Iterable[float]) -> dict[str, float]:
    """Return p50, p95 and p99 of some milliseconds; 0 where there are none."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0}
    return {
        f"p{percent}": round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)
        for percent in (50, 95, 99)
    }


def table(measured: Mapping[str, Figures]) -> str:
    """Return the figures of all scenarios as a table."""
    lines = [
        Line(scenario=scenario, name=name, value=_said(value))
        for scenario, figures in measured.items()
        for name, value in figures.items()
    ]
    scenario_width = max((len(line.scenario) for line in lines), default=0)
    name_width = max((len(line.name) for line in lines), default=0)
    return "\n".join(f"{line.scenario:<{scenario_width}}  {line.name:<{name_width}}  {line.value}" for line in lines)


def _said(value: float | Mapping[str, float]) -> str:
    if isinstance(value, Mapping):
        return "  ".join(f"{name} {part:,g}" for name, part in value.items())
    return f"{value:,g}"
