import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.rig.scene.clips import clip_path, render, write_truth
from hil_tests.rig.scene.rendering import Stage, build_stage, draw_frame
from hil_tests.rig.scene.script import Happening, Script
from hil_tests.rig.scene.truth import GroundTruth, actor_boxes, ground_truth, script_time_s

SCRIPTS = scripted_cameras()
HAPPENINGS = [(script, happening) for script in SCRIPTS for happening in script.happenings]


def label(part: Script | Happening) -> str:
    return part.name if isinstance(part, Script) else part.actor


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {}


def stage_of(script: Script, stages: dict[str, Stage]) -> Stage:
    if script.name not in stages:
        stages[script.name] = build_stage(small(script))
    return stages[script.name]


def small(script: Script) -> Script:
    return dataclasses.replace(script, width_px=480, height_px=270)


def test_there_are_eight_cameras_with_names_of_their_own() -> None:
    assert len({script.name for script in SCRIPTS}) == 8
    assert len({script.name_zh for script in SCRIPTS}) == 8
    assert len({script.seed for script in SCRIPTS}) == 8


def test_every_kind_happens_somewhere() -> None:
    kinds = {happening.kind for _, happening in HAPPENINGS}

    assert kinds == {"area_intrusion", "left_object", "illegal_stop", "smoke", "bin_overflow"}


def test_two_cameras_see_an_intrusion_within_eight_seconds() -> None:
    early = [s for s, h in HAPPENINGS if h.kind == "area_intrusion" and h.t_start_s <= 8]

    assert len(early) >= 2


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_round_begins_and_ends_with_an_empty_street(script: Script) -> None:
    spans = [actor.span_s for actor in script.actors]

    assert max(end for _, end in spans) < script.loop_s
    assert min(start for start, _ in spans) >= 0.4


@pytest.mark.parametrize(("script", "happening"), HAPPENINGS, ids=label)
def test_the_actor_changes_the_picture_inside_its_true_box(
    script: Script, happening: Happening, stages: dict[str, Stage]
) -> None:
    stage = stage_of(script, stages)
    t_s = (happening.t_start_s + happening.t_end_s) / 2
    alone = dataclasses.replace(script, actors=(script.actor(happening.actor),))

    frame = draw_frame(dataclasses.replace(stage, script=alone), t_s)
    box = actor_boxes(script, t_s)[happening.actor]

    changed = np.abs(frame.astype(int) - stage.pixels).sum(axis=2) > 40
    left, top = round(box.x * 480), round(box.y * 270)
    right, bottom = round((box.x + box.width) * 480), round((box.y + box.height) * 270)
    inside = changed[max(0, top - 2) : bottom + 3, max(0, left - 2) : right + 3]
    assert inside.mean() > 0.15
    shadow_free = changed.copy()
    shadow_free[max(0, top - 2) : bottom + 12, max(0, left - 40) : right + 40] = False
    assert shadow_free.sum() < 0.1 * inside.sum()


@pytest.mark.parametrize(
    ("script", "happening"),
    [pair for pair in HAPPENINGS if pair[1].kind in ("area_intrusion", "left_object", "illegal_stop")],
    ids=label,
)
def test_the_actor_is_in_its_region_just_while_it_happens(script: Script, happening: Happening) -> None:
    corners = np.array(script.region(happening.region).corners_m)
    actor = script.actor(happening.actor)

    def is_inside(t_s: float) -> bool:
        foot = actor.foot(t_s)
        return foot is not None and bool((corners.min(axis=0) <= foot).all() and (foot <= corners.max(axis=0)).all())

    times = np.arange(happening.t_start_s + 0.4, happening.t_end_s - 0.3, 0.25)
    assert all(is_inside(float(t_s)) for t_s in times)
    if happening.kind == "area_intrusion":
        assert not is_inside(happening.t_start_s - 0.2)
        assert not is_inside(happening.t_end_s + 0.2)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_nobody_else_is_in_the_closed_area(script: Script) -> None:
    corners = np.array(script.region("closed").corners_m)
    allowed = {happening.actor for happening in script.happenings}

    for actor in script.actors:
        if actor.name in allowed:
            continue
        feet = [foot for t_s in np.arange(0, 60, 0.5) if (foot := actor.foot(float(t_s))) is not None]
        assert not any((corners.min(axis=0) < foot).all() and (foot < corners.max(axis=0)).all() for foot in feet)


def test_the_same_script_gives_the_same_picture_and_another_seed_does_not() -> None:
    script = small(SCRIPTS[0])

    one, two = (draw_frame(build_stage(script), 12.0) for _ in range(2))
    other = draw_frame(build_stage(dataclasses.replace(script, seed=99)), 12.0)

    assert (one == two).all()
    assert (one != other).any()
    assert script.digest() != SCRIPTS[0].digest()


def test_the_seam_of_the_loop_does_not_show(tmp_path: Path) -> None:
    script = dataclasses.replace(small(SCRIPTS[0]), fps=2)

    path = render(script, tmp_path)

    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == script.frame_count
    assert np.abs(frames[-1] - frames[0]).mean() < 2.0


def test_a_clip_is_rendered_once(tmp_path: Path) -> None:
    script = dataclasses.replace(small(SCRIPTS[1]), fps=1, loop_s=4.0)

    first = render(script, tmp_path).stat().st_mtime_ns
    second = render(script, tmp_path).stat().st_mtime_ns

    assert first == second


def test_who_finds_another_rendering_the_same_clip_waits_for_it(tmp_path: Path) -> None:
    script = dataclasses.replace(small(SCRIPTS[1]), fps=2)

    with ThreadPoolExecutor(max_workers=3) as others:  # each opens the lock for itself, as processes do
        paths = {work.result(120) for work in [others.submit(render, script, tmp_path) for _ in range(3)]}

    assert paths == {clip_path(script, tmp_path)}
    with av.open(str(paths.pop())) as container:
        assert sum(1 for _ in container.decode(video=0)) == script.frame_count
    assert [path.name for path in tmp_path.glob("*.mp4")] == [clip_path(script, tmp_path).name]


def test_the_truth_survives_its_file(tmp_path: Path) -> None:
    started = datetime(2026, 1, 1, tzinfo=UTC)

    written = write_truth(SCRIPTS[2], tmp_path / "cam3.json", started_at=started)

    read = GroundTruth.read(tmp_path / "cam3.json")
    assert read == written
    assert read.started_at == started


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_regions_lie_in_the_picture(script: Script) -> None:
    regions = ground_truth(script).regions

    assert set(regions) == {"area_intrusion", "left_object", "illegal_stop", "smoke", "bin_overflow"}
    for polygon in regions.values():
        assert len(polygon) >= 3
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in polygon)


def test_a_time_is_mapped_to_its_round_and_place() -> None:
    started = datetime(2026, 1, 1, tzinfo=UTC)

    assert script_time_s(started + timedelta(seconds=130), started_at=started, loop_s=60.0) == (2, 10.0)
