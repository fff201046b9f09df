"""Packages of heads over a backbone, and bundles of them: examined, shown, and run by the command."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto

from appliance.packaging.__main__ import main
from appliance.packaging.attempt import attempt
from federation.crypto import sm3_hex
from federation.packages import PackageError
from federation.packages.examination import examine
from federation.packages.stock import Kept, Stock
from tests.appliance.analysis.engine.backbone import backbone, head, member, write_bundle, write_member

NAMES = ("test.a", "test.b", "test.c")


@pytest.fixture
def members(tmp_path: Path) -> list[str]:
    """Write three algorithms over one backbone; return the options that name their packages."""
    paths = [write_member(tmp_path, name, head(label)).path for label, name in enumerate(NAMES)]
    return [part for path in paths for part in ("--beside", str(path))]


@pytest.fixture
def picture(tmp_path: Path) -> str:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((32, 32, 3), 128, np.uint8))
    return str(tmp_path / "grey.png")


def test_a_head_is_verified_with_its_backbone_and_what_it_shares_is_shown(
    tmp_path: Path, picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write_member(tmp_path, "test.a", head(1)).path)

    assert main(["verify", path, "--json"]) == 0
    verdicts = {item["code"]: item["outcome"] for item in map(json.loads, capsys.readouterr().out.splitlines())}
    assert main(["run", path, picture]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert main(["inspect", path]) == 0
    shown = capsys.readouterr().out

    assert [verdicts[code] for code in ("features_differ", "backbone_differs", "costs_more")] == ["passed"] * 3
    assert [item["label"] for item in seen["detections"]] == ["person"]
    assert f"# backbone {sm3_hex(backbone())}: models/backbone.onnx, 256 MB\n# head models/head.onnx, 64 MB" in shown


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (head(0, feature="depth"), "models/head.onnx: it takes 'depth'; the backbone gives ['bright', 'dice']"),
        (head(0, kind=TensorProto.FLOAT16), "'dice' is taken as tensor(float16) [1, 1, 1] and given as tensor(float)"),
        (head(0, shape=[1, 2, 2]), "'dice' is taken as tensor(float) [1, 2, 2] and given as tensor(float) [1, 1, 1]"),
    ],
)
def test_a_head_that_takes_what_its_backbone_does_not_give_is_refused(tmp_path: Path, own: bytes, said: str) -> None:
    found = attempt(write_member(tmp_path, "test.a", own))

    assert found.code == "features_differ"
    assert said in found.detail


def test_a_backbone_that_is_not_the_one_that_the_manifest_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"the SM3 of 'models/backbone\.onnx' is") as refused:
        write_member(tmp_path, "test.a", head(0), backbone(), runtime=member("test.a", head(0)).runtime)

    assert refused.value.code == "backbone_differs"


def test_a_bundle_is_refused_where_an_algorithm_has_another_backbone(tmp_path: Path) -> None:
    kept = [Kept(manifest=member(name), digest="sha256:a") for name in NAMES]
    other = Kept(manifest=member("test.d", head(0)), digest="sha256:d")

    sound = examine(write_bundle(tmp_path, NAMES).path, stock=Stock(kept))
    torn = examine(write_bundle(tmp_path, [*NAMES, "test.d"]).path, stock=Stock([*kept, other]))

    assert sound.refusals == ()
    assert [(item.criterion.code, item.detail) for item in torn.refusals] == [
        ("backbone_differs", f"no backbone with SM3 {sm3_hex(backbone())} in test.d 1.0.0")
    ]


def test_a_bundle_is_run_with_its_backbone_computed_once_for_each_picture(
    tmp_path: Path, members: list[str], picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write_bundle(tmp_path, NAMES).path)

    assert main(["verify", path, *members]) == 0
    capsys.readouterr()
    assert main(["run", path, picture, picture, *members]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [line["algorithms"]["test.c"]["detections"][0]["label"] for line in lines] == ["cart", "cart"]
    assert [{part["part"]: part["runs"] for part in line["runs"]} for line in lines] == [
        {"backbone": 1, "head": 1},
        {"backbone": 2, "head": 2},
    ]
    assert len({line["algorithms"][name]["detections"][0]["score"] for line in lines[:1] for name in NAMES}) == 1


def test_a_bundle_without_its_algorithms_is_one_line_that_says_what_to_give(
    tmp_path: Path, picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write_bundle(tmp_path, NAMES[:1]).path)

    assert main(["run", path, picture]) == 2

    assert capsys.readouterr().err == "fengsui package: give the packages of test.a 1.0.0 with --beside\n"
