"""What models run on: the cores of this machine, or its graphics cards, and how a session is opened there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import onnxruntime as ort

from appliance.analysis.engine.queue import Limits

CPU_ALONG = 2
"""Pictures that a worker of a CPU takes along while many wait, to compute them one by one: they lie decoded."""

GPU_BATCH = 16
GPU_WINDOW_S = 0.005
GPU_WORKERS = 12
"""While a batch is computed others are decoded and laid out, and what was computed is read: that takes more time."""

GPU_RUNS = 2
"""Batches of one model on the card at the same time: one travels while the other is computed."""

GPU_SINGLE_RUNS = 6
"""The same of a model that takes one picture at once and so leaves the card idle most of the time."""

_QUIET = 3

ComputedBy = Literal["CPU", "CUDA", "TensorRT"]

Provider = tuple[str, Mapping[str, str]]
"""What onnxruntime computes by, with its options."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """One place where models run; `index` counts the cards of a machine.

    `workers` is how many batches are at work at once, `batch` how many pictures one has at most: on a CPU more than
    one gain nothing.
    """

    kind: str
    index: int = 0
    workers: int = 1
    batch: int = 1

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"

    def limits(self, model_batch: int) -> Limits:
        """Return how a model is fed here that takes `model_batch` pictures at once."""
        if self.kind == "cpu":
            return Limits(along=CPU_ALONG, workers=self.workers)
        batch = min(self.batch, model_batch)
        return Limits(batch=batch, window_s=GPU_WINDOW_S if batch > 1 else 0.0)

    def providers(self) -> list[Any]:
        """Return onnxruntime's providers with their options, the first that can run a node runs it."""
        if self.kind == "cpu":
            return ["CPUExecutionProvider"]
        # An exhaustive search costs 0.6 s for every new shape (measured by others, see docs/contributor.md).
        cuda = {
            "device_id": self.index,
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
        }
        return [("CUDAExecutionProvider", cuda), "CPUExecutionProvider"]


class CardFails(Exception):
    """A session was to run on a card and does not."""


def open_session(model: bytes, device: Device, first: Provider | None = None) -> ort.InferenceSession:
    """Return a session that uses one thread a call and never spins while it waits.

    What `first` can compute it computes. Raises CardFails where onnxruntime would quietly do without the card, or it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if device.kind != "cpu":
        ort.set_default_logger_severity(_QUIET)
        ort.preload_dlls(directory="")  # NVIDIA's libraries as Python packages bring them; else the system's are found
    wanted = [first, *device.providers()] if first else device.providers()
    session = ort.InferenceSession(model, options, providers=wanted)
    if first is not None and first[0] not in session.get_providers():
        raise CardFails(f"onnxruntime cannot use {first[0]} on {device.name}")
    if device.kind != "cpu" and "CUDAExecutionProvider" not in session.get_providers():
        raise CardFails(f"onnxruntime cannot use {device.name}: the driver, CUDA or cuDNN is missing or too old")
    return session


def bucket(pictures: int, most: int) -> int:
    """Return to how many pictures a batch is filled up: few shapes, as every new one costs a card its time."""
    size = 1
    while size < pictures:
        size *= 2
    return min(size, most)
