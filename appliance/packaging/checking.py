"""The commands that look at a package: verify, inspect, run."""

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from appliance.analysis.detector import detector_of
from appliance.analysis.outside.errors import OutsideFault
from appliance.packaging.bundles import run_bundle, shared
from appliance.packaging.endpoints import Outside
from appliance.packaging.errors import WrongCall
from appliance.packaging.keys import public_keys
from appliance.packaging.proofs import picture_at
from appliance.packaging.reaching import reach
from federation.messages import Detection
from federation.packages import Package, open_package, write_manifest
from federation.packages.examination import examine
from federation.packages.stock import Kept, Stock
from federation.packages.trial import Trial, try_out
from federation.packages.verdicts import Verdict

OF_NO_NODE = frozenset({"container", "device"})
"""Kinds of package that are described and examined, and that no node runs."""


def verify(options: argparse.Namespace) -> Iterator[str]:
    """Yield a line on the verdict on every criterion; raise WrongCall for a package that cannot be used."""
    if not 64 <= options.memory_mb <= 1 << 20 or not 0 < options.time_s <= 3600:
        raise WrongCall("--memory-mb is 64 to 1048576 and --time-s up to 3600")
    trusted = public_keys(options.trust)
    others = [open_package(path) for path in options.beside]
    kept = [Kept(manifest=other.manifest, digest=other.digest) for other in others]
    found = examine(
        options.file,
        trusted=trusted,
        stock=Stock(kept) if kept else None,
        trial=partial(
            _trial, secret_file=options.secret_file, memory_bytes=options.memory_mb << 20, time_s=options.time_s
        ),
    )
    for verdict in found.verdicts:
        yield as_json(verdict) if options.json else as_line(verdict)
    if found.refusals:
        codes = ", ".join(verdict.criterion.code for verdict in found.refusals)
        raise WrongCall(f"{options.file} is refused: {codes}")


def inspect(options: argparse.Namespace) -> Iterator[str]:
    """Yield what is in a package: its files with their sizes, and its manifest."""
    package = open_package(options.file)
    yield f"# {package.digest}, {package.size_bytes} bytes"
    for name, size_bytes in package.sizes.items():
        yield f"# {size_bytes:>12}  {name}"
    yield from shared(package.manifest)
    yield write_manifest(package.manifest).rstrip()


def run(options: argparse.Namespace) -> Iterator[str]:
    """Yield a JSON object for each picture: what the model, the bundle's models, or the outside system, see in it."""
    package = open_package(options.file)
    for path in options.pictures:
        if not path.is_file():
            raise WrongCall(f"{path} is no file")
    kind = package.manifest.kind
    if kind in OF_NO_NODE:
        raise WrongCall(f"{options.file} is of kind {kind}: nodes of this version run none, so no picture can be shown")
    if kind == "bundle":
        yield from run_bundle(package, options.beside, options.pictures)
        return
    for path, found in _seen(package, options.pictures, options.secret_file):
        shown = [item.model_dump(mode="json") for item in found]
        yield json.dumps({"picture": str(path), "detections": shown}, ensure_ascii=False)


def as_line(verdict: Verdict) -> str:
    """Return a verdict for people, with the hint in both languages where something is wrong."""
    shown = "warning" if verdict.outcome == "failed" and not verdict.refuses else verdict.outcome
    detail = f": {verdict.detail}" if verdict.detail else ""
    line = f"{shown:8} {verdict.criterion.code}{detail}"
    if verdict.outcome != "failed":
        return line
    return f"{line}\n         {verdict.criterion.hint.zh}\n         {verdict.criterion.hint.en}"


def as_json(verdict: Verdict) -> str:
    """Return a verdict as one line of JSON."""
    criterion = verdict.criterion
    parts = {"rule": criterion.rule, "code": criterion.code, "severity": criterion.severity}
    rest = {"outcome": verdict.outcome, "detail": verdict.detail, "hint": criterion.hint.model_dump()}
    return json.dumps({**parts, **rest}, ensure_ascii=False)


def _trial(package: Package, *, secret_file: Path | None, memory_bytes: int, time_s: float) -> Trial:
    if package.manifest.outside is not None:
        return reach(package, secret_file)
    return try_out(package, memory_bytes=memory_bytes, time_s=time_s)


def _seen(package: Package, pictures: list[Path], secret_file: Path | None) -> list[tuple[Path, tuple[Detection, ...]]]:
    endpoint = package.manifest.outside
    try:
        if endpoint is not None:
            with closing(Outside(package.manifest, endpoint, secret_file)) as system:
                return [(path, system.detect(picture_at(path))) for path in pictures]
        detector = detector_of(package)
        return [(path, tuple(detector.detect(picture_at(path)))) for path in pictures]
    except OutsideFault as error:
        raise WrongCall(f"the system does not answer as it should: {error}") from error
    except (ValueError, RuntimeError) as error:
        raise WrongCall(f"the model does not run: {str(error).splitlines()[0]}") from error
