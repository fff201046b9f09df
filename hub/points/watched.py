"""What appliances say of the points that they pull."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from federation.messages import CameraReport, CameraState, PictureFault, RecordingState
from hub.fleet.roster import NodeRecord


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One point as an appliance sees it."""

    node_id: str
    report: CameraReport


def has_fault(report: CameraReport, fault: PictureFault) -> bool:
    """Tell whether the picture of a camera has a fault."""
    return report.picture is not None and fault in report.picture.faults


def watched_points(nodes: Iterable[NodeRecord]) -> Mapping[str, Watched]:
    """Return the pulled points by id; of two appliances one with a live stream speaks for the point.

    Of two with one it is that which records it.
    """
    found: dict[str, Watched] = {}
    for node in nodes:
        if not node.online or node.reported is None:
            continue
        for report in node.reported.cameras:
            present = found.get(report.point_id)
            if present is None or _weight(report) > _weight(present.report):
                found[report.point_id] = Watched(node_id=node.id, report=report)
    return found


def _weight(report: CameraReport) -> tuple[bool, bool]:
    """Return what is larger for an appliance that has more to say of a point."""
    recorded = report.recording is not None and report.recording.state is not RecordingState.OFF
    return report.state is CameraState.LIVE, recorded
