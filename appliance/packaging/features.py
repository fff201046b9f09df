"""Whether a head's graph takes what its backbone gives."""

from collections.abc import Sequence

from appliance.packaging.facts import TensorFacts, facts_of
from federation.packages import Package


def features_fault(package: Package) -> str | None:
    """Return what a head of the package takes that its backbone does not give, or None.

    Raises RuntimeError for what onnxruntime does not load.
    """
    for platform in package.manifest.runtime.platforms:
        if platform.backbone is None or platform.file is None:
            continue
        given = facts_of(package.read(platform.backbone.file)).outputs
        fault = mismatch(given, facts_of(package.read(platform.file)).inputs)
        if fault is not None:
            return f"{platform.file}: {fault}"
    return None


def mismatch(given: Sequence[TensorFacts], taken: Sequence[TensorFacts]) -> str | None:
    """Return the first tensor that is taken and not given so; an axis that is open on either side fits any length."""
    if not taken:
        return "it takes no tensor"
    by_name = {item.name: item for item in given}
    for item in taken:
        other = by_name.get(item.name)
        if other is None:
            return f"it takes {item.name!r}; the backbone gives {sorted(by_name)}"
        fits = len(other.shape) == len(item.shape) and all(
            has is None or wanted is None or has == wanted for has, wanted in zip(other.shape, item.shape, strict=True)
        )
        if other.type != item.type or not fits:
            return f"{item.name!r} is taken as {_told(item)} and given as {_told(other)}"
    return None


def _told(item: TensorFacts) -> str:
    return f"{item.type} {list(item.shape)}"
