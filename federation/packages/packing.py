"""A bare model is packed in a process of its own, with as much memory and time as it is allowed, as trials are."""

import asyncio
import contextlib
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from federation.packages.trial import MEMORY_BYTES, PROGRAM

TIME_S = 300.0
"""Every way that fits a model is tried on every sample."""

Fault = Literal["unsafe_model", "no_picture_input", "no_decoder", "no_samples", "nothing_found", "packing_failed"]


class Packing(BaseModel):
    """What became of a packing: the code of what kept it back and why, or nothing, and how well samples prove it."""

    model_config = ConfigDict(frozen=True)

    code: Fault | None = None
    detail: Annotated[str, StringConstraints(max_length=2000)] = ""
    support: float = Field(default=0.0, ge=0, description="summed scores of what was found twice, a picture")


async def pack_model(
    folder: Path, output: Path, name: str, *, memory_bytes: int = MEMORY_BYTES, time_s: float = TIME_S
) -> Packing:
    """Pack `model.onnx` of a folder into `output` within `time_s` and return what became of it.

    Both paths are absolute. Beside the model lie its sample pictures in `samples`, and a file `labels` with one label
    a line if they are known. Who is cancelled meanwhile leaves no process behind.
    """
    command = [*PROGRAM, "pack", str(folder), str(output), name, str(memory_bytes)]
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(time_s):
            said, complained = await process.communicate()
    except TimeoutError:
        return Packing(code="packing_failed", detail=f"no result within {time_s:g} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    with contextlib.suppress(ValidationError):
        return Packing.model_validate_json(said)
    last = complained.decode(errors="replace").strip().splitlines()[-1:]
    return Packing(code="packing_failed", detail=f"it ended with {process.returncode}: {''.join(last)[:300]}")
