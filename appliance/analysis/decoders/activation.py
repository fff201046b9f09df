"""From a model's raw values to scores."""

from typing import Literal

import numpy as np

from appliance.analysis.decoders.outcome import BadOutput, Floats


def activated(values: Floats, kind: Literal["none", "sigmoid", "softmax"], *, axis: int = -1) -> Floats:
    """Return scores 0..1 of the shape of `values`; a softmax goes along `axis`.

    Raises BadOutput for a softmax of a single score: whatever the model says, that is certain.
    """
    if kind == "sigmoid":
        return (1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32)
    if kind == "softmax" and values.shape[axis] == 1:
        raise BadOutput("a softmax of one score is always 1; declare activation sigmoid or none")
    if kind == "softmax":
        powers = np.exp(values - values.max(axis=axis, keepdims=True))
        shares: Floats = (powers / powers.sum(axis=axis, keepdims=True)).astype(np.float32)
        return shares
    return values
