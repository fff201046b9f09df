"""What the engine must know of a package: its model, and what its algorithm makes of it.

Packages that hold the same model with the same input share it, whatever each makes of its tensors: one backbone with
many heads is computed once for a picture. A head is a decoder of the tensors, and before it, where the package brings
one, a graph of its own.
"""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

from federation.packages import BadArchive, Package
from federation.packages.manifest import ModelInput, Stage
from federation.packages.outputs import ModelOutput
from federation.packages.runtime import Platform


@dataclass(frozen=True, kw_only=True)
class ModelOf:
    """A model for one kind of device: `network` names it by what it is, `memory_bytes` is what it may take."""

    network: str
    input: ModelInput
    content: Callable[[], bytes]
    kind: str
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class BranchOf:
    """A head's own graph over a backbone's tensors; `memory_bytes` is what it may take beside the backbone."""

    network: str
    content: Callable[[], bytes]
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class StageOf:
    """A second model that looks at boxes, with its only head."""

    network: str
    head: str
    input: ModelInput
    output: ModelOutput
    labels: tuple[str, ...]
    content: Callable[[], bytes]
    on: frozenset[str]
    margin: float
    most: int


@dataclass(frozen=True, kw_only=True)
class HeadOf:
    """What an algorithm makes of its model's tensors; equal ones have the same id."""

    id: str
    output: ModelOutput
    labels: tuple[str, ...]
    stages: tuple[StageOf, ...] = ()
    branch: BranchOf | None = None

    @property
    def memory_bytes(self) -> int:
        """What it may take beside its model."""
        return 0 if self.branch is None else self.branch.memory_bytes


def declared_by(package: Package, kinds: Collection[str]) -> tuple[ModelOf, HeadOf]:
    """Return what a package declares for a node with devices of these kinds; reads its models once, to know them again.

    Raises BadArchive when there is no model for this node.
    """
    manifest = package.manifest
    platform = manifest.platform_on(kinds)
    if platform is None or platform.file is None or manifest.input is None or manifest.output is None:
        raise BadArchive(f"{package.path.name} holds no model for {', '.join(sorted(kinds))}")
    backbone = platform.backbone
    file, ram_mb = (platform.file, platform.ram_mb) if backbone is None else (backbone.file, backbone.ram_mb)
    network, content = _network(package, file, manifest.input)
    stages = tuple(_stage(package, stage) for stage in manifest.stages)
    branch = _branch(package, platform)
    head = _digest(
        manifest.output.model_dump(mode="json"),
        list(manifest.labels),
        [(stage.network, stage.head, sorted(stage.on), stage.margin, stage.most) for stage in stages],
        branch and branch.network,
    )
    return (
        ModelOf(
            network=network,
            input=manifest.input,
            content=content,
            kind=platform.platform,
            memory_bytes=ram_mb << 20,
        ),
        HeadOf(id=head, output=manifest.output, labels=manifest.labels, stages=stages, branch=branch),
    )


def _branch(package: Package, platform: Platform) -> BranchOf | None:
    file = platform.file
    if file is None or platform.backbone is None:
        return None
    return BranchOf(
        network=hashlib.sha256(package.read(file)).hexdigest(),
        content=lambda: package.read(file),
        memory_bytes=platform.ram_mb << 20,
    )


def _stage(package: Package, stage: Stage) -> StageOf:
    network, content = _network(package, stage.file, stage.input)
    return StageOf(
        network=network,
        head=_digest(network, stage.output.model_dump(mode="json"), list(stage.labels)),
        input=stage.input,
        output=stage.output,
        labels=stage.labels,
        content=content,
        on=frozenset(stage.on),
        margin=stage.margin,
        most=stage.most,
    )


def _network(package: Package, file: str, entry: ModelInput) -> tuple[str, Callable[[], bytes]]:
    model = hashlib.sha256(package.read(file)).hexdigest()
    return _digest(model, entry.model_dump(mode="json")), lambda: package.read(file)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
