"""A single picture under the rule of an algorithm: what is drawn for its camera holds, and what no single picture can
tell is not told.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.analysis.engine.queue import Lane
from appliance.analysis.pictures import Pictures
from appliance.analysis.views import NOWHERE, Drawings, Place
from appliance.local import View
from federation.messages import Scene
from federation.packages import Manifest
from federation.viewing.pictures import PictureVerdict
from tests.appliance.analysis.engine.conftest import ROWS, Pack, Running, one_box
from tests.appliance.analysis.test_detector import WIDE, manifest

A = ("a", "1.0.0")
HERE = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.9), (0.2, 0.9))  # around the one thing that the model sees
ELSEWHERE = ((0.7, 0.1), (0.95, 0.1), (0.95, 0.9))
NOW = datetime(2026, 11, 27, tzinfo=UTC)
AT_1, TURNING = View(since=NOW, preset="1"), View(since=NOW, turning=True)


def at(view: View, *scenes: Scene) -> Place:
    return Place(drawings=Drawings(of_point=scenes), view=view)


async def verdict(engine: Running, package: Path, place: Place) -> PictureVerdict:
    await engine.holds({A: package})
    return await Pictures(engine.engine).look(WIDE, A, Lane.PERSON, place)


async def test_what_is_drawn_for_the_camera_decides_and_is_told_with_what_the_event_is_about(
    engine: Running, pack: Pack
) -> None:
    package = await pack("a", one_box(label=0))
    inside, outside = Scene(regions=(HERE,)), Scene(regions=(ELSEWHERE,))

    places = (NOWHERE, at(NOWHERE.view, inside), at(NOWHERE.view, outside), at(AT_1, outside, Scene(preset="1")))
    seen = [await verdict(engine, package, place) for place in places]

    assert [[event.code for event in each.events] for each in seen] == [["test.planted/x"]] * 2 + [[], []]
    assert [each.drawn.regions for each in seen] == [(), (HERE,), (ELSEWHERE,), (ELSEWHERE,)]
    assert seen[1].events[0].detections == seen[1].detections


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (at(TURNING), "view_turning"),
        (at(View(since=NOW, preset="2"), Scene(preset="1", regions=(HERE,))), "view_other"),
        (at(NOWHERE.view, Scene(preset="1", regions=(HERE,))), "view_unknown"),
    ],
)
async def test_where_nothing_is_judged_the_verdict_says_why_and_what_is_seen_is_shown(
    engine: Running, pack: Pack, place: Place, code: str
) -> None:
    seen = await verdict(engine, await pack("a", one_box(label=0)), place)

    assert (seen.unjudged.partition(":")[0], seen.events) == (code, ())
    assert [found.label for found in seen.detections] == ["bin"]


async def test_a_rule_that_compares_pictures_says_nothing_of_a_single_one(engine: Running, pack: Pack) -> None:
    declared = manifest(ROWS).model_dump(mode="json", exclude_defaults=True)
    lines = Manifest.model_validate({**declared, "rule": {"kind": "line_crossing"}})

    seen = await verdict(engine, await pack("a", one_box(label=0), lines), NOWHERE)

    assert (seen.unjudged.partition(":")[0], seen.events) == ("one_picture", ())
