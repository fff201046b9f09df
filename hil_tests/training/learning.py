"""Training: the loss, the steps, and the checkpoint from which a broken-off training goes on as if nothing had been."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hil_tests.training.network import Statistics, Weights, first_weights, outputs
from hil_tests.training.pictures import PictureSet
from hil_tests.training.targets import CUT_PX, cells, drawn_batch

_WARM_STEPS = 100
_AVERAGED = 0.995  # the weights that are shipped are a running average of those that are learnt
_CLEAR = 1e-7
_CELLS = cells(*CUT_PX)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how boldly to learn; the same plan, pictures and processor give the same weights."""

    seed: int
    steps: int
    cycle: int = 2400
    """Steps in which the rate falls to nearly nothing; then it rises anew, less high (Loshchilov & Hutter 2017)."""
    batch: int = 8
    rate: float = 2e-3


@dataclass(frozen=True, kw_only=True)
class Learner:
    """Where a training stands after `step` steps; `kept` are the averaged weights."""

    step: int
    weights: Weights
    statistics: Statistics
    kept: Weights
    first: Weights
    second: Weights

    def save(self, path: Path) -> None:
        """Write a checkpoint; it appears whole or not at all."""
        flat: dict[str, Any] = {
            f"{part}/{name}": np.asarray(value) for part in _PARTS for name, value in getattr(self, part).items()
        }
        partly = path.with_suffix(".partial.npz")
        np.savez(partly, step=self.step, **flat)
        partly.replace(path)


_PARTS = ("weights", "statistics", "kept", "first", "second")


def beginning(seed: int) -> Learner:
    """Return a learner that has learnt nothing."""
    weights, statistics = first_weights(seed)
    nothing = {name: jnp.zeros_like(value) for name, value in weights.items()}
    return Learner(step=0, weights=weights, statistics=statistics, kept=weights, first=nothing, second=nothing)


def resumed(path: Path) -> Learner:
    """Return the learner of a checkpoint."""
    parts: dict[str, dict[str, Array]] = {part: {} for part in _PARTS}
    with np.load(path) as kept:
        for key in kept.files:
            part, _, name = key.partition("/")
            if name:
                parts[part][name] = jnp.asarray(kept[key])
        return Learner(step=int(kept["step"]), **parts)


def train(learner: Learner, plan: Plan, pictures: PictureSet, told: Callable[[Learner, float], None]) -> Learner:
    """Return the learner after the last step of the plan; `told` hears of every step and its loss."""
    while learner.step < plan.steps:
        random = np.random.default_rng([plan.seed, learner.step])
        pixels, targets = drawn_batch(pictures, plan.batch, random)
        state = {part: getattr(learner, part) for part in _PARTS}
        rate = _rate(plan, learner.step)
        state, loss = _step(state, jnp.asarray(pixels), vars(targets), rate, learner.step + 1)
        learner = Learner(step=learner.step + 1, **state)
        told(learner, float(loss))
    return learner


def _rate(plan: Plan, step: int) -> float:
    cycle, position = divmod(step, plan.cycle)
    warm = min(1.0, (step + 1) / _WARM_STEPS)
    return plan.rate / (1 + cycle) * warm * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * position / plan.cycle))))


def _stepped(
    state: Mapping[str, Weights], pixels: Array, targets: Mapping[str, Array], rate: float, step: int
) -> tuple[dict[str, Weights], Array]:
    """Return the state after one step of Adam, with decoupled decay of the kernels."""
    gradient_of = jax.value_and_grad(_loss, has_aux=True)
    (loss, statistics), gradients = gradient_of(state["weights"], state["statistics"], pixels, targets)
    norm = jnp.sqrt(sum(jnp.sum(value**2) for value in gradients.values()))
    gradients = {name: value / jnp.maximum(1.0, norm / 10) for name, value in gradients.items()}
    first = {name: 0.9 * state["first"][name] + 0.1 * value for name, value in gradients.items()}
    second = {name: 0.99 * state["second"][name] + 0.01 * value**2 for name, value in gradients.items()}
    weights = {}
    for name, value in state["weights"].items():
        towards = first[name] / (1 - 0.9**step) / (jnp.sqrt(second[name] / (1 - 0.99**step)) + 1e-8)
        weights[name] = value - rate * (towards + (1e-3 * value if name.endswith(".w") else 0.0))
    share = jnp.minimum(_AVERAGED, (step + 1.0) / (step + 20.0))
    kept = {name: share * state["kept"][name] + (1 - share) * value for name, value in weights.items()}
    return {"weights": weights, "statistics": statistics, "kept": kept, "first": first, "second": second}, loss


_step = jax.jit(_stepped)


def _loss(
    weights: Weights, statistics: Statistics, pixels: Array, targets: Mapping[str, Array]
) -> tuple[Array, Statistics]:
    """Return focal loss of the labels (Law & Deng 2018, eq. 1) and GIoU loss of the boxes (Rezatofighi 2019)."""
    raw, new = outputs(weights, statistics, pixels, learning=True)
    heat, counts, answers = targets["heat"], targets["counts"], targets["answers"]
    score = jnp.clip(jax.nn.sigmoid(raw[..., 4:]), _CLEAR, 1 - _CLEAR)
    found = (heat == 1.0).astype(jnp.float32)
    wanted = found * (1 - score) ** 2 * jnp.log(score)
    unwanted = (1 - found) * (1 - heat) ** 4 * score**2 * jnp.log(1 - score)
    things = jnp.maximum(found.sum(), 1.0)
    label_loss = -((wanted + unwanted) * counts).sum() / things
    box_loss = ((1 - _giou(corners(raw[..., :4]), targets["boxes"])) * answers).sum() / jnp.maximum(answers.sum(), 1.0)
    return label_loss + 2.0 * box_loss, new


def corners(raw: Any) -> Array:
    """Return the boxes x1, y1, x2, y2 in px that raw predictions (..., cells, 4) mean."""
    left, stride = jnp.asarray(_CELLS[:, :2]), jnp.asarray(_CELLS[:, 2:])
    middle = raw[..., :2] * stride + left
    half = jnp.exp(jnp.clip(raw[..., 2:4], -4, 4)) * stride / 2
    return jnp.concatenate([middle - half, middle + half], axis=-1)


def _giou(one: Array, two: Array) -> Array:
    inner = jnp.minimum(one[..., 2:], two[..., 2:]) - jnp.maximum(one[..., :2], two[..., :2])
    both = jnp.maximum(inner, 0).prod(-1)
    outer = (jnp.maximum(one[..., 2:], two[..., 2:]) - jnp.minimum(one[..., :2], two[..., :2])).prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (two[..., 2:] - two[..., :2]).prod(-1) - both
    return both / (union + _CLEAR) - (outer - union) / (outer + _CLEAR)


def raw_outputs(learner: Learner, pixels: np.ndarray) -> np.ndarray:
    """Return what the averaged weights make of RGB pictures (n, height, width, 3): (n, cells, CHANNELS)."""
    return np.asarray(_judged(learner.kept, learner.statistics, jnp.asarray(pixels)))


_judged = jax.jit(lambda weights, statistics, pixels: outputs(weights, statistics, pixels, learning=False)[0])
