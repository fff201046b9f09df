"""Packs bare models: for the command, and for a hub in a process that has nothing to lose."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from appliance.packaging.drafts import HALF_MODEL, MODEL, of_model
from appliance.packaging.errors import WrongCall
from appliance.packaging.facts import MOST_LABELS
from appliance.packaging.graph import graph_fault
from appliance.packaging.half import halved
from appliance.packaging.proofs import pictures_at, proofs_of
from appliance.packaging.proposal import CannotPropose, Proposal, propose
from federation.packages import Package, PackageError, write_manifest, write_package
from federation.packages.packing import Packing

MOST_LETTERS = 64
"""Of a label."""

MORE_BYTES = 64 << 20
"""That a package may have beside its model: samples and manifest."""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A package that was made of a bare model, and what its samples proved."""

    package: Package
    proposal: Proposal


def packed(
    model_file: Path,
    output: Path,
    name: str,
    labels: tuple[str, ...] | None,
    samples: Path | None,
    *,
    half: bool = False,
) -> Packed:
    """Make a package of a bare model, with the pictures that prove it; raise CannotPropose or WrongCall."""
    model = model_file.read_bytes()
    fault = graph_fault(model)
    if fault is not None:
        raise CannotPropose("unsafe_model", f"{model_file.name} cannot be used: {fault}")
    pictures = pictures_at(samples)
    try:
        proposal = propose(model, labels, pictures)
    except RuntimeError as error:
        raise CannotPropose("unsafe_model", f"{model_file.name} is no ONNX model that runs here: {error}") from error
    proofs = proofs_of(of_model(name, proposal), model, pictures)
    manifest = of_model(name, proposal, tuple(proof.sample for proof in proofs), half=half)
    parts = {"algorithm.yaml": write_manifest(manifest).encode(), MODEL: model}
    if half:
        parts[HALF_MODEL] = halved(model, manifest, proofs)
    package = write_package(parts | {proof.sample.file: proof.content for proof in proofs}, output)
    return Packed(package=package, proposal=proposal)


def labels_at(path: Path) -> tuple[str, ...]:
    """Return the labels of a file, one a line; raise WrongCall if it names none, or what is none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise WrongCall(f"{path} is no text in UTF-8; save it so") from error
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise WrongCall(f"{path} names no label; write one a line")
    long = next((label for label in found if len(label) > MOST_LETTERS), None)
    if long is not None or len(found) > MOST_LABELS:
        said = f"{len(found)} labels" if long is None else f"the label {long[:20]!r}… of {len(long)} letters"
        raise WrongCall(f"{path} names {said}; {MOST_LABELS} of {MOST_LETTERS} letters are allowed")
    return found


def pack_in_limits(folder: Path, output: Path, name: str, memory_bytes: int) -> Packing:
    """Pack `model.onnx` of a folder within `memory_bytes` of address space; this process stays bound."""
    model, labels = folder / "model.onnx", folder / "labels"
    largest_bytes = model.stat().st_size + MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, largest_bytes))
    os.nice(5)
    try:
        made = packed(model, output, name, labels_at(labels) if labels.exists() else None, folder / "samples")
    except CannotPropose as error:
        return Packing(code=error.code, detail=str(error)[:2000])
    except MemoryError:
        return Packing(code="packing_failed", detail="the memory allowed is not enough")
    except (PackageError, WrongCall, ValueError) as error:
        return Packing(code="packing_failed", detail=str(error)[:2000])
    return Packing(support=made.proposal.support)
