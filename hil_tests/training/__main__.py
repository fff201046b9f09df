"""Train a small detector of drawn streets, and write its package: model, card and samples."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.training.export import Runner, onnx_model
from hil_tests.training.learning import Learner, Plan, beginning, raw_outputs, resumed, train
from hil_tests.training.packing import NothingFound, Origin, threshold, write_folder
from hil_tests.training.pictures import PictureSet, clip_set, drawn_set
from hil_tests.training.scoring import Figures, figures, mean_average_precision

_LOOKED_AT, _CHECKED = 1, 2
"""Added to the seed of the training pictures: those looked at on the way, and those that the card's figures are of."""
_LOOK_PICTURES = 192
_SAY_STEPS, _LOOK_STEPS = 50, 250
_CLIP_STEP_S = 2.0


def main(argv: list[str]) -> int:
    """Train, check and pack; print progress, and one JSON object as last line. Return 0, or 1 without a package."""
    options = _options(argv)
    learner = _trained(options)
    parts = (learner.kept, learner.statistics)
    model = onnx_model(*({name: np.asarray(value) for name, value in part.items()} for part in parts))
    _say(f"checking with {options.checked} drawn pictures and the clips of the virtual cameras …")
    origin = Origin(
        seed=options.seed,
        pictures=options.pictures,
        steps=learner.step,
        checked={name: _judged(model, pictures) for name, pictures in _check_sets(options).items()},
    )
    return _finish(model, origin, options.output)


def _trained(options: argparse.Namespace) -> Learner:
    _say(f"drawing {options.pictures} pictures to learn from …")
    learnt_from = _drawn(options, options.seed, options.pictures)
    looked_at = _drawn(options, options.seed + _LOOKED_AT, min(_LOOK_PICTURES, options.checked))
    checkpoint = options.cache / f"learner-{options.seed}-{options.pictures}.npz"
    learner = beginning(options.seed)
    if checkpoint.exists():
        learner = resumed(checkpoint)
        _say(f"going on after step {learner.step} of {checkpoint}")
    plan = Plan(seed=options.seed, steps=options.steps)
    return train(learner, plan, learnt_from, _progress(checkpoint, looked_at, plan.steps))


def _check_sets(options: argparse.Namespace) -> Mapping[str, PictureSet]:
    return {
        f"drawn streets never seen, {options.checked} pictures": _drawn(
            options, options.seed + _CHECKED, options.checked
        ),
        "clips of the virtual cameras, never seen": clip_set(scripted_cameras(), options.clips, every_s=_CLIP_STEP_S),
    }


def _drawn(options: argparse.Namespace, seed: int, count: int) -> PictureSet:
    return drawn_set(seed, count, options.cache, workers=options.workers)


def _finish(model: bytes, origin: Origin, folder: Path) -> int:
    result = {
        "seed": origin.seed,
        "pictures": origin.pictures,
        "steps": origin.steps,
        "model_bytes": len(model),
        "threshold": threshold(),
        "map50": {name: round(mean_average_precision(found), 3) for name, found in origin.checked.items()},
        "figures": {
            name: {label: asdict(item) for label, item in found.items()} for name, found in origin.checked.items()
        },
    }
    try:
        write_folder(model, origin, folder)
    except NothingFound as error:
        print(json.dumps({"package": None, "fault": str(error), **result}), flush=True)
        return 1
    print(json.dumps({"package": str(folder), **result}), flush=True)
    return 0


def _progress(checkpoint: Path, looked_at: PictureSet, last: int) -> Callable[[Learner, float], None]:
    losses: list[float] = []

    def told(learner: Learner, loss: float) -> None:
        losses.append(loss)
        if learner.step % _SAY_STEPS == 0:
            _say(f"step {learner.step}: loss {sum(losses[-_SAY_STEPS:]) / len(losses[-_SAY_STEPS:]):.3f}")
        if learner.step % _LOOK_STEPS == 0 or learner.step == last:
            learner.save(checkpoint)
            raws = [raw_outputs(learner, picture[None])[0] for picture in looked_at.pixels]
            seen = figures(raws, looked_at.boxes, threshold=threshold())
            _say(
                f"step {learner.step}: mAP50 {mean_average_precision(seen):.3f} of {len(looked_at)} pictures never seen"
            )

    return told


def _judged(model: bytes, pictures: PictureSet) -> Mapping[str, Figures]:
    runner = Runner(model)
    return figures((runner.raw(picture) for picture in pictures.pixels), pictures.boxes, threshold=threshold())


def _say(line: str) -> None:
    print(line, flush=True)


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hil_tests.training", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("build/street_objects"), help="folder of the package")
    parser.add_argument("--cache", type=Path, default=Path("build/training"), help="drawn pictures and checkpoints")
    parser.add_argument(
        "--clips", type=Path, default=Path.home() / ".cache" / "fengsui", help="where the demo keeps its rendered clips"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=2400, help="drawn pictures to learn from")
    parser.add_argument("--checked", type=int, default=320, help="drawn pictures that the figures are of")
    parser.add_argument("--steps", type=int, default=4800, help="steps of 8 cut pictures")
    parser.add_argument("--workers", type=int, default=2, help="processes that draw")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
