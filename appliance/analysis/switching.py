"""From one version of an algorithm to another under load: tried beside the old one, and taken back if it fails.

Decisions are pure; who looks at pictures and when is the business of `judging`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from appliance.analysis.engine.frame import Frame, Gallery
from appliance.analysis.engine.packages import PackageKey
from appliance.analysis.finding import Picture
from appliance.analysis.rules.choice import overlap
from federation.messages import Detection
from federation.packages import Manifest, PackageError, open_package

REPLAYED = 12
"""Frames of the cameras concerned that both versions look at, besides the samples of the new package."""

ENOUGH_SEEN = 5
LEAST_AGREEMENT = 0.3
SAME_IOU = 0.4
PROBATION_S = 60.0
"""For so long the old version stays loaded, and one failure of the new one brings it back."""

Pair = tuple[PackageKey, PackageKey]
"""The old version and the new one."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of the new version's trial; `refusal` is empty where it may take over."""

    frames: int = 0
    seen_before: int = 0
    agreed: int = 0
    refusal: str = ""


Trials = Mapping[Pair, Trial]


def may_swap(old: Manifest, new: Manifest) -> bool:
    """Tell whether the two promise the same events and parameters."""
    return old.id == new.id and old.interface == new.interface


def judged_alike_by(old: Manifest, new: Manifest) -> bool:
    """Tell whether both judge by the same rule, so that a task may keep what it remembers."""
    return (old.rule, old.params, old.events) == (new.rule, new.params, new.events)


def compared(
    pairs: Sequence[tuple[Sequence[Detection], Sequence[Detection]]],
    manifest: Manifest,
    *,
    enough: int = ENOUGH_SEEN,
    least: float = LEAST_AGREEMENT,
) -> Trial:
    """Compare what the old and the new version saw in the same frames, of the labels that make events.

    The new one is refused when it finds less than a share `least` of what the old one found, if that was `enough` to
    tell. A better model differs; one that sees nothing of the known is not the same algorithm.
    """
    labels = {label for event in manifest.events if event.when is not None for label in event.when.labels}
    before = agreed = 0
    for old, new in pairs:
        known = [item for item in old if item.label in labels]
        before += len(known)
        agreed += sum(_found_again(item, new) for item in known)
    refusal = ""
    if before >= enough and agreed < least * before:
        refusal = f"switch_refused: of {before} things that the old version sees in the newest frames it finds {agreed}"
    return Trial(frames=len(pairs), seen_before=before, agreed=agreed, refusal=refusal)


def samples_of(package: Path, gallery: Gallery) -> list[Frame]:
    """Return the sample pictures of a package; none if it cannot be read. Blocks."""
    try:
        opened = open_package(package)
        contents = [opened.read(sample.file) for sample in opened.manifest.samples]
    except PackageError:
        return []
    at = datetime.now(UTC)
    return [Frame(source="sample", at=at, decode=partial(_read, content), gallery=gallery) for content in contents]


def _read(content: bytes) -> Picture | None:
    return cast("Picture | None", cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))


def _found_again(item: Detection, among: Sequence[Detection]) -> bool:
    return any(item.label == other.label and overlap(item.box, other.box) >= SAME_IOU for other in among)
