"""From a model's raw values to scores."""

from typing import Literal

import numpy as np

from appliance.analysis.decoders.outcome import Floats


def activated(values: Floats, kind: Literal["none", "sigmoid", "softmax"], *, axis: int = -1) -> Floats:
    """Return scores 0..1 of the shape of `values`; a softmax goes along `axis`."""
    if kind == "sigmoid":
        return (1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32)
    if kind == "softmax":
        powers = np.exp(values - values.max(axis=axis, keepdims=True))
        shares: Floats = (powers / powers.sum(axis=axis, keepdims=True)).astype(np.float32)
        return shares
    return values
