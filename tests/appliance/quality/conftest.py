"""A street of the rig, and a watch that knows it."""

import copy
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from appliance.quality import Watch
from appliance.quality.measures import Picture
from federation.messages import PictureFault
from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.rig.scene.rendering import build_stage, draw_frame

START = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=10)
LEARNED = 14

Street = Callable[[int], Picture]
Followed = Callable[[Sequence[Picture]], list[tuple[PictureFault, ...]]]


@pytest.fixture(scope="session")
def street() -> Street:
    """Give pictures of a street by their number, ten seconds apart, with the noise of a sensor."""
    stage = build_stage(scripted_cameras(1)[0])
    drawn: dict[int, Picture] = {}

    def picture(number: int) -> Picture:
        if number not in drawn:
            scene = cv2.cvtColor(draw_frame(stage, number * 10.0 % stage.script.loop_s), cv2.COLOR_RGB2BGR)
            noise = np.random.default_rng(number).normal(0, 1.5, scene.shape)
            drawn[number] = np.clip(scene + noise, 0, 255).astype(np.uint8)
        return drawn[number]

    return picture


@pytest.fixture(scope="session")
def _knowing(street: Street) -> Watch:
    watch = Watch()
    for number in range(LEARNED):
        assert watch.look(street(number), START + number * EVERY).faults == ()
    return watch


@pytest.fixture
def followed(_knowing: Watch) -> Followed:
    """Give what shows further pictures to a watch that knows the street, and returns what was said after each."""
    watch = copy.deepcopy(_knowing)

    def follow(pictures: Sequence[Picture]) -> list[tuple[PictureFault, ...]]:
        return [
            watch.look(picture, START + (LEARNED + number) * EVERY).faults for number, picture in enumerate(pictures)
        ]

    return follow
