"""The algorithms of a bundle at one picture: what they share is computed once, in the engine's own way."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.analysis.detector import CPU
from appliance.analysis.engine.declaration import HeadOf, ModelOf, declared_by
from appliance.analysis.engine.frame import Dropped, Frame, Gallery
from appliance.analysis.engine.host import HostLost, ModelFails
from appliance.analysis.engine.model import Model, Sighted
from appliance.analysis.engine.reporting import parts_of
from appliance.packaging.errors import WrongCall
from appliance.packaging.proofs import picture_at
from federation.packages import Manifest, Package, open_package

Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A model at work, and the algorithms that share it, each with its head."""

    model: Model
    heads: Mapping[Key, str]


def shared(manifest: Manifest) -> Iterator[str]:
    """Yield lines on what a package has in common with others: its backbone, or that of a bundle's algorithms."""
    if manifest.backbone is not None:
        yield f"# backbone {manifest.backbone} of all {len(manifest.members)} algorithms"
    for platform in manifest.runtime.platforms:
        if platform.backbone is not None:
            yield f"# backbone {platform.backbone.sm3}: {platform.backbone.file}, {platform.backbone.ram_mb} MB"
            yield f"# head {platform.file}, {platform.ram_mb} MB"


def run_bundle(bundle: Package, beside: Sequence[Path], pictures: Sequence[Path]) -> Iterator[str]:
    """Yield a JSON object for each picture: what every algorithm sees, and how often each part has been computed."""
    members = _members(bundle, [open_package(path) for path in beside])
    try:
        with ExitStack() as ending:
            at_work = [_loaded(declared, heads, ending) for declared, heads in _by_model(members)]
            for path in pictures:
                yield json.dumps({"picture": str(path), **_shown(path, at_work)}, ensure_ascii=False)
    except (HostLost, ModelFails) as error:
        raise WrongCall(f"the models do not run: {error}") from error


def _members(bundle: Package, others: Sequence[Package]) -> dict[Key, Package]:
    there = {(other.manifest.id, other.manifest.version): other for other in others}
    wanted = [(member.id, member.version) for member in bundle.manifest.members]
    missing = [" ".join(key) for key in wanted if key not in there]
    if missing:
        raise WrongCall(f"give the packages of {', '.join(missing[:5])} with --beside")
    return {key: there[key] for key in wanted}


def _by_model(members: Mapping[Key, Package]) -> list[tuple[ModelOf, dict[Key, HeadOf]]]:
    found: dict[str, tuple[ModelOf, dict[Key, HeadOf]]] = {}
    for key, package in members.items():
        declared, head = declared_by(package, {CPU.kind})
        found.setdefault(declared.network, (declared, {}))[1][key] = head
    return list(found.values())


def _loaded(declared: ModelOf, heads: Mapping[Key, HeadOf], ending: ExitStack) -> Shared:
    model = Model(declared, CPU)
    ending.callback(model.end)
    model.load()
    for head in heads.values():
        model.teach(head)
    return Shared(model=model, heads={key: head.id for key, head in heads.items()})


def _shown(path: Path, at_work: Sequence[Shared]) -> dict[str, object]:
    picture = picture_at(path)
    algorithms: dict[str, object] = {}
    for each in at_work:
        frame = Frame(source=str(path), at=datetime.now(UTC), decode=lambda: picture, gallery=Gallery())
        (seen,) = each.model.look([Sighted(frame=frame, heads=frozenset(each.heads.values()))])
        for (name, _), head in each.heads.items():
            found = seen if isinstance(seen, Dropped) else seen[head]
            algorithms[name] = (
                {"fault": found.detail}
                if isinstance(found, Dropped)
                else {"detections": [item.model_dump(mode="json") for item in found.detections]}
            )
    parts = [part for each in at_work for part in parts_of(each.model, each.heads)]
    runs = [{"part": part.role, "algorithms": list(part.packages), "runs": part.runs} for part in parts]
    return {"algorithms": algorithms, "runs": runs}
