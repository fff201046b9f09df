"""Outside algorithm systems: what they offer becomes packages, and packages are held against them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.packaging.__main__ import main
from federation.packages import Manifest, open_package, write_manifest, write_package
from federation.testing.algorithm_system import AlgorithmSystem, algorithm_system


def lamp(folder: Path, name: str = "lamp.png") -> Path:
    """Return a picture that is large as JPEG, which is all that the system looks at."""
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    cv2.imwrite(str(folder / name), noise)
    return folder / name


def dark(folder: Path) -> Path:
    cv2.imwrite(str(folder / "dark.png"), np.zeros((120, 160, 3), np.uint8))
    return folder / "dark.png"


def fetched(folder: Path, system: AlgorithmSystem) -> Path:
    """Let the command make packages of what the system offers; return the one."""
    token = folder / "token"
    token.write_text(system.token)
    target = folder / "offers"
    assert main(["from-endpoint", system.url, str(target), "--secret-file", str(token)]) == 0
    (path,) = target.iterdir()
    return path


def with_samples(path: Path, folder: Path, **endpoint: object) -> Path:
    manifest = open_package(path).manifest.model_dump(mode="json", exclude_defaults=True)
    manifest["samples"] = [{"file": "samples/lamp.png", "objects": [{"label": "lamp"}]}, {"file": "samples/dark.png"}]
    manifest["endpoint"] |= endpoint
    parts = {
        "algorithm.yaml": write_manifest(Manifest.model_validate(manifest)).encode(),
        "samples/lamp.png": lamp(folder).read_bytes(),
        "samples/dark.png": dark(folder).read_bytes(),
    }
    return write_package(parts, folder / "own.algpkg").path


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_what_a_system_offers_becomes_a_package_that_is_verified_and_run_against_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    with algorithm_system(later=mode == "async") as system:
        path = with_samples(fetched(tmp_path, system), tmp_path, mode=mode)
        token = ["--secret-file", str(tmp_path / "token")]

        assert main(["verify", str(path), *token]) == 0
        assert main(["run", str(path), str(lamp(tmp_path)), *token]) == 0

    manifest = open_package(path).manifest
    seen = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (manifest.id, manifest.version, [event.code for event in manifest.events]) == (
        "outside.lamp",
        "1.2.0",
        ["outside.lamp/lit"],
    )
    assert [item["label"] for item in seen["detections"]] == ["lamp"]


@pytest.mark.parametrize(
    ("endpoint", "answer", "code"),
    [
        ({"algorithm": "candle"}, None, "tensors_differ"),
        ({"url": "http://127.0.0.1:9/v1"}, None, "trial_failed"),
        ({}, b"[]", "output_differs"),
        ({}, b'{"detections": [{"label": "lamp", "score": 7, "box": {}}]}', "output_differs"),
        ({}, b'{"detections": "' + b"x" * (1 << 20) + b'"}', "output_differs"),
        (
            {},
            b'{"detections": [{"label": "cat", "score": 0.5, "box": {"x": 0, "y": 0, "width": 1, "height": 1}}]}',
            "output_differs",
        ),
        ({}, b'{"detections": []}', "samples_differ"),
    ],
)
def test_a_system_that_is_not_as_described_fails_by_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], endpoint: dict[str, str], answer: bytes | None, code: str
) -> None:
    with algorithm_system(answer=answer) as system:
        path = with_samples(fetched(tmp_path, system), tmp_path, **endpoint)

        assert main(["verify", str(path), "--secret-file", str(tmp_path / "token")]) == 2

    assert capsys.readouterr().err.strip().endswith(f"is refused: {code}")


def test_a_wrong_token_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with algorithm_system() as system:
        assert main(["from-endpoint", system.url, str(tmp_path / "offers")]) == 2

    assert (
        capsys.readouterr().err
        == f"fengsui package: {system.url}/algorithms answers 401: its secret is missing or wrong\n"
    )
