"""The network: a short list of layers that training, and the writer of the ONNX file, both go through.

Space-to-depth takes 4 x 4 pixels to a place; strides 8 and 16 tell small and large things. Raw YOLOX-like heads without
objectness: of each cell x, y from its corner in strides, the logarithms of width and height in strides, and logits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
from jax import Array, lax

from hil_tests.training.truth import LABELS

PATCH = 4
CHANNELS = 4 + len(LABELS)
EPSILON = 1e-3
_SURE_OF_NOTHING = -4.0  # first logit of every label: nearly all cells show nothing
_KEPT = 0.97  # share of the running statistics that a step keeps

Weights = Mapping[str, Array]
"""By `LAYER.w`, `.b`, `.gain`, `.shift`: what is learnt."""
Statistics = Mapping[str, Array]
"""By `LAYER.mean`, `.var`: of what a layer gives, over many pictures."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution of `source`; with `normed` it is brought to unit variance and cut off below zero.

    `inputs` counts channels of the source; where it is `halved`, 2 x 2 of its places are one with four times as many.
    `adds` is a layer of the same shape that is added afterwards; of one that is `doubled` every place becomes 2 x 2.
    """

    name: str
    source: str
    inputs: int
    outputs: int
    kernel: int = 3
    halved: bool = False
    normed: bool = True
    adds: str | None = None
    doubled: bool = False


def _residuals(prefix: str, source: str, width: int, count: int) -> list[Layer]:
    names = [source, *(f"{prefix}{number}" for number in range(count))]
    return [
        Layer(name=after, source=before, inputs=width, outputs=width, adds=before) for before, after in pairwise(names)
    ]


LAYERS: Sequence[Layer] = (
    Layer(name="stem", source="patches", inputs=3 * PATCH**2, outputs=24, kernel=1),
    Layer(name="small", source="stem", inputs=24, outputs=32, kernel=1, halved=True),
    *_residuals("small", "small", 32, 2),
    Layer(name="large", source="small1", inputs=32, outputs=64, kernel=1, halved=True),
    *_residuals("large", "large", 64, 4),
    Layer(name="spread", source="large3", inputs=64, outputs=32, kernel=1, doubled=True, adds="small1"),
    *_residuals("joint", "spread", 32, 2),
    Layer(name="head8", source="joint1", inputs=32, outputs=CHANNELS, kernel=1, normed=False),
    Layer(name="look16", source="large3", inputs=64, outputs=64),
    Layer(name="head16", source="look16", inputs=64, outputs=CHANNELS, kernel=1, normed=False),
)
HEADS = ("head8", "head16")


def first_weights(seed: int) -> tuple[Weights, Statistics]:
    """Return weights drawn from a seed, and the statistics that go with them."""
    keys = jax.random.split(jax.random.key(seed), len(LAYERS))
    weights: dict[str, Array] = {}
    statistics: dict[str, Array] = {}
    for layer, key in zip(LAYERS, keys, strict=True):
        inputs = layer.inputs * (4 if layer.halved else 1)
        fan_in = inputs * layer.kernel**2
        shape = (layer.kernel, layer.kernel, inputs, layer.outputs)
        spread = (2 / fan_in) ** 0.5 if layer.normed else 0.01
        weights[f"{layer.name}.w"] = jax.random.normal(key, shape) * spread
        if layer.normed:
            weights[f"{layer.name}.gain"] = jnp.ones(layer.outputs)
            weights[f"{layer.name}.shift"] = jnp.zeros(layer.outputs)
            statistics[f"{layer.name}.mean"] = jnp.zeros(layer.outputs)
            statistics[f"{layer.name}.var"] = jnp.ones(layer.outputs)
        else:
            weights[f"{layer.name}.b"] = jnp.zeros(layer.outputs).at[4:].set(_SURE_OF_NOTHING)
    return weights, statistics


def outputs(weights: Weights, statistics: Statistics, pixels: Array, *, learning: bool) -> tuple[Array, Statistics]:
    """Return (n, cells, CHANNELS) of RGB pictures (n, height, width, 3), 0 to 255, and the new statistics.

    While `learning`, a layer is normed by what it gives for these pictures, else by the statistics.
    """
    made = {"patches": _patches(pixels.astype(jnp.float32) / 255, PATCH)}
    new = dict(statistics)
    for layer in LAYERS:
        source = _patches(made[layer.source], 2) if layer.halved else made[layer.source]
        value = _convolved(source, weights[f"{layer.name}.w"])
        if layer.normed:
            mean, var = statistics[f"{layer.name}.mean"], statistics[f"{layer.name}.var"]
            if learning:
                mean, var = value.mean((0, 1, 2)), value.var((0, 1, 2))
                new |= {
                    f"{layer.name}.mean": _KEPT * statistics[f"{layer.name}.mean"] + (1 - _KEPT) * mean,
                    f"{layer.name}.var": _KEPT * statistics[f"{layer.name}.var"] + (1 - _KEPT) * var,
                }
            scale = weights[f"{layer.name}.gain"] * lax.rsqrt(var + EPSILON)
            value = jax.nn.relu((value - mean) * scale + weights[f"{layer.name}.shift"])
        else:
            value = value + weights[f"{layer.name}.b"]
        if layer.doubled:
            value = value.repeat(2, axis=1).repeat(2, axis=2)
        made[layer.name] = value if layer.adds is None else value + made[layer.adds]
    flat = [made[head].reshape(len(pixels), -1, CHANNELS) for head in HEADS]
    return jnp.concatenate(flat, axis=1), new


def _patches(value: Array, size: int) -> Array:
    """Return `size` x `size` places as one with all their channels, in the order of ONNX SpaceToDepth."""
    count, height, width, channels = value.shape
    split = value.reshape(count, height // size, size, width // size, size, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(count, height // size, width // size, -1)


def _plainly_convolved(value: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(value, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _convolved_forth(value: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _convolved(value, kernel), (value, kernel)


def _convolved_back(known: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    """Return the slopes by value and kernel; as products of matrices, which a CPU does several times faster."""
    value, kernel = known
    size, margin = kernel.shape[0], kernel.shape[0] // 2
    _, height, width, _ = value.shape
    padded = jnp.pad(value, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    by_kernel = [
        jnp.einsum("nhwi,nhwo->io", padded[:, y : y + height, x : x + width], slope)
        for y in range(size)
        for x in range(size)
    ]
    by_value = _convolved(slope, kernel[::-1, ::-1].transpose(0, 1, 3, 2))
    return by_value, jnp.stack(by_kernel).reshape(kernel.shape)


_convolved = jax.custom_vjp(_plainly_convolved)
_convolved.defvjp(_convolved_forth, _convolved_back)
