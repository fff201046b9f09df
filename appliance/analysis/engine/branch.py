"""What an algorithm adds to a backbone: a graph of its own that takes the backbone's tensors instead of a picture."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.engine.devices import Device, open_session
from appliance.analysis.engine.network import Tensors


class Branch:
    """One session of one head's graph. `run` is thread-safe."""

    def __init__(self, model: bytes, device: Device) -> None:
        """Load the graph."""
        self._session = open_session(model, device)
        self.features = frozenset(item.name for item in self._session.get_inputs())
        self.outputs = frozenset(item.name for item in self._session.get_outputs())

    def run(self, pictures: Sequence[Tensors], wanted: Collection[str]) -> list[dict[str, NDArray[Any]]]:
        """Return the wanted tensors of every picture, made of what the backbone made of it."""
        names = sorted(wanted)
        return [self._of(tensors, names) for tensors in pictures]

    def _of(self, tensors: Tensors, names: list[str]) -> dict[str, NDArray[Any]]:
        values = self._session.run(names, {name: tensors[name] for name in self.features})
        return dict(zip(names, map(np.asarray, values), strict=True))
