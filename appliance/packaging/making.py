"""The commands that make packages: new, build, sign, licence, from-onnx, from-endpoint."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from appliance.analysis.outside.errors import OutsideFault
from appliance.packaging.coco import LABELS
from appliance.packaging.drafts import of_model, of_offer, slug
from appliance.packaging.endpoints import offers
from appliance.packaging.errors import WrongCall
from appliance.packaging.keys import public_file, signing_key
from appliance.packaging.packing import labels_at, pack_in_limits, packed
from appliance.packaging.proposal import EXAMPLE
from federation.packages import Package, open_package, write_manifest, write_package
from federation.packages.endpoints import Auth, Endpoint
from federation.packages.licences import VendorLicence, write_licence
from federation.packages.signatures import sign_package

LONGEST_ID = 64


def new(options: argparse.Namespace) -> Iterator[str]:
    """Write a folder with a whole manifest to start from."""
    if options.folder.exists():
        raise WrongCall(f"{options.folder} exists; name a new folder")
    manifest = of_model(options.id, EXAMPLE)
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
    key, made = signing_key(options.key)
    if made:
        yield made
    sign_package(package, key)
    yield f"{options.file}: signed by {key.public.fingerprint}, whose public key is in {public_file(options.key)}"


def licence(options: argparse.Namespace) -> Iterator[str]:
    """Write a licence that counts from now on."""
    begins = datetime.now(UTC).replace(microsecond=0)
    given = {"number": options.number, "algorithm": options.algorithm, "holder": options.holder, "begins": begins}
    try:
        made = VendorLicence.model_validate({**given, "ends": options.ends, "tasks": options.tasks})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise WrongCall(f"{'.'.join(map(str, first['loc'])) or 'licence'}: {first['msg']}") from error
    key, new_key = signing_key(options.key)
    if new_key:
        yield new_key
    options.output.write_text(write_licence(made, key), encoding="utf-8")
    yield f"{options.output}: licence {made.number} for {made.algorithm}, signed by {key.public.fingerprint}"


def from_onnx(options: argparse.Namespace) -> Iterator[str]:
    """Make a package of a bare model, with the pictures that prove it."""
    name = options.id or slug(options.model.stem)
    made = packed(options.model, options.output, name, _labels(options.labels), options.samples, half=options.half)
    manifest = made.package.manifest
    found = f"{made.proposal.output.decoder}, {len(manifest.labels)} labels, {len(manifest.samples)} samples"
    yield f"{found}; support {made.proposal.support:.2f} a picture"
    yield _sentence(made.package)


def pack(options: argparse.Namespace) -> Iterator[str]:
    """Make a package of what lies in a folder, within limits, and yield the Packing."""
    yield pack_in_limits(options.folder, options.output, options.id, options.memory_bytes).model_dump_json()


def from_endpoint(options: argparse.Namespace) -> Iterator[str]:
    """Make a package of every algorithm that an outside system offers."""
    auth = None if options.secret_file is None else Auth()
    try:
        found = offers(options.url, auth=auth, secret_file=options.secret_file)
    except OutsideFault as error:
        raise WrongCall(str(error)) from error
    if not found:
        raise WrongCall(f"{options.url} offers no algorithm")
    options.folder.mkdir(parents=True, exist_ok=True)
    for offer in found:
        endpoint = Endpoint(system=options.system, url=options.url, algorithm=offer.id, auth=auth)
        name = f"{options.prefix}.{offer.id}"
        if len(name) > LONGEST_ID:
            raise WrongCall(f"{name} is longer than the {LONGEST_ID} characters of an id; give a shorter --prefix")
        manifest = of_offer(name, endpoint, offer)
        path = options.folder / f"{manifest.id}-{manifest.version}.algpkg"
        yield _sentence(write_package({"algorithm.yaml": write_manifest(manifest).encode()}, path))


def _labels(given: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if given == "coco":
        return LABELS
    return labels_at(Path(given))


def _sentence(package: Package) -> str:
    manifest = package.manifest
    return f"{manifest.id} {manifest.version}: sound, {package.size} bytes, {package.digest}"
