"""Models of cards go over to TensorRT where it is here: their plans are built beside, while CUDA serves.

A plan takes over as a new version of an algorithm does: it looks at the samples of the packages that share the model,
and where it does not see what CUDA sees in them, or fails later, CUDA goes on. Why is told with the model.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.cards import cards_here
from appliance.analysis.engine.devices import CardFails, Device
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.host import Host, HostLost, ModelFails
from appliance.analysis.engine.model import Model, Seen
from appliance.analysis.engine.packages import Ready
from appliance.analysis.engine.plans import MOST_BYTES, Plans
from appliance.analysis.engine.tensorrt import refuse_absent
from appliance.analysis.engine.wire import Open
from appliance.analysis.finding import Picture
from appliance.analysis.switching import compared, samples_of
from federation.messages import Detection

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
BUILD_WITHIN_S = 1800.0

LEAST_ALIKE = 0.9
"""The same model by other arithmetic: so much of what one sees the other finds again."""

Shares = Mapping[Path, Ready]
VersionOn = Callable[[Device, Path], str]


@dataclass(kw_only=True)
class Acceleration:
    """One plan is built at a time: that takes a part of the card for minutes."""

    engine: Engine
    device: Device
    folder: Path
    version_on: VersionOn
    _building: Host | None = None

    async def run(self) -> None:
        """Have models go over to TensorRT until cancelled; return at once where it is not here."""
        try:
            version = await asyncio.to_thread(self.version_on, self.device, self.folder)
        except (CardFails, HostLost, ModelFails, OSError) as error:
            log.info("models run without TensorRT: %s", error)
            return
        plans = Plans(folder=self.folder, versions=f"onnxruntime {ort.__version__}, TensorRT {version}")
        await asyncio.to_thread(plans.clear_stale)
        try:
            while True:
                for model, shares in self.engine.shares().items():
                    if model.cost.provider == "CUDA" and not model.cost.plain:
                        await self.try_over(plans, model, shares)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            if self._building is not None:
                self._building.end()  # so that nobody waits for what it would have become

    async def try_over(self, plans: Plans, model: Model, shares: Shares) -> None:
        """Have one model go over to its plan, which is built if there is none; note why, if it does not."""
        try:
            reason = await asyncio.to_thread(self._gone_over, plans, model, shares)
        except (HostLost, ModelFails, OSError) as error:
            reason = f"tensorrt_failed: {error}"
        if reason:
            model.cost.plain = reason
            log.warning("model %s stays as it is: %s", model.name[:12], reason)

    def _gone_over(self, plans: Plans, model: Model, shares: Shares) -> str:
        pictures = pictures_of(shares, self.engine)
        if not pictures:
            return "tensorrt_unproven: no package that shares the model has samples to compare by"
        card = _card(model.device)
        plan = plans.found(model.name, card) or self._built(plans, model, card)
        refusal = model.exchange(str(plan), lambda former, beside: unlike(model, former, beside, pictures, shares))
        if refusal:
            plans.drop(plan)
        return refusal

    def _built(self, plans: Plans, model: Model, card: str) -> Path:
        folder, declared = plans.begin(model.name, card), model.declared
        self._building = Host(model.device, memory_bytes=model.memory_bytes, slot_bytes=0, file_bytes=MOST_BYTES)
        try:
            self._building.prepare(str(folder))
            opened = Open(network=declared.network, input=declared.input, plan=str(folder))
            self._building.ask(opened, model=declared.content(), within_s=BUILD_WITHIN_S)
        except (HostLost, ModelFails):
            plans.drop(folder)
            raise
        finally:
            self._building.end()
            self._building = None
        return plans.keep(folder)


def version_on(device: Device, folder: Path) -> str:
    """Return the version of TensorRT that really computes on a card; raise CardFails, HostLost or ModelFails."""
    refuse_absent()
    plans = Plans(folder=folder, versions="trial")
    scratch, host = plans.begin("trial", ""), Host(device, memory_bytes=0, slot_bytes=0, file_bytes=MOST_BYTES)
    try:
        return host.prepare(str(scratch)).tensorrt
    finally:
        host.end()
        plans.drop(scratch)


def pictures_of(shares: Shares, engine: Engine) -> list[Picture]:
    """Return the samples of packages; blocks."""
    pictures = []
    for package in shares:
        for frame in samples_of(package, engine.gallery):
            try:
                pictures.append(frame.picture())
            except CannotDecode:
                log.warning("a sample of %s cannot be decoded", package.name)
    return pictures


def unlike(model: Model, former: Host, beside: Host, pictures: Sequence[Picture], shares: Shares) -> str:
    """Return where two processes of a model see other things in the same pictures; empty if they see the same."""
    before, after = (model.seen_through(host, pictures) for host in (former, beside))
    if not any(_detections(seen, head) for seen in before for head in seen):
        return "tensorrt_unproven: nothing is seen in the samples of the packages that share the model"
    for ready in shares.values():
        seen = [
            (_detections(old, ready.head), _detections(new, ready.head)) for old, new in zip(before, after, strict=True)
        ]
        for pairs in (seen, [(new, old) for old, new in seen]):
            trial = compared(pairs, ready.manifest, enough=1, least=LEAST_ALIKE)
            if trial.refusal:
                missing = trial.seen_before - trial.agreed
                return f"tensorrt_differs: {missing} of {trial.seen_before} things in the samples are seen by one alone"
    return ""


def _detections(seen: Seen, head: str) -> Sequence[Detection]:
    found = seen.get(head)
    return () if found is None or isinstance(found, Dropped) else found.detections


def _card(device: Device) -> str:
    return next((f"{card.name} {card.memory_mb}" for card in cards_here() if card.index == device.index), device.name)
