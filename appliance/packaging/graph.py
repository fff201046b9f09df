"""What an ONNX file may hold: standard operators, a known opset, and all of its weights."""

from collections.abc import Iterator
from typing import Any

import onnx

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
OLDEST_OPSET = 7


def graph_fault(model: bytes) -> str | None:
    """Return what makes a model unsafe or unreadable, or None."""
    try:
        loaded = onnx.load_model_from_string(model)
    except Exception as error:  # noqa: BLE001 - protobuf's decode error has no public name
        return f"it is no ONNX file: {_line(error)}"
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data for tensor in _tensors(loaded)):
        return "weights lie outside of the file"
    newest = onnx.defs.onnx_opset_version()
    for item in loaded.opset_import:
        if item.domain not in DOMAINS:
            return f"operators of the unknown domain {item.domain[:40]!r}"
        if item.domain in {"", "ai.onnx"} and not OLDEST_OPSET <= item.version <= newest:
            return f"opset {item.version}; {OLDEST_OPSET} to {newest} are known"
    try:
        onnx.checker.check_model(loaded)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        return _line(error)
    return None


def _tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor of a model, those in the attributes of nested graphs and functions too."""
    pending = [message]
    while pending:
        current = pending.pop()
        if isinstance(current, onnx.TensorProto):
            yield current
            continue
        for field, value in current.ListFields():
            if field.message_type is not None:
                pending.extend(value if field.is_repeated else [value])


def _line(error: Exception) -> str:
    return str(error).strip().replace("\n", " ")[:160]
