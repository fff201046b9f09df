"""All cameras pulled, their key frames kept, nothing decoded."""

from typing import Any

from tests.bench.streams.field import Field


async def measure(field: Field) -> dict[str, Any]:
    """Return what pulling costs, and what arrived."""
    live_after_s = await field.pull_all()
    own, rig = await field.costs(field.streams_pid, field.rig_pid)
    return {**own, "rig_cores": rig["cores"], "all_live_after_s": round(live_after_s, 2), **arrived(field)}


def arrived(field: Field) -> dict[str, Any]:
    """Return what the cameras' health says of what arrives: lost packets, and pictures per second in the mean."""
    reports = list(field.agent.cameras.values())
    return {
        "live": sum(report.state.value == "live" for report in reports),
        "fps_each": round(sum(report.fps for report in reports) / max(1, len(reports)), 2),
        "mbit_s": round(sum(report.bitrate_kbps for report in reports) / 1000, 1),
        "packets_lost": sum(report.packets_lost for report in reports),
    }
