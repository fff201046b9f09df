"""What people are told of a model: pure arithmetic over its counters."""

from collections.abc import Mapping
from typing import Any

from appliance.analysis.engine.model import Model
from appliance.analysis.engine.queue import Queue
from appliance.local import ModelReport

OVER_S = 10.0


def model_report(model: Model, queue: Queue[Any], users: Mapping[tuple[str, str], str], now_s: float) -> ModelReport:
    """Return the figures of a model; its rate is that of the last `OVER_S` seconds."""
    cost = model.cost
    batches, done_at = tuple(cost.batches), tuple(cost.done_at)
    recent = [size for size, at_s in zip(batches, done_at, strict=False) if now_s - at_s <= OVER_S]
    return ModelReport(
        network=model.declared.network[:12],
        device=model.device.name,
        pid=model.pid,
        packages=tuple(sorted(" ".join(key) for key in users)),
        reason=model.fault,
        memory_mb=round(cost.memory_bytes / 2**20, 1),
        declared_mb=model.memory_bytes >> 20,
        pictures=cost.pictures,
        pictures_per_s=round(sum(recent) / OVER_S, 2),
        ms_per_picture=round(1000 * cost.busy_s / cost.pictures, 2) if cost.pictures else 0.0,
        batch_most=queue.limits.batch,
        batch_mean=round(sum(batches) / len(batches), 2) if batches else 0.0,
        waiting=len(queue),
        oldest_s=round(queue.oldest_s(now_s), 3),
        dropped=dict(queue.dropped),
        restarts=cost.restarts,
    )
