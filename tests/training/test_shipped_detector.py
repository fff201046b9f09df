"""The package that ships: it passes the examination, says what it is, and finds things in pictures it was not shown."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.analysis.detector import Detector
from federation.messages import Detection
from federation.packages import Package, builtin_manifests, shipped_packages, write_package
from federation.packages.examination import examine
from federation.packages.stock import Kept, Stock
from federation.packages.templates import templates
from federation.packages.trial import try_out
from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.rig.scene.clips import render
from hil_tests.rig.scene.rendering import build_stage
from hil_tests.training.pictures import drawn_pictures
from hil_tests.training.truth import LABELS, Boxes, boxes_of

LARGEST_MODEL_BYTES = 2_000_000
CHECK_SEED = 3  # as in the card
CLIPS = Path.home() / ".cache" / "fengsui"  # where the demo keeps them between runs


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = shipped_packages()["fengsui.street_objects"]
    return write_package(folder, tmp_path_factory.mktemp("shipped") / "street_objects.algpkg")


@pytest.fixture(scope="module")
def detector(package: Package) -> Detector:
    assert package.manifest.model_file is not None
    return Detector(package.manifest, package.read(package.manifest.model_file))


def test_it_passes_every_rule_but_that_nobody_signed_it(package: Package) -> None:
    stock = Stock([Kept(manifest=manifest, digest=None) for manifest in builtin_manifests().values()])

    found = examine(package.path, trusted=[], stock=stock, trial=try_out)

    assert [verdict.criterion.code for verdict in found.verdicts if verdict.outcome == "failed"] == ["unsigned"]
    passed = {verdict.criterion.code for verdict in found.verdicts if verdict.outcome == "passed"}
    assert passed >= {"unsafe_model", "tensors_differ", "output_differs", "samples_differ", "samples_few", "costs_more"}


def test_its_model_is_small(package: Package) -> None:
    assert package.sizes[package.manifest.model_file or ""] < LARGEST_MODEL_BYTES


def test_its_card_says_what_its_figures_are_of(package: Package) -> None:
    manifest = package.manifest
    figures = {item.check_set.partition(":")[0]: item for item in manifest.evaluation}

    assert len(figures) == 2
    assert all("never seen" in name for name in figures)
    assert all("make train-detector" in item.tool for item in manifest.evaluation)
    assert "程序绘制" in manifest.description.zh
    assert manifest.disclaimer is not None
    assert "drawn pictures" in manifest.disclaimer.en


def test_its_labels_serve_algorithms_of_the_catalogue(package: Package) -> None:
    served = {template.slug for template in templates().values() if template.standing(package.manifest.labels).works}

    assert served >= {"area_intrusion", "illegal_parking", "fire_lane_blocked", "burning_garbage_leaves"}


def test_it_finds_persons_and_vehicles_of_streets_that_training_never_drew(detector: Detector) -> None:
    labelled = [(picture, boxes) for number in (0, 1) for picture, boxes in drawn_pictures(CHECK_SEED, number)]

    found, there = found_and_there(detector, labelled)

    assert there >= 50
    assert found / there > 0.25


def test_it_finds_persons_and_vehicles_in_the_clip_of_a_virtual_camera(
    detector: Detector,
) -> None:
    found, there = found_and_there(detector, clip_pictures(CLIPS))

    assert there >= 10
    assert found / there > 0.4


def clip_pictures(folder: Path) -> Iterator[tuple[np.ndarray, Boxes]]:
    """Yield a picture of every two seconds of a camera's clip, and its truth."""
    script = scripted_cameras(1)[0]
    stage = build_stage(script)
    with av.open(str(render(script, folder))) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % (2 * script.fps) == 0:
                boxes = boxes_of(stage, number / script.fps)
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), boxes


def found_and_there(detector: Detector, labelled: Iterable[tuple[np.ndarray, Boxes]]) -> tuple[int, int]:
    """Return how many persons and vehicles that count were found, and how many there were."""
    found = there = 0
    for picture, truth in labelled:
        detections = detector.detect(np.ascontiguousarray(picture[..., ::-1]))
        size = (picture.shape[1], picture.shape[0])
        wanted = [row for row in truth if row[5] == 0 and LABELS[int(row[4])] in {"person", "car", "van"}]
        there += len(wanted)
        found += sum(any(_same(item, row, size) for item in detections if item.score >= 0.6) for row in wanted)
    return found, there


def _same(detection: Detection, row: np.ndarray, size: tuple[int, int]) -> bool:
    box = detection.box
    one = np.array([box.x, box.y, box.x + box.width, box.y + box.height]) * np.tile(size, 2)
    inner = np.maximum(np.minimum(one[2:], row[2:4]) - np.maximum(one[:2], row[:2]), 0).prod()
    union = (one[2:] - one[:2]).prod() + (row[2:4] - row[:2]).prod() - inner
    return bool(detection.label == LABELS[int(row[4])] and inner / union >= 0.5)
