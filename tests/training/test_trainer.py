"""The trainer itself, where what it trains with is installed: ./set-up.sh training."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax", reason="what trains the detector is not installed: ./set-up.sh training")

from hil_tests.training.export import Runner, onnx_model
from hil_tests.training.learning import Learner, Plan, beginning, raw_outputs, resumed, train
from hil_tests.training.packing import NothingFound, Origin, write_folder
from hil_tests.training.pictures import PictureSet, drawn_pictures

PLAN = Plan(seed=4, steps=6, batch=4)


@pytest.fixture(scope="module")
def pictures() -> PictureSet:
    labelled = drawn_pictures(9, 0, moments=8)
    return PictureSet(pixels=np.stack([picture for picture, _ in labelled]), boxes=[boxes for _, boxes in labelled])


@pytest.fixture(scope="module")
def learner(pictures: PictureSet) -> Learner:
    return train(beginning(PLAN.seed), PLAN, pictures, lambda _learner, _loss: None)


def test_the_exported_model_gives_what_the_trained_one_gives(learner: Learner, pictures: PictureSet) -> None:
    parts = (learner.kept, learner.statistics)
    model = onnx_model(*({name: np.asarray(value) for name, value in part.items()} for part in parts))

    ours = Runner(model).raw(pictures.pixels[0])

    assert np.allclose(ours, raw_outputs(learner, pictures.pixels[:1])[0], atol=2e-4)


def test_a_training_that_broke_off_ends_as_if_nothing_had_been(
    learner: Learner, pictures: PictureSet, tmp_path: Path
) -> None:
    def keep_half(half: Learner, _loss: float) -> None:
        if half.step == PLAN.steps // 2:
            half.save(tmp_path / "half.npz")

    train(beginning(PLAN.seed), PLAN, pictures, keep_half)
    ended = train(resumed(tmp_path / "half.npz"), PLAN, pictures, lambda _learner, _loss: None)

    for name, value in learner.weights.items():
        assert np.array_equal(np.asarray(value), np.asarray(ended.weights[name])), name


def test_the_loss_falls(pictures: PictureSet) -> None:
    losses: list[float] = []

    train(beginning(1), Plan(seed=1, steps=14, batch=4), pictures, lambda _learner, loss: losses.append(loss))

    assert sum(losses[-3:]) < sum(losses[:3])


def test_a_model_that_has_learnt_nothing_makes_no_package(tmp_path: Path) -> None:
    untaught = beginning(1)
    parts = (untaught.kept, untaught.statistics)
    model = onnx_model(*({name: np.asarray(value) for name, value in part.items()} for part in parts))

    with pytest.raises(NothingFound, match="found in 0 of"):
        write_folder(model, Origin(seed=1, pictures=0, steps=0, checked={}), tmp_path)
