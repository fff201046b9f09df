from typing import Any

import pytest
from pydantic import ValidationError

from federation.packages import BadManifest, BadParameters, builtin_manifests, read_manifest, write_manifest
from federation.packages.manifest import Manifest
from federation.packages.rules import FIELDS, Rule, RuleKind

DETECTOR = """
apiVersion: algpkg/1
kind: algorithm
id: example.person
version: 1.0.0
name: {zh: 人员检测, en: Persons}
description: {zh: 检测人员, en: Finds persons}
vendor: {id: example, name: {zh: 示例, en: Example}}
runtime: {platforms: [{backend: onnxruntime, file: models/m.onnx}]}
input: {tensor: images, size: [416, 416]}
output: {decoder: dense, tensor: output, objectness: true}
labels: [person]
rule: {kind: presence}
events: [{code: example.person/person, name: {zh: 人员, en: Person}, when: {labels: [person]}}]
licence: {software: Apache-2.0}
"""


def test_the_builtin_algorithms_have_manifests_that_survive_a_round_trip() -> None:
    manifests = builtin_manifests()

    assert {"fengsui.area_intrusion", "fengsui.left_object"} <= set(manifests)
    assert [read_manifest(write_manifest(manifest)) for manifest in manifests.values()] == list(manifests.values())


def test_a_manifest_of_a_detector_is_read() -> None:
    manifest = read_manifest(DETECTOR)

    assert manifest.model_file == "models/m.onnx"
    assert read_manifest(write_manifest(manifest)) == manifest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: algorithm", "kind: algorithm\ncolour: red", "colour"),
        ("apiVersion: algpkg/1", "apiVersion: algpkg/9", "apiVersion"),
        ("id: example.person", "id: ../person", "id"),
        ("labels: [person]", "labels: []", "labels"),
        ("\nlabels: [person]", "\nlabels: [dog]", "unknown labels"),
        ("input: {tensor: images, size: [416, 416]}", "", "input"),
        ("file: models/m.onnx", "file: /models/m.onnx", "file"),
        ("file: models/m.onnx", "file: ../m.onnx", "file"),
        ("version: 1.0.0", "version: one", "version"),
        ("kind: presence", "kind: absent", "rule.kind"),
        ("{kind: presence}", "{kind: presence, defaults: {dwell_s: 3}}", "has no dwell_s"),
        ("{kind: presence}", "{kind: presence, defaults: {count: 0}}", "count must be at least 1"),
        ("{kind: presence}", "{kind: presence, partners: [person]}", "partners"),
        ("{kind: presence}", "{kind: together, partners: [dog]}", "partners"),
        (", when: {labels: [person]}", "", "when"),
        ("size: [416, 416]", "size: [416, 999999]", "size"),
        ("labels: [person]", "labels: &a [person]\nx: *a", "aliases"),
        ("labels: [person]", "labels: !!python/object:os.system [person]", "plain YAML"),
        ("id: example.person", "id: !!bool perhaps", "tag"),
        ("id: example.person", 'id: !!int ""', "tag"),
        ("id: example.person", "id: other.person\nid: example.person", "'id' stands twice"),
        ("version: 1.0.0", 'version: "1.1\uff10.0"', "version"),
        ("version: 1.0.0", "version: 1.0.0\ninterface: 0x" + "f" * 4000, "figures"),
        ("version: 1.0.0", "version: 1.0.0\ninterface: 1" + ":59" * 4000, "figures"),
        ("version: 1.0.0", "version: 1.0.0\ninterface: 10000000000", "interface"),
        ("zh: 人员检测", 'zh: "人员\\0检测"', "control characters"),
        ("zh: 人员检测", 'zh: "人员\\u202e检测"', "control characters"),
        ("size: [416, 416]", "size: [416, 416], scale: .inf", "not finite"),
        ("size: [416, 416]", "size: [416, 416], mean: [.nan, 0, 0]", "not finite"),
        ("size: [416, 416]", "size: [416, 416], mean: [1.0e+400, 0, 0]", "not finite"),
        ("size: [416, 416]", "size: [416, 416], std: [1.0e-300, 1, 1]", "std"),
        ("objectness: true", "objectness: true, grid: [" + "1, " * 60_000 + "1]", "more than 50000 values"),
        ("licence:", "samples: [{file: a.png, objects: [{label: person, box: [9, 9, 1, 1]}]}]\nlicence:", "box"),
    ],
)
def test_a_manifest_that_is_wrong_says_where(old: str, new: str, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        read_manifest(DETECTOR.replace(old, new))


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff\xfe", b"a: b: c", b"- " * 100_000, b"x" * (2 << 20)])
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(BadManifest):
        read_manifest(text)


def test_a_second_model_says_nothing_that_the_first_says_already() -> None:
    stage: dict[str, Any] = {"file": "models/s.onnx", "on": ["person"], "labels": ["hat", "person"]}
    stage |= {"input": {"tensor": "i", "size": [32, 32]}, "output": {"decoder": "class", "tensor": "o"}}
    document = read_manifest(DETECTOR).model_dump(mode="json")

    with pytest.raises(ValidationError, match="count twice: person"):
        Manifest.model_validate({**document, "stages": [stage]})


def test_no_number_of_a_manifest_is_nan_whichever_way_it_comes() -> None:
    document = read_manifest(DETECTOR).model_dump(mode="json")

    with pytest.raises(ValidationError, match=r"input\.mean"):
        Manifest.model_validate({**document, "input": {**document["input"], "mean": [float("nan"), 0, 0]}})


@pytest.mark.parametrize(
    ("kinds", "arch", "file"),
    [
        (["cpu"], "x86_64", "models/amd.onnx"),
        (["cpu"], "aarch64", "models/arm.onnx"),
        (["cuda"], "aarch64", "models/card.onnx"),
        (["cpu"], "riscv64", None),
    ],
)
def test_a_node_takes_the_first_platform_of_its_architecture(kinds: list[str], arch: str, file: str | None) -> None:
    platforms = "[{platform: cuda, backend: onnxruntime, file: models/card.onnx}"
    for name, file_of in (("aarch64", "models/arm.onnx"), ("x86_64", "models/amd.onnx")):
        platforms += f", {{arch: {name}, backend: onnxruntime, file: {file_of}}}"
    manifest = read_manifest(DETECTOR.replace("[{backend: onnxruntime, file: models/m.onnx}]", f"{platforms}]"))

    chosen = manifest.platform_on(kinds, arch)

    assert (chosen and chosen.file) == file


def test_parameters_settle_to_given_values_and_defaults() -> None:
    manifest = builtin_manifests()["fengsui.area_intrusion"]

    settled = manifest.settle({"hold_s": 3})

    assert settled["hold_s"] == 3
    assert settled["dedupe_s"] == 5


@pytest.mark.parametrize("value", ["3", True, None, -1, 1e9, float("nan"), [1]])
def test_a_parameter_that_does_not_fit_is_named(value: object) -> None:
    manifest = builtin_manifests()["fengsui.area_intrusion"]

    with pytest.raises(BadParameters, match="hold_s") as caught:
        manifest.settle({"hold_s": value})  # type: ignore[dict-item]

    assert set(caught.value.fields) == {"hold_s"}


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(BadParameters, match="colour: unknown"):
        builtin_manifests()["fengsui.left_object"].settle({"colour": "red"})


def test_the_form_schema_carries_labels_in_both_languages() -> None:
    schema = builtin_manifests()["fengsui.left_object"].params_schema

    dwell = schema["properties"]["dwell_s"]  # type: ignore[index,call-overload]
    assert dwell == {
        "type": "number",
        "title": "Time standing still",
        "default": 8,
        "minimum": 1.0,
        "maximum": 3600.0,
        "x-unit": "s",
        "x-label": {"zh": "静止时间", "en": "Time standing still"},
        "x-help": {"zh": "物体静止超过该时间才告警", "en": "A thing is reported once it has stood still for so long"},
    }


def test_the_form_of_a_rule_follows_from_its_kind_with_the_defaults_of_the_package() -> None:
    rule = "{kind: dwell, defaults: {dwell_s: 30}, fixed: {min_size: 0.1}}"
    manifest = read_manifest(DETECTOR.replace("{kind: presence}", rule))

    assert list(manifest.form) == ["min_conf", "dwell_s", "count", "dedupe_s", "repeat"]
    assert manifest.settle({"count": 2})["dwell_s"] == 30


@pytest.mark.parametrize("kind", FIELDS)
def test_every_kind_of_rule_has_a_form_with_names_in_both_languages(kind: RuleKind) -> None:
    form = Rule(kind=kind).form

    assert list(form) == list(FIELDS[kind])
    assert all(parameter.fault(parameter.default) is None for parameter in form.values())
