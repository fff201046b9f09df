"""What people are told of a model: pure arithmetic over its counters."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from appliance.analysis.engine.cards import Card
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.model import Model
from appliance.analysis.engine.queue import Queue
from appliance.analysis.outside.system import OutsideSystem
from appliance.local import CardReport, ModelReport, PartReport

OVER_S = 10.0
Role = Literal["model", "backbone", "head", "stage"]


def model_report(
    model: Model | OutsideSystem, queue: Queue[Any], users: Mapping[tuple[str, str], str], now_s: float
) -> ModelReport:
    """Return the figures of a model, or of a system of others; its rate is that of the last `OVER_S` seconds."""
    cost = model.cost
    batches, done_at = tuple(cost.batches), tuple(cost.done_at)
    recent = [size for size, at_s in zip(batches, done_at, strict=False) if now_s - at_s <= OVER_S]
    figures = ModelReport(
        network=model.name[:12],
        device=model.device_name,
        packages=tuple(sorted(" ".join(key) for key in users)),
        reason=model.fault,
        pictures=cost.pictures,
        pictures_per_s=round(sum(recent) / OVER_S, 2),
        ms_per_picture=round(1000 * cost.busy_s / cost.pictures, 2) if cost.pictures else 0.0,
        batch_most=queue.limits.most,
        batch_mean=round(sum(batches) / len(batches), 2) if batches else 0.0,
        waiting=len(queue),
        oldest_s=round(queue.oldest_s(now_s), 3),
        dropped=dict(queue.dropped + cost.dropped),
        restarts=cost.restarts,
    )
    if isinstance(model, OutsideSystem):
        return figures
    own = {
        "pid": model.pid,
        "memory_mb": round(cost.memory_bytes / 2**20, 1),
        "card_memory_mb": round(cost.card_bytes / 2**20, 1),
        "declared_mb": model.memory_bytes >> 20,
        "provider": cost.provider,
        "plain": cost.plain,
        "gave_up": cost.gave_up,
        "parts": tuple(parts_of(model, users)),
    }
    return figures.model_copy(update=own)


def card_reports(
    cards: Iterable[Card], devices: Iterable[Device], models: Iterable[ModelReport]
) -> tuple[CardReport, ...]:
    """Return how it stands with every card of this machine, and what its models do there."""
    used = {device.name for device in devices}
    loaded = list(models)
    found = []
    for card in cards:
        name = f"cuda:{card.index}"
        mine = [model for model in loaded if model.device == name]
        found.append(
            CardReport(
                device=name,
                name=card.name,
                is_used=name in used,
                memory_mb=card.memory_mb,
                used_mb=card.used_mb,
                busy_percent=card.busy_percent,
                models=len(mine),
                failing=sum(1 for model in mine if model.reason),
                pictures_per_s=round(sum(model.pictures_per_s for model in mine), 2),
            )
        )
    return tuple(found)


def parts_of(model: Model, users: Mapping[tuple[str, str], str]) -> Iterator[PartReport]:
    """Yield what a model is made of: itself, the branches of its heads, and their second models.

    `users` are the algorithms that need it, each with its head.
    """
    heads = model.heads
    known = {key: heads[head] for key, head in users.items() if head in heads}
    branches = {head.branch.network: head.branch.memory_bytes for head in heads.values() if head.branch is not None}
    own = model.declared
    yield _part(model, own.network, "backbone" if branches else "model", known, own.memory_bytes)
    for name, memory_bytes in branches.items():
        mine = [key for key, head in known.items() if head.branch is not None and head.branch.network == name]
        yield _part(model, name, "head", mine, memory_bytes)
    for name in dict.fromkeys(stage.network for head in heads.values() for stage in head.stages):
        mine = [key for key, head in known.items() if any(stage.network == name for stage in head.stages)]
        yield _part(model, name, "stage", mine, 0)


def _part(model: Model, network: str, role: Role, packages: Iterable[tuple[str, str]], memory_bytes: int) -> PartReport:
    spent = model.cost.parts.of(network)
    return PartReport(
        role=role,
        network=network[:12],
        packages=tuple(sorted(" ".join(key) for key in packages)),
        declared_mb=memory_bytes >> 20,
        runs=spent.runs,
        ms_per_run=round(1000 * spent.busy_s / spent.runs, 2) if spent.runs else 0.0,
    )
