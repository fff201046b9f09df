"""What stands in the place of a trial where a package describes an outside system: it is shown the samples."""

from contextlib import closing
from pathlib import Path

from appliance.analysis.outside.errors import OutsideFault
from appliance.packaging.attempt import show_samples
from appliance.packaging.endpoints import CRITERION_OF, Outside, offers
from federation.packages import Package
from federation.packages.trial import Trial


def reach(package: Package, secret_file: Path | None) -> Trial:
    """Show the samples to the outside system that a package describes, where its maker says that it is."""
    endpoint = package.manifest.outside
    if endpoint is None:
        return Trial()
    try:
        if endpoint.algorithm is not None:
            offered = offers(endpoint.url, auth=endpoint.auth, secret_file=secret_file, timeout_s=endpoint.timeout_s)
            if endpoint.algorithm not in {offer.id for offer in offered}:
                return Trial(code="tensors_differ", detail=f"the system offers no {endpoint.algorithm}")
        with closing(Outside(package.manifest, endpoint, secret_file)) as system:
            return show_samples(package, package.manifest, system.detect)
    except OutsideFault as error:
        return Trial(code=CRITERION_OF[error.code], detail=str(error)[:2000])
