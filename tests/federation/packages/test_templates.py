"""The catalogue of city algorithms: what it lists, what a model makes possible, and what is bound."""

from collections import Counter
from typing import Any, get_args

import pytest

from federation.packages import Manifest, PackageError, read_manifest, write_manifest
from federation.packages.binding import bind
from federation.packages.errors import CannotBind
from federation.packages.rules import Rule, RuleKind
from federation.packages.templates import classes, spelling, templates

TEXT = {"zh": "模型", "en": "Model"}
EVERY = sorted(templates())


def model(labels: list[str], **changes: Any) -> Manifest:
    whole = {
        "apiVersion": "algpkg/1",
        "kind": "algorithm",
        "id": "example.detector",
        "version": "2.0.0",
        "name": TEXT,
        "description": TEXT,
        "vendor": {"id": "example", "name": TEXT},
        "runtime": {"platforms": [{"backend": "onnxruntime", "file": "models/m.onnx"}]},
        "input": {"tensor": "images", "size": [32, 32]},
        "output": {"decoder": "rows", "tensor": "o"},
        "labels": labels,
        "rule": {"kind": "presence"},
        "events": [{"code": "example.detector/any", "name": TEXT, "when": {"labels": labels[:1]}}],
        "licence": {"software": "MIT", "weights": "MIT"},
    }
    return Manifest.model_validate({**whole, **changes})


def test_all_71_algorithms_are_there_each_with_its_number_and_both_names() -> None:
    found = templates().values()

    numbers = {item.number for item in found}
    assert numbers == {str(number) for number in range(1, 63) if number != 29} | {
        f"x{number}" for number in range(1, 11)
    }
    assert all(item.name.zh and item.name.en and item.description.zh for item in found)
    assert max(Counter(item.name.zh for item in found).values()) == 1


def test_every_rule_is_of_a_kind_that_nodes_run_and_its_values_fit() -> None:
    for item in templates().values():
        assert item.rule in get_args(RuleKind)
        Rule.model_validate({"kind": item.rule, "defaults": dict(item.defaults)})


def test_no_two_classes_have_one_name_for_a_label() -> None:
    words = Counter(word for item in classes().values() for word in item.called)

    assert [word for word, count in words.items() if count > 1] == []
    assert all(item.text.zh and item.text.en for item in classes().values())


@pytest.mark.parametrize("slug", EVERY)
def test_every_template_becomes_an_algorithm_of_a_model_that_knows_its_classes(slug: str) -> None:
    template = templates()[slug]

    bound = bind(template, model([*template.wanted, "other"]))

    assert read_manifest(write_manifest(bound)) == bound
    assert (bound.id, bound.template, bound.needs_region) == (f"city.{slug}", slug, template.needs_region)
    assert [event.code for event in bound.events] == [f"{template.code}/{name}" for name in template.reports]
    assert {event.parent for event in bound.events} == {template.code}


@pytest.mark.parametrize("slug", EVERY)
def test_a_model_without_its_classes_is_never_bound(slug: str) -> None:
    with pytest.raises(CannotBind, match="lacks"):
        bind(templates()[slug], model(["teapot"]))


def test_what_a_model_can_do_is_computed_from_its_labels() -> None:
    parking, barbecue = templates()["illegal_parking"], templates()["open_air_barbecue"]

    cars = parking.standing(["Car", "BUS", "cat"])
    assert (cars.works, dict(cars.labels), cars.lacks) == (True, {"car": ("Car",), "bus": ("BUS",)}, ("truck", "van"))
    assert not barbecue.standing(["person"]).works  # a person alone is no barbecue
    assert barbecue.standing(["person", "grill"]).works
    assert not templates()["manhole_fault"].standing(["manhole_normal"]).works  # what is in order is no fault


def test_only_events_that_the_model_can_see_are_declared() -> None:
    bound = bind(templates()["illegal_parking"], model(["person", "car"]))

    assert [(event.code, event.when and event.when.labels) for event in bound.events] == [
        ("street_order/illegal_parking/car", ("car",))
    ]


def test_two_kinds_together_are_event_and_partner() -> None:
    bound = bind(templates()["open_air_barbecue"], model(["person", "grill", "dog"]))

    assert bound.rule is not None
    assert (bound.rule.kind, bound.rule.partners, len(bound.events)) == ("together", ("person",), 1)


def test_what_a_second_model_says_counts_for_a_template_like_what_the_first_does() -> None:
    stage = {
        "file": "models/second.onnx",
        "on": ["person"],
        "input": {"tensor": "images", "size": [32, 32]},
        "output": {"decoder": "multilabel", "tensor": "o"},
        "labels": ["no_chef_hat", "no_apron"],
    }

    bound = bind(templates()["kitchen_dress"], model(["person"], stages=[stage]))

    assert [event.code.rpartition("/")[2] for event in bound.events] == ["no_chef_hat", "no_apron"]
    assert read_manifest(write_manifest(bound)) == bound


def test_no_state_is_compared_with_the_whole_person_who_is_in_it() -> None:
    compared = {slug for slug, item in templates().items() if item.rule == "state" and "person" in item.compares}

    assert compared == set()  # a person is always seen more surely than what is wrong with him


def test_labels_are_compared_in_one_spelling() -> None:
    assert {spelling(label) for label in ("Dining Table", "dining-table", " dining_table ")} == {"dining_table"}
    assert templates()["discarded_furniture"].standing(["dining table", "couch"]).works


def test_a_package_without_a_model_is_never_bound() -> None:
    own = model(["car"]).model_dump(mode="json", exclude_defaults=True) | {
        "runtime": {"platforms": [{"backend": "opencv"}]}
    }
    with pytest.raises(PackageError):
        bind(templates()["illegal_parking"], Manifest.model_validate(own))
