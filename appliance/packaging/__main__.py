"""Make and check algorithm packages: new, build, sign, verify, inspect, run, from-onnx."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import cv2

from appliance.analysis.detector import Detector
from appliance.analysis.finding import Picture
from appliance.packaging.coco import LABELS, VEHICLES
from appliance.packaging.examination import as_json, as_line, examine
from appliance.packaging.proposal import EXAMPLE, CannotPropose, Proposal, propose
from appliance.packaging.trial import MEMORY_BYTES, TIME_S
from federation.crypto import CryptoError, PublicKey, SigningKey
from federation.packages import (
    Manifest,
    Package,
    PackageError,
    open_package,
    write_manifest,
    write_package,
)
from federation.packages.signatures import sign_package
from federation.private_files import read_secret

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
    except (_WrongCall, PackageError, CannotPropose, CryptoError) as error:
        print(f"fengsui package: {error}", file=sys.stderr)
        return USAGE_ERROR
    except OSError as error:
        print(f"fengsui package: {error.filename}: {error.strerror}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fengsui package", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    new = commands.add_parser("new", help="write a folder to start from")
    new.add_argument("folder", type=Path)
    new.add_argument("--id", default="example.detector", help="id of the algorithm")
    new.set_defaults(command=_new)
    verify = commands.add_parser("verify", help="examine a package, trying its model in a process of its own")
    verify.add_argument("file", type=Path)
    verify.add_argument("--trust", type=Path, action="append", default=[], help="public SM2 key (PEM) of a signer")
    verify.add_argument("--memory-mb", type=int, default=MEMORY_BYTES >> 20, help="that the trial may use")
    verify.add_argument("--time-s", type=float, default=TIME_S, help="that the trial may take")
    verify.add_argument("--json", action="store_true", help="a JSON object per criterion")
    verify.set_defaults(command=_verify)
    sign = commands.add_parser("sign", help="sign a package with an SM2 key")
    sign.add_argument("file", type=Path)
    sign.add_argument("--key", type=Path, required=True, help="private SM2 key (PEM); it is made if there is none")
    sign.set_defaults(command=_sign)
    run = commands.add_parser("run", help="show pictures to the model of a package")
    run.add_argument("file", type=Path)
    run.add_argument("pictures", type=Path, nargs="+")
    run.set_defaults(command=_run)
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


def _new(options: argparse.Namespace) -> None:
    if options.folder.exists():
        raise _WrongCall(f"{options.folder} exists; name a new folder")
    manifest = _manifest(options.id, ("person",), EXAMPLE)
    for name in ("models", "samples"):
        (options.folder / name).mkdir(parents=True)
    (options.folder / "algorithm.yaml").write_text(write_manifest(manifest), encoding="utf-8")
    print(f"{options.folder}: put the model at {manifest.model_file}, edit algorithm.yaml, then fengsui package build")


def _verify(options: argparse.Namespace) -> None:
    if not 64 <= options.memory_mb <= 1 << 20 or not 0 < options.time_s <= 3600:
        raise _WrongCall("--memory-mb is 64 to 1048576 and --time-s up to 3600")
    trusted = [PublicKey.from_pem(path.read_text("ascii")) for path in options.trust]
    limits = {"memory_bytes": options.memory_mb << 20, "time_s": options.time_s}
    verdicts = examine(options.file, trusted=trusted, **limits)
    for verdict in verdicts:
        print(as_json(verdict) if options.json else as_line(verdict))
    refusals = [verdict.criterion.code for verdict in verdicts if verdict.refuses]
    if refusals:
        raise _WrongCall(f"{options.file} is refused: {', '.join(refusals)}")


def _sign(options: argparse.Namespace) -> None:
    package = open_package(options.file)
    key = SigningKey.from_pem(read_secret(options.key, make=lambda: SigningKey.generate().to_pem()))
    public = options.key.with_suffix(".pub.pem")
    public.write_text(key.public.to_pem(), encoding="ascii")
    sign_package(package, key)
    print(f"{options.file}: signed by {key.public.fingerprint}, whose public key is in {public}")


def _run(options: argparse.Namespace) -> None:
    package = open_package(options.file)
    if package.manifest.model_file is None:
        raise _WrongCall(f"{options.file} holds no model")
    try:
        detector = Detector(package.manifest, package.read(package.manifest.model_file))
    except (ValueError, RuntimeError) as error:
        raise _WrongCall(f"the model does not run: {str(error).splitlines()[0]}") from error
    for path in options.pictures:
        picture = cv2.imread(str(path))
        if picture is None:
            raise _WrongCall(f"{path} is no picture")
        found = [item.model_dump(mode="json") for item in detector.detect(picture)]
        print(json.dumps({"picture": str(path), "detections": found}, ensure_ascii=False))


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
