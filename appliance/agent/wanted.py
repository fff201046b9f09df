"""Which artifacts the hub wants on this box, and when their progress is worth telling at once."""

from collections.abc import Iterable

from appliance.artifacts.progress import Wanted
from federation.artifacts import PACKAGE_KIND
from federation.messages import ArtifactReport, PackageRef


def wanted_artifacts(packages: Iterable[PackageRef]) -> tuple[Wanted, ...]:
    """Return the packages that have bytes, each once."""
    found = {
        ref.digest: Wanted(
            digest=ref.digest, size_bytes=ref.size_bytes, kind=PACKAGE_KIND, name=ref.algorithm_id, version=ref.version
        )
        for ref in packages
        if ref.digest is not None
    }
    return tuple(found.values())


def stages(reports: Iterable[ArtifactReport]) -> list[tuple[str, str, str]]:
    """Return what of the reports makes a change worth telling at once."""
    return [(report.digest, report.state.value, report.reason) for report in reports]
