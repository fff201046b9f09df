"""The figures as people read them, each with the bar that it is held against."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Holds = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]

FLAT_SHARE = 1.1
"""What is flat grows by no more than a tenth, beside what the system counts by itself."""

# scenario, figure, what it is, unit, bar
LINES = (
    ("pull", "cores", "all pulled, key frames kept: our process", "cores", "≤ 0.3"),
    ("pull", "memory_mb", "", "MB", "≤ 150"),
    ("pull", "rig_cores", "the virtual cameras meanwhile", "cores", ""),
    ("pull", "packets_lost", "packets lost", "", "0"),
    ("pull", "fps_each", "pictures per second and camera", "", "25"),
    ("decode", "cores", "and every key frame decoded: both our processes", "cores", "≤ 1"),
    ("decode", "memory_mb", "", "MB", ""),
    ("decode", "key_frames_per_s", "key frames decoded per second", "", "cameras / 2"),
    ("baseline", "cores", "baseline: PyAV, a thread for each camera", "cores", ""),
    ("baseline", "memory_mb", "", "MB", ""),
    ("record", "cores", "all pulled and recorded, every fragment synced", "cores", "≤ 0.6"),
    ("record", "memory_mb", "", "MB", ""),
    ("record", "disk_mb_s", "written", "MB/s", ""),
    ("record", "overhead_percent", "of the files that is not picture", "%", ""),
    ("record", "packets_lost", "packets lost", "", "0"),
    ("record", "fragments_dropped", "fragments that the disk did not take", "", "0"),
    ("record", "pictures_missing", "pictures missing in the files", "", "0"),
    ("record", "gaps", "gaps in the index", "", "0"),
    ("remux", "cores", "baseline: PyAV remux, a thread for each camera", "cores", ""),
    ("remux", "memory_mb", "", "MB", ""),
    ("live", "first_picture_p95_ms", "live view: first picture, 95 of 100", "ms", ""),
    ("live", "moving_recorded_p95_ms", "until it moves, where it is recorded", "ms", ""),
    ("live", "moving_p95_ms", "where it is not (a key frame every 2 s)", "ms", ""),
    ("live", "age_p95_ms", "age of a picture when it is handed on", "ms", "≤ 200"),
    ("reconnect", "p95_s", "live again after its return, 95 of 100 cameras", "s", "≤ 2 + GOP 2"),
    ("reconnect", "longest_s", "the slowest", "s", ""),
    ("soak", "memory_mb_after_a_fifth", "after a fifth of the reconnects", "MB", ""),
    ("soak", "memory_mb", "after all of them", "MB", "flat"),
    ("soak", "descriptors", "open files and sockets after all of them", "", "flat"),
    ("dead", "cores", "dead cameras", "cores", "≤ 0.1"),
    ("dead", "memory_mb", "", "MB", ""),
    ("snapshots", "per_minute", "snapshots, each camera opened for one", "/min", "≥ 1500"),
    ("snapshots", "p95_s", "from due to safe on the disk, 95 of 100", "s", "≤ GOP 2 + 1"),
    ("snapshots", "failed", "failed", "", "0"),
    ("snapshots", "cores", "agent, vision and streams together", "cores", ""),
    ("snapshots", "cpu_ms_each", "of a processor for each picture", "ms", ""),
    ("snapshots", "memory_mb", "", "MB", ""),
    ("snapshots", "rig_cores", "the virtual cameras meanwhile", "cores", ""),
)


# What the words of a bar mean: a function of the figures of its scenario, and of all.
BARS: dict[tuple[str, str], Holds] = {
    ("pull", "cores"): lambda own, _: own["cores"] <= 0.3,
    ("pull", "memory_mb"): lambda own, _: own["memory_mb"] <= 150,
    ("pull", "packets_lost"): lambda own, _: own["packets_lost"] == 0,
    ("pull", "fps_each"): lambda own, _: own["fps_each"] >= 24.5,
    ("decode", "cores"): lambda own, _: own["cores"] <= 1,
    ("decode", "key_frames_per_s"): lambda own, every: own["key_frames_per_s"] >= every["cameras"] / 2 * 0.98,
    ("record", "cores"): lambda own, _: own["cores"] <= 0.6,
    ("record", "packets_lost"): lambda own, _: own["packets_lost"] == 0,
    ("record", "fragments_dropped"): lambda own, _: own["fragments_dropped"] == 0,
    ("record", "pictures_missing"): lambda own, _: own["pictures_missing"] == 0,
    ("record", "gaps"): lambda own, _: own["gaps"] == 0,
    ("live", "age_p95_ms"): lambda own, _: own["age_p95_ms"] <= 200,
    ("reconnect", "p95_s"): lambda own, _: own["p95_s"] <= 4,
    ("soak", "memory_mb"): lambda own, _: own["memory_mb"] <= own["memory_mb_after_a_fifth"] * FLAT_SHARE,
    ("soak", "descriptors"): lambda own, _: own["descriptors"] <= own["descriptors_after_a_fifth"] * FLAT_SHARE,
    ("dead", "cores"): lambda own, _: own["cores"] <= 0.1,
    ("snapshots", "per_minute"): lambda own, _: own["per_minute"] >= 1500,
    ("snapshots", "p95_s"): lambda own, _: own["p95_s"] <= 3,
    ("snapshots", "failed"): lambda own, _: own["failed"] == 0,
}


def rows(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the table; what was not measured is left out."""
    yield f"\n{'':52}{'measured':>12} {'':6} bar"
    for scenario, name, words, unit, bar in LINES:
        value = figures.get(scenario, {}).get(name)
        if value is not None:
            mark = "" if _holds(figures, scenario, name) else "  <- short of it"
            yield f"{scenario:10}{words:42}{value:>12} {unit:6} {bar}{mark}"
    for scenario, why in _failed(figures):
        yield f"{scenario:10}has failed: {why}"
    yield ""


def short(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures that fall short of their bars, and the scenarios that have none."""
    for scenario, name in BARS:
        if not _holds(figures, scenario, name):
            yield f"{scenario}.{name}"
    yield from (scenario for scenario, _ in _failed(figures))


def _holds(figures: Mapping[str, Any], scenario: str, name: str) -> bool:
    """Tell whether a figure is within its bar; one that was not measured, or has none, is."""
    found = figures.get(scenario, {})
    holds = BARS.get((scenario, name))
    return holds is None or name not in found or holds(found, figures)


def _failed(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(name, each) for name, each in figures.items() if isinstance(each, dict)]
    return [(name, str(each["failed_with"])) for name, each in found if "failed_with" in each]
