"""The figures as people read them, each with the bar that it is held against."""

from collections.abc import Iterator
from typing import Any

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
    ("snapshots", "memory_mb", "", "MB", ""),
    ("snapshots", "rig_cores", "the virtual cameras meanwhile", "cores", ""),
)


def rows(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table; what was not measured is left out."""
    yield f"\n{'':52}{'measured':>12} {'':6} bar"
    for scenario, name, words, unit, bar in LINES:
        value = figures.get(scenario, {}).get(name)
        if value is not None:
            yield f"{scenario:10}{words:42}{value:>12} {unit:6} {bar}"
    yield ""
