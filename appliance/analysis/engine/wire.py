"""What the engine and a model's own process say to one another: JSON. Pictures lie in memory that both see.

Nothing of what the child says is unpickled or believed: it runs a model that a stranger may have made.
"""

import base64
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from appliance.analysis.engine.devices import ComputedBy
from appliance.analysis.preprocessing import Placement
from appliance.analysis.region import GRID_PX, ByteMask
from federation.packages.manifest import ModelInput
from federation.packages.outputs import ModelOutput

ANSWER_LIMIT_BYTES = 16 << 20


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Open(_Message):
    """Load the model whose bytes follow, under a name."""

    do: Literal["open"] = "open"
    network: str
    input: ModelInput
    plan: str = Field(default="", description="where TensorRT's plan of it lies or is built; empty: without TensorRT")


class Teach(_Message):
    """Know what an algorithm makes of a network's tensors; the bytes of its branch follow, if it names one."""

    do: Literal["teach"] = "teach"
    network: str
    head: str
    output: ModelOutput
    labels: tuple[str, ...]
    branch: str = ""
    memory_bytes: int = Field(description="what the process may take from now on")


class Forget(_Message):
    """Let a head go, with its branch where no other head has the same."""

    do: Literal["forget"] = "forget"
    head: str


class Look(_Message):
    """Look at the canvases in the slot, as many as placements: uint8, height x width x 3 each."""

    do: Literal["look"] = "look"
    network: str
    heads: tuple[str, ...]
    placements: tuple[Placement, ...]


Message = Open | Teach | Forget | Look
Ask = Annotated[Message, Field(discriminator="do")]
ASK: TypeAdapter[Message] = TypeAdapter(Ask)

_Share = Annotated[float, Field(ge=0, le=1)]
Row = tuple[_Share, _Share, _Share, _Share, _Share, Annotated[int, Field(ge=0, le=10_000)]]
"""x1, y1, x2, y2 in shares of the picture, score, index of the label."""

_GRID_BYTES = GRID_PX[0] * GRID_PX[1] // 8
_Bits = Annotated[str, StringConstraints(pattern=rf"^[A-Za-z0-9+/]{{{_GRID_BYTES // 3 * 4}}}$")]
Places = tuple[Annotated[int, Field(ge=0, le=10_000)], _Bits]
"""The index of a row, and where on the grid it is: a bit for every place, row by row, in Base64."""


class Fault(_Message):
    """Why something could not be computed; `gone`: a head that is asked is not known."""

    code: Literal["bad_output", "memory_short", "card_fails", "failed", "gone"]
    error: str = Field(default="", max_length=500)


class Spent(_Message):
    """How often a network or a branch was computed, and for how long in all."""

    runs: int = Field(default=0, ge=0)
    busy_s: float = Field(default=0.0, ge=0)

    def plus(self, other: "Spent") -> "Spent":
        """Return both together."""
        return Spent(runs=self.runs + other.runs, busy_s=self.busy_s + other.busy_s)


class Answer(_Message):
    """What became of it: a fault, or for every head what it saw in each picture, or its own fault."""

    fault: Fault | None = None
    batch: int = Field(default=1, ge=1, le=64)
    provider: ComputedBy = "CPU"
    tensorrt: str = Field(default="", max_length=32, description="its version where it computes")
    seen: dict[str, tuple[tuple[Row, ...], ...]] = Field(default_factory=dict)
    places: dict[str, tuple[tuple[Places, ...], ...]] = Field(default_factory=dict)
    faults: dict[str, Fault] = Field(default_factory=dict)
    spent: dict[str, Spent] = Field(default_factory=dict)


def packed(mask: ByteMask) -> str:
    """Return a mask on the grid as bits in Base64."""
    return base64.b64encode(np.packbits(mask > 0).tobytes()).decode()


def unpacked(bits: str) -> ByteMask:
    """Return the mask, 255 where it is."""
    values = np.unpackbits(np.frombuffer(base64.b64decode(bits), np.uint8))
    return values.reshape(GRID_PX[::-1]) * np.uint8(255)
