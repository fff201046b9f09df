"""Every rule that a package is examined by, without running its model: each is broken on its own."""

import hashlib
import io
import json
import re
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from federation.crypto import SigningKey, sm3_hex
from federation.packages import Manifest, Package, builtin_manifests, write_manifest, write_package
from federation.packages.examination import examine
from federation.packages.images import image_fault
from federation.packages.licences import SignedLicence, VendorLicence
from federation.packages.signatures import sign_package
from federation.packages.stock import Kept, Stock
from federation.packages.trial import Trial, try_out
from federation.packages.verdicts import CRITERIA, Outcome

PAGE = Path(__file__).parents[3] / "docs" / "algorithm-packages.md"
TEXT = {"zh": "测试", "en": "Test"}
SMOKE: dict[str, Any] = {
    "apiVersion": "algpkg/1",
    "kind": "algorithm",
    "id": "example.smoke",
    "version": "1.1.0",
    "name": TEXT,
    "cover": "cover.png",
    "description": TEXT,
    "vendor": {"id": "example", "name": TEXT},
    "runtime": {"platforms": [{"backend": "onnxruntime", "file": "models/m.onnx"}]},
    "input": {"tensor": "images", "size": [32, 32]},
    "output": {"decoder": "rows", "tensor": "o"},
    "labels": ["smoke"],
    "rule": {"kind": "presence"},
    "params": {"level": {"type": "number", "label": TEXT, "default": 1}},
    "events": [{"code": "example.smoke/white", "name": TEXT, "when": {"labels": ["smoke"]}}],
    "samples": [{"file": "samples/1.png", "objects": [{"label": "smoke"}]}, {"file": "samples/2.png"}],
    "conditions": {"target_px": 32},
    "scenes": {"good": [{"text": TEXT}], "bad": [{"text": TEXT}]},
    "disclaimer": TEXT,
    "licence": {"software": "Apache-2.0", "weights": "Apache-2.0"},
}
FILES = {"models/m.onnx": b"m", "samples/1.png": b"1", "samples/2.png": b"2", "cover.png": b"c"}
SERVICE = {"system": "vendor", "url": "http://10.0.0.7:9000/v1", "algorithm": "smoke"}
OTHER_KINDS: dict[str, dict[str, Any]] = {
    "bundle": {"members": [{"id": "example.smoke", "version": "1.0.0"}]},
    "endpoint": {"endpoint": SERVICE, "rule": {"kind": "presence"}},
    "prompt": {
        "prompt": {"system": "vendor", "url": "http://10.0.0.7/v1", "model": "vl", "text": "烟雾"},
        "rule": {"kind": "presence"},
    },
    "container": {"container": {"image": f"r.example.cn/smoke@sha256:{'a' * 64}", "algorithm": "smoke"}},
    "device": {
        "device": {"family": "hik_isapi", "models": ["DS-2CD"], "file": "models/m.onnx", "device_code": "SMOKE"},
    },
}


def smoke(**changes: Any) -> Manifest:
    return Manifest.model_validate({**SMOKE, **changes})


def of_kind(kind: str, **changes: Any) -> Manifest:
    kept = {name: value for name, value in SMOKE.items() if name not in {"runtime", "input", "output", "rule"}}
    events: dict[str, Any] = {} if kind != "bundle" else {"events": [], "labels": [], "samples": []}
    return Manifest.model_validate({**kept, "kind": kind, **OTHER_KINDS[kind], **events, **changes})


def packed(folder: Path, manifest: Manifest, files: dict[str, bytes] | None = None) -> Package:
    parts = {**FILES, "algorithm.yaml": write_manifest(manifest).encode(), **(files or {})}
    return write_package(parts, folder / "p.algpkg")


def outcomes(package: Package, stock: Stock | None = None, trial: Trial | None = None) -> dict[str, Outcome]:
    given = None if trial is None else lambda _: trial
    return {item.criterion.code: item.outcome for item in examine(package.path, stock=stock, trial=given).verdicts}


def failed(package: Package, stock: Stock | None = None, trial: Trial | None = None) -> set[str]:
    return {code for code, outcome in outcomes(package, stock, trial).items() if outcome == "failed"}


def test_a_whole_package_that_is_signed_has_no_fault(tmp_path: Path) -> None:
    key = SigningKey.generate()
    package = sign_package(packed(tmp_path, smoke()), key)

    found = examine(package.path, trusted=[key.public], stock=Stock(), trial=lambda _: Trial())

    assert {item.criterion.code for item in found.verdicts if item.outcome == "failed"} == set()
    assert {item.criterion.code for item in found.verdicts if item.outcome == "skipped"} == {
        "image_broken",
        "features_differ",
        "backbone_differs",
        "members_unknown",
    }
    assert found.signed_by == (key.public,)


def test_rule_4_a_signature_of_other_content_is_an_error_and_none_a_warning(tmp_path: Path) -> None:
    key = SigningKey.generate()
    signed = sign_package(packed(tmp_path, smoke()), key)
    signature = {name: signed.read(name) for name in signed.entries if name.startswith("SIGNATURES/")}
    forged = packed(tmp_path, smoke(version="1.2.0"), signature)

    refused = [item.criterion.code for item in examine(forged.path, trusted=[key.public]).refusals]

    assert refused == ["bad_signature"]
    assert outcomes(packed(tmp_path, smoke()))["unsigned"] == "failed"


@pytest.mark.parametrize(
    ("old", "changes", "code"),
    [
        ({"version": "1.1.0"}, {}, "version_exists"),
        ({"version": "1.0.0"}, {"events": [{**SMOKE["events"][0], "code": "example.smoke/black"}]}, "interface_broken"),
        ({"version": "1.0.0"}, {"params": {}}, "interface_broken"),
        (
            {"version": "1.0.0"},
            {"params": {"level": {"type": "string", "label": TEXT, "default": "1"}}},
            "interface_broken",
        ),
        ({"version": "1.0.0", "interface": 2}, {}, "interface_broken"),
        ({"id": "other.smoke"}, {}, "event_code_taken"),
    ],
)
def test_rules_5_and_6_a_package_fits_what_is_in_the_repository(
    tmp_path: Path, old: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    stock = Stock([Kept(manifest=smoke(**old), digest="sha256:other")])

    assert failed(packed(tmp_path, smoke(**changes)), stock) == {"unsigned", code}


def test_rule_5_a_new_interface_may_drop_what_an_old_one_promised(tmp_path: Path) -> None:
    stock = Stock([Kept(manifest=smoke(version="1.0.0"), digest="sha256:old")])

    assert failed(packed(tmp_path, smoke(interface=2, params={})), stock) == {"unsigned"}


def test_rule_5_one_interface_may_gain_events(tmp_path: Path) -> None:
    stock = Stock([Kept(manifest=smoke(version="1.0.0"), digest="sha256:old")])
    more = [*SMOKE["events"], {**SMOKE["events"][0], "code": "example.smoke/black"}]

    assert failed(packed(tmp_path, smoke(events=more)), stock) == {"unsigned"}


def test_rule_5_the_id_of_a_built_in_algorithm_is_not_for_others(tmp_path: Path) -> None:
    own = builtin_manifests()["fengsui.area_intrusion"]
    stock = Stock([Kept(manifest=own, digest=None)])

    assert failed(packed(tmp_path, smoke(id=own.id, version=own.version)), stock) == {"unsigned", "id_reserved"}


def test_rule_7_every_file_that_the_manifest_names_is_there(tmp_path: Path) -> None:
    parts = {"algorithm.yaml": write_manifest(smoke()).encode()}
    sums = "".join(f"{sm3_hex(content)}  {len(content)}  {name}\n" for name, content in parts.items())
    path = tmp_path / "bare.algpkg"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**parts, "SM3SUMS": sums.encode()}.items():
            archive.writestr(name, content)

    refused = examine(path).refusals

    assert [(item.criterion.code, "models/m.onnx" in item.detail) for item in refused] == [("files_missing", True)]


@pytest.mark.parametrize("code", ["unsafe_model", "trial_failed", "tensors_differ", "output_differs", "samples_differ"])
def test_rules_8_to_12_what_a_trial_fails_is_an_error_and_what_comes_after_is_not_looked_at(
    tmp_path: Path, code: str
) -> None:
    found = outcomes(packed(tmp_path, smoke()), trial=Trial(code=code, detail="so it is"))

    order = ["unsafe_model", "trial_failed", "tensors_differ", "output_differs", "samples_differ"]
    place = order.index(code)
    assert [found[item] for item in order] == ["passed"] * place + ["failed"] + ["skipped"] * (4 - place)


def test_a_model_that_nobody_tried_is_told_as_skipped(tmp_path: Path) -> None:
    found = outcomes(packed(tmp_path, smoke()), trial=Trial(tried=False, detail="no onnxruntime is installed here"))

    assert {found[code] for code in ("unsafe_model", "trial_failed", "samples_differ", "costs_more")} == {"skipped"}


def test_rule_12_one_kind_of_sample_is_too_few(tmp_path: Path) -> None:
    assert failed(packed(tmp_path, smoke(samples=[]))) == {"unsigned", "samples_few"}


@pytest.mark.parametrize(
    ("declared", "outcome"),
    [
        ({"platforms": [{**SMOKE["runtime"]["platforms"][0], "ram_mb": 100}]}, "passed"),
        ({"platforms": [{**SMOKE["runtime"]["platforms"][0], "ram_mb": 99}]}, "failed"),
        ({"capacity": [{"platform": "cpu", "images_per_s": 20}]}, "passed"),
        ({"capacity": [{"platform": "cpu", "images_per_s": 21}]}, "failed"),
        ({"capacity": [{"platform": "cuda", "images_per_s": 900}]}, "passed"),
    ],
)
def test_rule_13_a_model_that_costs_more_than_declared_is_a_warning(
    tmp_path: Path, declared: dict[str, Any], outcome: str
) -> None:
    runtime = {**SMOKE["runtime"], **declared}
    package = packed(tmp_path, smoke(runtime=runtime))

    assert outcomes(package, trial=Trial(model_mb=100, picture_ms=50.0))["costs_more"] == outcome


@pytest.mark.parametrize(
    "licence", [{"software": "AGPL-3.0-only", "weights": "MIT"}, {"software": "MIT"}, {"software": "NOASSERTION"}]
)
def test_rule_14_a_licence_that_binds_or_is_unknown_is_a_warning(tmp_path: Path, licence: dict[str, Any]) -> None:
    assert failed(packed(tmp_path, smoke(licence=licence))) == {"unsigned", "licence_unclear"}


def test_rule_15_every_algorithm_of_a_bundle_is_there_and_its_licence_is_told(tmp_path: Path) -> None:
    bound = smoke(version="1.0.0", licence={**SMOKE["licence"], "activation": {"mode": "server"}})
    bundle = packed(tmp_path, of_kind("bundle", id="example.pack"))

    assert failed(bundle, Stock()) == {"unsigned", "members_unknown"}
    assert failed(bundle, Stock([Kept(manifest=bound, digest="sha256:a")])) == {"unsigned", "unlicensed"}


def test_rule_15_a_bundle_has_no_bundle_in_it(tmp_path: Path) -> None:
    inner = of_kind("bundle", id="example.smoke", version="1.0.0", members=[{"id": "example.fire", "version": "1.0.0"}])
    outer = packed(tmp_path, of_kind("bundle", id="example.pack"))

    assert failed(outer, Stock([Kept(manifest=inner, digest="sha256:a")])) == {"unsigned", "members_unknown"}


@pytest.mark.parametrize(("signer", "found"), [("a", {"unsigned"}), ("b", {"unsigned", "unlicensed"})])
def test_rule_15_a_licence_counts_if_the_vendor_signed_it(tmp_path: Path, signer: str, found: set[str]) -> None:
    bound = smoke(version="1.0.0", licence={**SMOKE["licence"], "activation": {"mode": "server"}})
    allowed = VendorLicence(number="N", algorithm=bound.id, holder="示范市", begins=datetime(2026, 1, 1, tzinfo=UTC))
    kept = Kept(manifest=bound, digest="sha256:a", signed_by=frozenset("a"))

    stock = Stock([kept], [SignedLicence(licence=allowed, signer=signer)])

    assert failed(packed(tmp_path, of_kind("bundle", id="example.pack")), stock) == found


@pytest.mark.parametrize("part", ["cover", "conditions", "scenes", "disclaimer"])
def test_rule_16_what_people_want_to_know_is_a_warning_where_it_is_missing(tmp_path: Path, part: str) -> None:
    without = Manifest.model_validate({name: value for name, value in SMOKE.items() if name != part})

    found = {item.criterion.code: item for item in examine(packed(tmp_path, without).path).verdicts}

    assert (found["presentation_missing"].outcome, found["presentation_missing"].detail) == ("failed", part)


@pytest.mark.parametrize("kind", sorted(OTHER_KINDS))
def test_a_package_of_every_kind_is_described_and_sound(tmp_path: Path, kind: str) -> None:
    stock = Stock([Kept(manifest=smoke(version="1.0.0"), digest="sha256:a")]) if kind == "bundle" else Stock()

    own = of_kind(kind, id="example.pack")

    assert failed(packed(tmp_path, own), stock) == {"unsigned"}
    assert try_out(packed(tmp_path, own)).tried is False


def test_a_manifest_holds_the_part_of_its_own_kind_and_no_other() -> None:
    for kind in OTHER_KINDS:
        with pytest.raises(ValueError, match=f"kind {kind} has"):
            of_kind(kind, runtime=SMOKE["runtime"])
    with pytest.raises(ValueError, match="no part of another kind"):
        smoke(endpoint=SERVICE)
    with pytest.raises(ValueError, match="stands twice among the members"):
        of_kind("bundle", members=OTHER_KINDS["bundle"]["members"] * 2)
    with pytest.raises(ValueError, match="has no events"):
        of_kind("bundle", events=SMOKE["events"], labels=["smoke"])


@pytest.mark.parametrize("url", ["ftp://x/", "http://user:pw@x/", "http://x/?a=1", "http://x/#a", "file:///etc", ""])
def test_an_endpoint_is_a_plain_address_without_secrets(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        of_kind("endpoint", endpoint={**SERVICE, "url": url})


def test_an_image_by_name_has_its_digest() -> None:
    with pytest.raises(ValueError, match="image"):
        of_kind("container", container={"image": "r.example.cn/smoke:latest", "algorithm": "smoke"})


def image(**entries: bytes) -> bytes:
    """Return an OCI image layout as tar: one manifest, and `entries` over it."""
    blob = b'{"schemaVersion": 2}'
    digest = hashlib.sha256(blob).hexdigest()
    index = json.dumps({"manifests": [{"digest": f"sha256:{digest}"}]}).encode()
    files = {"oci-layout": b"{}", "index.json": index, f"blobs/sha256/{digest}": blob, **entries}
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return target.getvalue()


def linked() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        member = tarfile.TarInfo("index.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    return target.getvalue()


def hollow() -> bytes:
    """Return a tar of a few bytes with a file of 8 EiB, all of it a hole."""
    member = tarfile.TarInfo("GNUSparseFile.0/blob")
    member.size = 512
    holes = {"major": "1", "minor": "0", "name": "blobs/sha256/aa", "realsize": str((1 << 63) - 1)}
    member.pax_headers = {f"GNU.sparse.{name}": value for name, value in holes.items()}
    return member.tobuf(tarfile.PAX_FORMAT) + b"0\n".ljust(512, b"\0") + bytes(1024)


def endless() -> bytes:
    """Return a tar whose only entry says that it has 8 EiB, and ends where they should begin."""
    member = tarfile.TarInfo("oci-layout")
    member.size = (1 << 63) - 1
    return member.tobuf(tarfile.GNU_FORMAT)


def told_at_length(kind: bytes) -> bytes:
    member = tarfile.TarInfo("more")
    member.type, member.size = kind, 2 << 20
    return member.tobuf(tarfile.GNU_FORMAT) + hashlib.shake_128(kind).digest(3 << 20)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (hollow(), "holes"),
        (endless(), "an entry of 9223372036854775807 bytes"),
        (told_at_length(tarfile.XHDTYPE), "a header of 2097152 bytes"),
        (told_at_length(tarfile.GNUTYPE_LONGNAME), "a header of 2097152 bytes"),
        (b"no tar", "no tar"),
        (linked(), "link"),
        (image(**{"../up": b"x"}), "may not stand"),
        (image(**{f"blobs/sha256/{'0' * 64}": b"x"}), "is not what its name says"),
        (image(**{"index.json": b"{}"}), "not that of an image"),
        (image(**{"index.json": b"[" * 10_000}), "not that of an image"),
        (image(**{"index.json": b'{"manifests": []}'}), "not there"),
        (image(**{"index.json": b'{"manifests": [{"digest": "sha256:00"}]}'}), "not there"),
    ],
)
def test_rule_7_a_broken_or_hostile_container_image_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    own = of_kind("container", container={"archive": "image.tar", "algorithm": "smoke"})

    refused = examine(packed(tmp_path, own, {"image.tar": content}).path).refusals

    assert [item.criterion.code for item in refused] == ["image_broken"]
    assert said in refused[0].detail


def test_a_whole_container_image_is_sound() -> None:
    assert image_fault(io.BytesIO(image())) is None


def test_the_page_for_vendors_lists_every_rule_with_its_codes_and_severities() -> None:
    rows = re.findall(r"^\| (\d+) \| .*?`(\w+)` \| (error|warning) \|", PAGE.read_text("utf-8"), flags=re.MULTILINE)

    assert {(int(rule), code, severity) for rule, code, severity in rows} == {
        (item.rule, item.code, item.severity) for item in CRITERIA.values()
    }
    assert {int(rule) for rule, _, _ in rows} == set(range(1, 17))
