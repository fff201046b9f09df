"""NVIDIA's TensorRT: whether it is here, and how onnxruntime is told to compute a model by it.

Its plan of a model is built on the card itself in minutes and loaded in seconds; it fits this card and these versions
alone (onnxruntime.ai, "TensorRT Execution Provider", caches).
"""

import ctypes
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx import TensorProto

from appliance.analysis.engine.devices import CardFails, Device, Provider
from federation.packages.manifest import ModelInput

PROVIDER = "TensorrtExecutionProvider"
LIBRARIES = ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")
"""In the order of their needs; onnxruntime's provider is linked with this version."""

WORKSPACE_BYTES = 2 << 30
"""So much of the card a build may take beside the models at work."""


def refuse_absent() -> None:
    """Raise CardFails where this onnxruntime knows nothing of TensorRT."""
    if PROVIDER not in ort.get_available_providers():
        raise CardFails("this onnxruntime is built without TensorRT")


def load_libraries(names: Sequence[str] = LIBRARIES) -> str:
    """Load TensorRT into this process and return its version; raise CardFails that says what does not load."""
    brought = importlib.util.find_spec("tensorrt_libs")  # where NVIDIA's Python packages put it
    folders = [Path(place) for place in (brought.submodule_search_locations or ())] if brought else []
    paths = [next((str(folder / name) for folder in folders if (folder / name).exists()), name) for name in names]
    try:
        loaded = [ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL) for path in paths]
        return str(loaded[0].getInferLibVersion())
    except (OSError, AttributeError) as error:
        raise CardFails(f"TensorRT cannot be loaded: {error}") from error


def provider(model: bytes, declared: ModelInput, device: Device, plan: str) -> Provider:
    """Return TensorRT with its options for a model whose plan lies in a folder, or is built there.

    A model that takes any number of pictures is built for what its device gives it at once. It computes with 16 bits
    where the package brings a model of such numbers, and never else: that is what its samples were proven with.
    """
    graph = onnx.load_from_string(model).graph
    sizes = {item.name: _sizes(item) for item in graph.input}
    most = device.batch if 0 in sizes.get(declared.tensor, (1,))[:1] and not declared.extra else 1
    options = {
        "device_id": str(device.index),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": plan,
        "trt_max_workspace_size": str(WORKSPACE_BYTES),
        "trt_fp16_enable": str(int(_is_half(graph))),
    }
    if any(0 in dims for dims in sizes.values()):
        options |= {
            "trt_profile_min_shapes": _profile(sizes, declared, 1),
            "trt_profile_opt_shapes": _profile(sizes, declared, most),
            "trt_profile_max_shapes": _profile(sizes, declared, most),
        }
    return PROVIDER, options


def _sizes(item: onnx.ValueInfoProto) -> tuple[int, ...]:
    """Return the axes of an input, 0 for one of any size."""
    return tuple(axis.dim_value for axis in item.type.tensor_type.shape.dim)


def _profile(sizes: dict[str, tuple[int, ...]], declared: ModelInput, pictures: int) -> str:
    width, height = declared.size
    picture = (3, height, width) if declared.layout == "NCHW" else (height, width, 3)
    known = {declared.tensor: (pictures, *picture), **{extra.tensor: (1, 2) for extra in declared.extra}}
    return ",".join(f"{name}:{'x'.join(map(str, known[name]))}" for name, dims in sizes.items() if 0 in dims)


def _is_half(graph: onnx.GraphProto) -> bool:
    kinds = [weight.data_type for weight in graph.initializer]
    kinds += [item.type.tensor_type.elem_type for item in graph.input]
    return TensorProto.FLOAT16 in kinds
