"""Packages are examined: sound ones pass, and each kind of hostile one is refused by its code."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from appliance.packaging.__main__ import main
from appliance.packaging.attempt import attempt
from appliance.packaging.graph import graph_fault
from federation.crypto import PublicKey, SigningKey
from federation.packages import Manifest, Package, open_package, write_manifest, write_package
from federation.packages.examination import Examination, examine
from federation.packages.signatures import sign_package, signers
from federation.packages.trial import try_out
from tests.federation.packages.test_examination import of_kind
from tests.federation.packages.test_examination import packed as packed_kind

SIDE = 32
ROWS = np.array([[[8, 8, 24, 24, 0.9, 0]]], np.float32)
TIME_S = 100.0  # generous: other tests run beside

picture_input = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])


def model(nodes: list[Any], shape: list[int], *, domains: Mapping[str, int] | None = None) -> bytes:
    """Return a model whose nodes make the output `o`."""
    graph = helper.make_graph(
        nodes, "m", [picture_input], [helper.make_tensor_value_info("o", TensorProto.FLOAT, shape)]
    )
    opsets = [helper.make_opsetid(name, number) for name, number in (domains or {"": 17}).items()]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def constant(name: str, value: NDArray[Any]) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))


def lit() -> bytes:
    """Return a model that finds its box in a bright picture and nothing in a dark one."""
    nodes = [
        constant("row", ROWS),
        helper.make_node("ReduceMax", ["images"], ["bright"], keepdims=0),
        helper.make_node("Mul", ["row", "bright"], ["o"]),
    ]
    return model(nodes, [1, 1, 6])


def huge() -> bytes:
    """Return a model of a few bytes that asks for 80 GB."""
    return asking(20_000_000_000)


def asking(numbers: int) -> bytes:
    """Return a model that asks for room for so many numbers of four bytes."""
    shape = constant("shape", np.array([numbers], np.int64))
    nodes = [
        shape,
        helper.make_node("ConstantOfShape", ["shape"], ["all"]),
        helper.make_node("ReduceMax", ["all"], ["o"], keepdims=0),
    ]
    return model(nodes, [])


def endless(times: int = 2**62) -> bytes:
    """Return a model that counts so far, which takes it for ever or as long as wanted."""
    count = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    goes_on = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    goes_on_after = helper.make_tensor_value_info("c2", TensorProto.BOOL, [])
    before, after = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 6]) for name in ("v", "w"))
    nodes = [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Neg", ["v"], ["w"])]
    body = helper.make_graph(nodes, "body", [count, goes_on, before], [goes_on_after, after])
    return model(
        [
            constant("times", np.array(times, np.int64)),
            constant("yes", np.array(1, np.bool_)),
            constant("row", ROWS),
            helper.make_node("Loop", ["times", "yes", "row"], ["o"], body=body),
        ],
        [1, 1, 6],
    )


def external() -> bytes:
    """Return a model whose weights are /etc/hostname."""
    loaded = onnx.load_model_from_string(lit())
    tensor = loaded.graph.node[0].attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/hostname")
    return bytes(loaded.SerializeToString())


def stranger() -> bytes:
    return model([helper.make_node("Steal", ["images"], ["o"], domain="evil")], [1, 1, 6], domains={"": 17, "evil": 1})


def png(value: int) -> bytes:
    done, content = cv2.imencode(".png", np.full((SIDE, SIDE, 3), value, np.uint8))
    assert done
    return bytes(content.tobytes())


def manifest(**changes: Any) -> Manifest:
    text = {"zh": "测试", "en": "Test"}
    whole = {
        "apiVersion": "algpkg/1",
        "kind": "algorithm",
        "id": "test.lit",
        "version": "1.0.0",
        "name": text,
        "description": text,
        "vendor": {"id": "test", "name": text},
        "runtime": {"platforms": [{"backend": "onnxruntime", "file": "models/m.onnx"}]},
        "input": {"tensor": "images", "size": [SIDE, SIDE]},
        "output": {"decoder": "rows", "tensor": "o"},
        "labels": ["bin"],
        "rule": {"kind": "presence"},
        "events": [{"code": "test.lit/bin", "name": text, "when": {"labels": ["bin"]}}],
        "samples": [
            {"file": "samples/lit.png", "objects": [{"label": "bin", "box": [8, 8, 24, 24]}]},
            {"file": "samples/dark.png"},
        ],
        "licence": {"software": "Apache-2.0", "weights": "Apache-2.0"},
    }
    return Manifest.model_validate({**whole, **changes})


def packed(folder: Path, content: bytes | None = None, **changes: Any) -> Package:
    parts = {
        "algorithm.yaml": write_manifest(manifest(**changes)).encode(),
        "models/m.onnx": lit() if content is None else content,
        "samples/lit.png": png(255),
        "samples/dark.png": png(0),
    }
    return write_package(parts, folder / "p.algpkg")


def tried(path: Path, *, time_s: float = TIME_S, trusted: Sequence[PublicKey] = ()) -> Examination:
    return examine(path, trusted=trusted, trial=partial(try_out, time_s=time_s))


def refused(path: Path, *, time_s: float = TIME_S) -> dict[str, str]:
    return {item.criterion.code: item.detail for item in tried(path, time_s=time_s).refusals}


def test_a_sound_and_signed_package_passes_everything(tmp_path: Path) -> None:
    package = packed(tmp_path)
    key = SigningKey.generate()
    sign_package(package, key)

    verdicts = {item.criterion.code: item for item in tried(package.path, trusted=[key.public]).verdicts}

    assert {code for code, item in verdicts.items() if item.outcome == "failed"} == {"presentation_missing"}
    assert verdicts["unsigned"].detail == key.public.fingerprint
    assert re.fullmatch(r"\d+ MB, \d+ ms a picture", verdicts["costs_more"].detail)


def test_a_signature_holds_for_its_content_and_its_key_only(tmp_path: Path) -> None:
    one, other = SigningKey.generate(), SigningKey.generate()
    first = sign_package(packed(tmp_path), one)
    twice = sign_package(first, other)
    stolen = {entry: twice.read(entry) for entry in twice.entries if entry != "SM3SUMS"}
    changed = write_package({**stolen, "docs/more.txt": b"more"}, tmp_path / "changed.algpkg")

    assert signers(twice, [one.public, other.public, SigningKey.generate().public]) == (one.public, other.public)
    assert signers(changed, [one.public, other.public]) == ()


def test_a_model_that_asks_for_80_gb_hurts_only_its_trial(tmp_path: Path) -> None:
    found = refused(packed(tmp_path, huge()).path)

    assert len(huge()) < 300
    assert set(found) == {"trial_failed"}


def test_a_model_that_the_machine_could_hold_and_the_trial_may_not_is_refused(tmp_path: Path) -> None:
    found = try_out(packed(tmp_path, asking(600_000_000)), memory_bytes=3 << 30, time_s=TIME_S)

    assert found.code == "trial_failed"
    assert "ConstantOfShape" in found.detail  # where it asks for 2.4 GB, and not before


def test_a_model_that_never_ends_is_ended(tmp_path: Path) -> None:
    found = refused(packed(tmp_path, endless()).path, time_s=6.0)

    assert found["trial_failed"] == "no result within 6 s"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no model", "no ONNX"), (external(), "outside"), (stranger(), "evil")],
    ids=["no model", "weights outside", "operator of a stranger"],
)
def test_an_unsafe_model_is_not_even_loaded(tmp_path: Path, content: bytes, said: str) -> None:
    found = attempt(packed(tmp_path, content))

    assert found.code == "unsafe_model"
    assert said in found.detail


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"input": {"tensor": "images", "size": [SIDE * 2, SIDE]}}, "tensors_differ", "[1, 3, 32, 64]"),
        ({"input": {"tensor": "images", "size": [SIDE, SIDE], "dtype": "uint8"}}, "tensors_differ", "uint8"),
        ({"output": {"decoder": "rows", "tensor": "other"}}, "tensors_differ", "outputs ['o']"),
        ({"output": {"decoder": "dense", "tensor": "o"}}, "output_differs", "6 channels"),
        ({"samples": [{"file": "samples/lit.png"}]}, "samples_differ", "where nothing is"),
        ({"samples": [{"file": "samples/dark.png", "objects": [{"label": "bin"}]}]}, "samples_differ", "was not found"),
        (
            {"samples": [{"file": "samples/lit.png", "objects": [{"label": "bin", "box": [0, 0, 8, 8]}]}]},
            "samples_differ",
            "not found at",
        ),
        ({"samples": [{"file": "models/m.onnx"}]}, "samples_differ", "no picture"),
    ],
)
def test_a_manifest_that_lies_is_refused_by_its_code(
    tmp_path: Path, changes: dict[str, Any], code: str, said: str
) -> None:
    found = attempt(packed(tmp_path, **changes))

    assert found.code == code
    assert said in found.detail


def nothing() -> bytes:
    """Return a model that is as declared, and finds nothing."""
    return model(
        [constant("none", np.zeros((1, 1, 6), np.float32)), helper.make_node("Identity", ["none"], ["o"])], [1, 1, 6]
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (stranger(), "unsafe_model"),
        (model([constant("o", ROWS[:, :, :5])], [1, 1, 5]), "output_differs"),
        (nothing(), "samples_differ"),
    ],
)
def test_the_model_of_every_platform_is_tried(tmp_path: Path, content: bytes, code: str) -> None:
    cuda = {"platform": "cuda", "backend": "onnxruntime", "file": "models/half.onnx"}
    runtime = {"platforms": [cuda, {"backend": "onnxruntime", "file": "models/m.onnx"}]}
    parts = {"algorithm.yaml": write_manifest(manifest(runtime=runtime)).encode(), "models/half.onnx": lit()}
    pictures = {"samples/lit.png": png(255), "samples/dark.png": png(0)}

    found = attempt(write_package(parts | pictures | {"models/m.onnx": content}, tmp_path / "p.algpkg"))

    assert found.code == code
    assert "models/m.onnx" in found.detail


STAGE = {
    "file": "models/second.onnx",
    "on": ["bin"],
    "input": {"tensor": "images", "size": [SIDE, SIDE]},
    "output": {"decoder": "multilabel", "tensor": "o", "activation": "none"},
    "labels": ["open", "full"],
}
LIT_BIN = {"file": "samples/lit.png", "objects": [{"label": "full", "box": [8, 8, 24, 24]}]}


def staged(folder: Path, second: bytes, sample: dict[str, Any]) -> Package:
    declared = manifest(stages=[STAGE], samples=[sample, {"file": "samples/dark.png"}])
    parts = {"algorithm.yaml": write_manifest(declared).encode(), "models/m.onnx": lit(), "models/second.onnx": second}
    return write_package(parts | {"samples/lit.png": png(255), "samples/dark.png": png(0)}, folder / "p.algpkg")


def scores(*values: float) -> bytes:
    """Return a model that gives every picture these scores."""
    return model([constant("o", np.array([values], np.float32))], [1, len(values)])


def test_a_second_model_is_tried_and_finds_what_the_samples_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = staged(tmp_path, scores(0.1, 0.8), LIT_BIN)
    (tmp_path / "lit.png").write_bytes(png(255))

    assert attempt(package).code == ""
    assert main(["run", str(package.path), str(tmp_path / "lit.png")]) == 0

    assert '"label": "full", "score": 0.8' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("second", "code", "said"),
    [
        (scores(0.1, 0.8, 0.3), "output_differs", "models/second.onnx: o has 3 scores; there are 2 labels"),
        (scores(0.8, 0.1), "samples_differ", "full was not found"),
    ],
)
def test_a_second_model_that_is_not_as_declared_is_refused_by_its_code(
    tmp_path: Path, second: bytes, code: str, said: str
) -> None:
    found = attempt(staged(tmp_path, second, LIT_BIN))

    assert found.code == code
    assert said in found.detail


def test_an_old_and_an_unborn_opset_are_refused() -> None:
    node = constant("o", ROWS)

    assert "opset 1" in (graph_fault(model([node], [1, 1, 6], domains={"": 1})) or "")
    assert "opset 999" in (graph_fault(model([node], [1, 1, 6], domains={"": 999})) or "")


def test_a_changed_file_and_a_bad_manifest_are_told_apart(tmp_path: Path) -> None:
    good = packed(tmp_path)
    with zipfile.ZipFile(good.path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for name, content, code in (
        ("samples/lit.png", png(0), "bad_digests"),
        ("algorithm.yaml", b"apiVersion: algpkg/9", "bad_manifest"),
        ("../up", b"", "bad_archive"),
    ):
        path = tmp_path / code
        with zipfile.ZipFile(path, "w") as archive:
            for entry, kept in {**contents, name: content}.items():
                archive.writestr(entry, kept)
        assert set(refused(path)) == {code}


def test_the_command_makes_signs_verifies_and_runs_a_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file, key = tmp_path / "mine", tmp_path / "mine.algpkg", tmp_path / "key.pem"
    assert main(["new", str(folder), "--id", "test.mine"]) == 0
    (folder / "algorithm.yaml").write_text(write_manifest(manifest()), encoding="utf-8")
    (folder / "models" / "m.onnx").write_bytes(lit())
    (folder / "samples" / "lit.png").write_bytes(png(255))
    (folder / "samples" / "dark.png").write_bytes(png(0))

    assert main(["build", str(folder), "-o", str(file)]) == 0
    assert main(["sign", str(file), "--key", str(key)]) == 0
    assert main(["verify", str(file), "--trust", str(tmp_path / "key.pub.pem"), "--time-s", str(TIME_S)]) == 0
    assert main(["run", str(file), str(folder / "samples" / "lit.png")]) == 0

    assert key.stat().st_mode & 0o777 == 0o600
    assert signers(open_package(file), [PublicKey.from_pem((tmp_path / "key.pub.pem").read_text())])
    assert '"label": "bin", "score": 0.9' in capsys.readouterr().out.splitlines()[-1]


def test_a_file_that_is_not_the_key_that_is_wanted_is_told_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package, key, noise = packed(tmp_path).path, tmp_path / "key.pem", tmp_path / "noise.pem"
    noise.write_bytes(bytes(range(256)))
    assert main(["sign", str(package), "--key", str(key)]) == 0

    public = tmp_path / "key.pub.pem"
    wrong = [["sign", str(package), "--key", str(public)], ["verify", str(package), "--trust", str(key)]]
    wrong += [["sign", str(package), "--key", str(noise)], ["verify", str(package), "--trust", str(noise)]]
    assert [main(call) for call in wrong] == [2] * 4

    assert capsys.readouterr().err.splitlines() == [
        f"fengsui package: {public}: this is no key; --key wants a private SM2 key in PEM",
        f"fengsui package: {key}: this is no key; --trust wants a public SM2 key in PEM",
        f"fengsui package: {noise}: this is no text; --key wants a private SM2 key in PEM",
        f"fengsui package: {noise}: this is no text; --trust wants a public SM2 key in PEM",
    ]


@pytest.mark.parametrize("kind", ["container", "device"])
def test_what_no_node_runs_is_verified_and_says_so_when_it_is_to_be_run(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = packed_kind(tmp_path, of_kind(kind, id="example.pack")).path
    picture = tmp_path / "lit.png"
    picture.write_bytes(png(255))

    assert main(["verify", str(package)]) == 0
    assert main(["run", str(package), str(picture)]) == 2

    assert f"is of kind {kind}: nodes of this version run none" in capsys.readouterr().err


def test_a_refused_package_ends_the_command_with_one_line_that_names_the_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = packed(tmp_path, b"no model")

    assert main(["verify", str(bad.path)]) == 2

    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"fengsui package: {bad.path} is refused: unsafe_model"]
    assert "重新导出 ONNX" in shown.out


def test_a_new_package_starts_from_a_manifest_that_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"

    assert main(["new", str(folder), "--id", "test.mine"]) == 0
    assert main(["new", str(folder)]) == 2
    assert main(["build", str(folder), "-o", str(tmp_path / "x.algpkg")]) == 2

    assert "'models/model.onnx', which is not in the package" in capsys.readouterr().err


@pytest.mark.parametrize(
    "call",
    [
        ["new", "mine", "--id", "Bad Id"],
        ["new", "mine", "--id", "x" * 65],
        ["from-onnx", "m.onnx", "--id", "../x", "-o", "x.algpkg"],
        ["from-endpoint", "http://127.0.0.1:9", "mine", "--prefix", "市政"],
        ["from-endpoint", "http://127.0.0.1:9", "mine", "--system", ""],
    ],
)
def test_a_name_that_is_no_id_is_one_line_and_makes_nothing(
    tmp_path: Path, call: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "mine"

    assert main([str(target) if part == "mine" else part for part in call]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "is no id" in line
    assert not target.exists()
