"""Make and check algorithm packages: verify, inspect, build, from-onnx."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import cv2

from appliance.analysis.finding import Picture
from appliance.packaging.coco import LABELS, VEHICLES
from appliance.packaging.proposal import CannotPropose, Proposal, propose
from federation.packages import (
    Manifest,
    Package,
    PackageError,
    open_package,
    write_manifest,
    write_package,
)

USAGE_ERROR = 2
SAMPLES = 6
PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


class _WrongCall(Exception):
    """The call cannot be carried out; the text says what to do."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _WrongCall(message)


def main(argv: list[str]) -> int:
    """Run `fengsui package`; return 0, or 2 with one line about what is wrong."""
    try:
        options = _parser().parse_args(argv)
        options.command(options)
    except (_WrongCall, PackageError, CannotPropose) as error:
        print(f"fengsui package: {error}", file=sys.stderr)
        return USAGE_ERROR
    except OSError as error:
        print(f"fengsui package: {error.filename}: {error.strerror}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fengsui package", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    verify = commands.add_parser("verify", help="check a package and say whether it is sound")
    verify.add_argument("file", type=Path)
    verify.set_defaults(command=_verify)
    inspect = commands.add_parser("inspect", help="print the manifest of a package")
    inspect.add_argument("file", type=Path)
    inspect.set_defaults(command=_inspect)
    build = commands.add_parser("build", help="pack a folder with algorithm.yaml")
    build.add_argument("folder", type=Path)
    build.add_argument("-o", "--output", type=Path, required=True)
    build.set_defaults(command=_build)
    bare = commands.add_parser("from-onnx", help="make a package of a bare ONNX detector")
    bare.add_argument("model", type=Path)
    bare.add_argument("--labels", default="coco", help="coco, or a file with one label a line")
    bare.add_argument("--samples", type=Path, help="folder of pictures or videos, or one of them")
    bare.add_argument("--id", help="id of the algorithm (default: from the file's name)")
    bare.add_argument("-o", "--output", type=Path, required=True)
    bare.set_defaults(command=_from_onnx)
    return parser


def _verify(options: argparse.Namespace) -> None:
    print(_sentence(open_package(options.file)))


def _inspect(options: argparse.Namespace) -> None:
    print(write_manifest(open_package(options.file).manifest), end="")


def _build(options: argparse.Namespace) -> None:
    print(_sentence(write_package(options.folder, options.output)))


def _from_onnx(options: argparse.Namespace) -> None:
    model = options.model.read_bytes()
    labels = _labels(options.labels)
    try:
        proposal = propose(model, len(labels), _samples(options.samples))
    except RuntimeError as error:
        raise _WrongCall(f"{options.model} is no ONNX model that runs here: {error}") from error
    name = options.id or _slug(options.model.stem)
    manifest = _manifest(name, labels, proposal)
    parts = {"algorithm.yaml": write_manifest(manifest).encode(), "models/model.onnx": model}
    print(_sentence(write_package(parts, options.output)))


def _manifest(name: str, labels: tuple[str, ...], proposal: Proposal) -> Manifest:
    known = set(labels)
    events: list[dict[str, Any]] = []
    if "person" in known:
        events.append(_event(name, "person", "人员", "Person", ["person"]))
    vehicles = [label for label in VEHICLES if label in known]
    if vehicles:
        events.append(_event(name, "vehicle", "车辆", "Vehicle", vehicles))
    if not events:
        events = [_event(name, _slug(label), label, label, [label]) for label in labels[:100]]
    return Manifest.model_validate(
        {
            "apiVersion": "algpkg/1",
            "kind": "algorithm",
            "id": name,
            "version": "1.0.0",
            "name": {"zh": f"目标检测（{name}）", "en": f"Detection ({name})"},
            "description": {
                "zh": "由 ONNX 模型生成的目标检测算法包",
                "en": "Object detection, packaged from an ONNX model",
            },
            "vendor": {"id": "local", "name": {"zh": "本地导入", "en": "Imported here"}},
            "runtime": {"platforms": [{"backend": "onnxruntime", "file": "models/model.onnx"}]},
            "input": proposal.input.model_dump(),
            "output": proposal.output.model_dump(),
            "labels": labels,
            "rule": {"kind": "presence", "defaults": {"min_conf": 0.4, "dedupe_s": 15.0}},
            "events": events,
            "licence": {"software": "NOASSERTION", "weights": "NOASSERTION"},
        }
    )


def _event(name: str, code: str, zh: str, en: str, labels: list[str]) -> dict[str, Any]:
    return {"code": f"{name}/{code}", "name": {"zh": zh, "en": en}, "when": {"labels": labels}}


def _labels(given: str) -> tuple[str, ...]:
    if given == "coco":
        return LABELS
    lines = Path(given).read_text(encoding="utf-8").splitlines()
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise _WrongCall(f"{given} names no label; write one a line")
    return found


def _samples(place: Path | None) -> list[Picture]:
    if place is None:
        return []
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    if not all(file.exists() for file in files):
        raise _WrongCall(f"--samples: there is no {place}")
    found: list[Picture] = []
    for file in files:
        found += _pictures(file, SAMPLES)
    return found[: 4 * SAMPLES]


def _pictures(file: Path, count: int) -> list[Picture]:
    """Return a still picture, or `count` frames spread over a video; nothing for other files."""
    if file.suffix.lower() in PICTURES:
        picture = cv2.imread(str(file))
        return [] if picture is None else [picture]
    video = cv2.VideoCapture(str(file))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    found: list[Picture] = []
    for index in range(count if frames > 0 else 0):
        video.set(cv2.CAP_PROP_POS_FRAMES, index * frames // count)
        done, picture = video.read()
        if done:
            found.append(picture)
    video.release()
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-")[:48] or "detector"


def _sentence(package: Package) -> str:
    manifest = package.manifest
    return f"{manifest.id} {manifest.version}: sound, {package.size} bytes, {package.digest}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
