"""What models run on: the cores of this machine, or its graphics cards, and how a session is opened there."""

from dataclasses import dataclass
from typing import Any

import onnxruntime as ort

from appliance.analysis.engine.queue import Limits

GPU_BATCH = 16
GPU_WINDOW_S = 0.005
GPU_WORKERS = 2
"""One batch is prepared while another is computed."""

_QUIET = 3


@dataclass(frozen=True, kw_only=True)
class Device:
    """One place where models run; `index` counts the cards of a machine, `workers` is how many batches run at once."""

    kind: str
    index: int = 0
    workers: int = 1
    tensorrt: bool = False

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"

    @property
    def batch(self) -> int:
        """How many pictures one run takes at most: on a CPU more gain nothing."""
        return 1 if self.kind == "cpu" else GPU_BATCH

    def limits(self, model_batch: int) -> Limits:
        """Return how a model is fed here that takes `model_batch` pictures at once."""
        batch = min(self.batch, model_batch)
        return Limits(batch=batch, window_s=GPU_WINDOW_S if batch > 1 else 0.0)

    def providers(self) -> list[Any]:
        """Return onnxruntime's providers with their options, the first that can run a node runs it."""
        if self.kind == "cpu":
            return ["CPUExecutionProvider"]
        # An exhaustive search costs 0.6 s for every new shape (measured by others, see docs/engine.md).
        cuda = {"device_id": self.index, "cudnn_conv_algo_search": "HEURISTIC"}
        tensorrt = {"device_id": self.index, "trt_fp16_enable": True}
        first: list[Any] = [("TensorrtExecutionProvider", tensorrt)] if self.tensorrt else []
        return [*first, ("CUDAExecutionProvider", cuda), "CPUExecutionProvider"]


def devices_here(cores: int, cards: int, providers: tuple[str, ...]) -> tuple[Device, ...]:
    """Return the devices of a machine: its cards where onnxruntime can use them, else its cores."""
    if cards and "CUDAExecutionProvider" in providers:
        tensorrt = "TensorrtExecutionProvider" in providers
        return tuple(Device(kind="cuda", index=index, workers=GPU_WORKERS, tensorrt=tensorrt) for index in range(cards))
    return (Device(kind="cpu", workers=max(1, cores)),)


def open_session(model: bytes, device: Device) -> ort.InferenceSession:
    """Return a session that uses one thread a call and never spins while it waits."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=device.providers())


def bucket(pictures: int, most: int) -> int:
    """Return to how many pictures a batch is filled up: few shapes, as every new one costs a card its time."""
    size = 1
    while size < pictures:
        size *= 2
    return min(size, most)
