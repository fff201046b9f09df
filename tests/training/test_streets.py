"""Streets drawn from a seed: the same seed draws the same, and the truth says what must be found."""

import dataclasses

import numpy as np
import pytest

from hil_tests.rig.scene.rendering import Stage, build_stage
from hil_tests.rig.scene.script import Actor, ActorKind, Script, Waypoint
from hil_tests.training.pictures import HEIGHT_PX, WIDTH_PX, Labelled, drawn_pictures
from hil_tests.training.streets import drawn_street, moment_s
from hil_tests.training.truth import LABELS, boxes_of


@pytest.fixture(scope="module")
def street() -> list[Labelled]:
    return drawn_pictures(11, 0, moments=3)


@pytest.fixture(scope="module")
def empty() -> Stage:
    script = Script(name="empty", name_zh="", name_en="", seed=1, width_px=640, height_px=360)
    return build_stage(script)


def standing(kind: ActorKind, x_m: float, y_m: float) -> Actor:
    path = (Waypoint(t_s=0, x_m=x_m, y_m=y_m), Waypoint(t_s=10, x_m=x_m, y_m=y_m))
    return Actor(name=f"{kind}-{x_m}-{y_m}", kind=kind, path=path, colour=(200, 40, 40))


def with_actors(stage: Stage, *actors: Actor) -> Stage:
    return dataclasses.replace(stage, script=dataclasses.replace(stage.script, actors=actors))


def test_the_same_seed_draws_the_same_pictures(street: list[Labelled]) -> None:
    again = drawn_pictures(11, 0, moments=3)

    assert all(np.array_equal(one[0], two[0]) for one, two in zip(street, again, strict=True))
    assert all(np.array_equal(one[1], two[1]) for one, two in zip(street, again, strict=True))


def test_another_seed_draws_another_street() -> None:
    one, other = (drawn_street(np.random.default_rng(seed), 1) for seed in (11, 12))

    assert one.street != other.street
    assert one.view != other.view


def test_pictures_have_the_size_of_the_models_input_and_their_boxes_lie_inside(street: list[Labelled]) -> None:
    for picture, boxes in street:
        assert picture.shape == (HEIGHT_PX, WIDTH_PX, 3)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:4] <= [WIDTH_PX, HEIGHT_PX]).all()
        assert (boxes[:, 2:4] > boxes[:, :2]).all()


def test_what_is_in_one_moment_is_in_no_other() -> None:
    script = drawn_street(np.random.default_rng(5), 6)

    for actor in script.actors:
        present = [number for number in range(6) if actor.foot(moment_s(number)) is not None]
        assert present == [int(actor.name.partition("-")[0])]


def test_every_label_is_drawn() -> None:
    kinds = {actor.kind for actor in drawn_street(np.random.default_rng(5), 40).actors}

    assert len(kinds) == len(LABELS)


def test_some_moments_are_empty() -> None:
    script = drawn_street(np.random.default_rng(5), 40)
    busy = {int(actor.name.partition("-")[0]) for actor in script.actors}

    assert 0 < 40 - len(busy) < 20


def test_who_stands_in_the_open_must_be_found(empty: Stage) -> None:
    [row] = boxes_of(with_actors(empty, standing("person", 0.0, 12.0)), 5.0)

    assert (LABELS[int(row[4])], row[5]) == ("person", 0)


def test_who_stands_behind_a_van_need_not_be_found(empty: Stage) -> None:
    rows = boxes_of(with_actors(empty, standing("person", 0.3, 18.0), standing("van", 0.3, 14.0)), 5.0)

    assert {LABELS[int(row[4])]: row[5] for row in rows} == {"van": 0, "person": 1}


def test_who_is_far_away_need_not_be_found(empty: Stage) -> None:
    [row] = boxes_of(with_actors(empty, standing("person", 0.0, 110.0)), 5.0)

    assert row[5] == 1
