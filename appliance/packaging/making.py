"""The commands that make packages: new, build, sign, from-onnx, from-endpoint."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2

from appliance.analysis.finding import Picture
from appliance.packaging.coco import LABELS
from appliance.packaging.drafts import of_model, of_offer, slug
from appliance.packaging.endpoints import EndpointFault, offers
from appliance.packaging.errors import WrongCall
from appliance.packaging.proposal import EXAMPLE, propose
from federation.crypto import SigningKey
from federation.packages import Package, open_package, write_manifest, write_package
from federation.packages.signatures import sign_package
from federation.private_files import read_secret

SAMPLES = 6
PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


def new(options: argparse.Namespace) -> Iterator[str]:
    """Write a folder with a whole manifest to start from."""
    if options.folder.exists():
        raise WrongCall(f"{options.folder} exists; name a new folder")
    manifest = of_model(options.id, ("person",), EXAMPLE)
    for name in ("models", "samples"):
        (options.folder / name).mkdir(parents=True)
    (options.folder / "algorithm.yaml").write_text(write_manifest(manifest), encoding="utf-8")
    yield f"{options.folder}: put the model at {manifest.model_file}, edit algorithm.yaml, then fengsui package build"


def build(options: argparse.Namespace) -> Iterator[str]:
    """Pack a folder."""
    yield _sentence(write_package(options.folder, options.output))


def sign(options: argparse.Namespace) -> Iterator[str]:
    """Add a signature to a package; the key is made where there is none."""
    package = open_package(options.file)
    key = SigningKey.from_pem(read_secret(options.key, make=lambda: SigningKey.generate().to_pem()))
    public = options.key.with_suffix(".pub.pem")
    public.write_text(key.public.to_pem(), encoding="ascii")
    sign_package(package, key)
    yield f"{options.file}: signed by {key.public.fingerprint}, whose public key is in {public}"


def from_onnx(options: argparse.Namespace) -> Iterator[str]:
    """Make a package of a bare model."""
    model = options.model.read_bytes()
    labels = _labels(options.labels)
    try:
        proposal = propose(model, len(labels), _samples(options.samples))
    except RuntimeError as error:
        raise WrongCall(f"{options.model} is no ONNX model that runs here: {error}") from error
    name = options.id or slug(options.model.stem)
    parts = {
        "algorithm.yaml": write_manifest(of_model(name, labels, proposal)).encode(),
        "models/model.onnx": model,
    }
    yield _sentence(write_package(parts, options.output))


def from_endpoint(options: argparse.Namespace) -> Iterator[str]:
    """Make a package of every algorithm that an outside system offers."""
    token = "" if options.token_file is None else options.token_file.read_text("utf-8").strip()
    try:
        found = offers(options.url, token=token)
    except EndpointFault as error:
        raise WrongCall(str(error)) from error
    if not found:
        raise WrongCall(f"{options.url} offers no algorithm")
    options.folder.mkdir(parents=True, exist_ok=True)
    for offer in found:
        manifest = of_offer(f"{options.prefix}.{offer.id}", options.url, offer)
        path = options.folder / f"{manifest.id}-{manifest.version}.algpkg"
        yield _sentence(write_package({"algorithm.yaml": write_manifest(manifest).encode()}, path))


def _labels(given: str) -> tuple[str, ...]:
    if given == "coco":
        return LABELS
    lines = Path(given).read_text(encoding="utf-8").splitlines()
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise WrongCall(f"{given} names no label; write one a line")
    return found


def _samples(place: Path | None) -> list[Picture]:
    if place is None:
        return []
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    if not all(file.exists() for file in files):
        raise WrongCall(f"--samples: there is no {place}")
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


def _sentence(package: Package) -> str:
    manifest = package.manifest
    return f"{manifest.id} {manifest.version}: sound, {package.size} bytes, {package.digest}"
