"""Where measurements go: printed, and written to bench/results.json and bench/results.md."""

import dataclasses
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

FOLDER = Path(__file__).parents[2] / "bench"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A figure, and the figure of a plain way to the same end that was measured in the same run."""

    name: str
    value: float
    unit: str
    baseline: float
    baseline_is: str
    better: Literal["higher", "lower"]

    @property
    def ratio(self) -> float:
        """How many times better than the baseline; below 1 is worse."""
        return self.value / self.baseline if self.better == "higher" else self.baseline / self.value


class Notebook:
    """Takes the measurements of one run."""

    def __init__(self) -> None:
        self.measurements: list[Measurement] = []

    def note(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        baseline: float,
        baseline_is: str,
        better: Literal["higher", "lower"] = "higher",
    ) -> Measurement:
        """Keep and print one measurement; return it, so that a test can hold it against its bound."""
        taken = Measurement(
            name=name, value=value, unit=unit, baseline=baseline, baseline_is=baseline_is, better=better
        )
        self.measurements.append(taken)
        print(f"{name}: {value:.4g} {unit}, {taken.ratio:.2f} x {baseline_is} ({baseline:.4g} {unit})")
        return taken

    def write(self, folder: Path) -> None:
        """Write results.json and results.md into `folder`."""
        folder.mkdir(exist_ok=True)
        measured = sorted(self.measurements, key=lambda each: each.name)
        machine = f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"
        taken = datetime.now(UTC).replace(microsecond=0).isoformat()
        rows = [dataclasses.asdict(each) | {"ratio": round(each.ratio, 3)} for each in measured]
        document = {"taken": taken, "machine": machine, "measurements": rows}
        (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        lines = [
            "# Measurements",
            "",
            f"Taken {taken} on {machine}. Trust the ratios: each was measured against its baseline in the same run.",
            "",
            "| what | figure | baseline | times better |",
            "| --- | --- | --- | --- |",
            *(
                f"| {each.name} | {each.value:.4g} {each.unit} | {each.baseline_is}: {each.baseline:.4g} {each.unit} "
                f"| {each.ratio:.2f} |"
                for each in measured
            ),
        ]
        (folder / "results.md").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="session")
def notebook() -> Iterator[Notebook]:
    """Return the notebook of this run; it is written when the last benchmark has ended."""
    taken = Notebook()
    yield taken
    if taken.measurements:
        taken.write(FOLDER)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--artifact-mb", default="500", help="megabytes of the artifact that is fetched")
