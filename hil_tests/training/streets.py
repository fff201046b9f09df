"""Streets drawn from a seed, each with many moments: who stands, walks or drives where, as scripts of the rig.

A moment lasts `MOMENT_S`; its picture is taken in the middle of it. What is in one moment is in no other.
"""

import math

import numpy as np
from numpy.random import Generator

from hil_tests.rig.scene.geometry import pinhole
from hil_tests.rig.scene.script import Actor, ActorKind, Colour, Light, Script, Street, View, Waypoint

MOMENT_S = 40.0
WIDTHS_PX = (640, 960)
_QUIET_SHARE = 0.12  # of the moments in which nobody is there
_RESTS_S = {"bag": 3.0, "litter": 6.0, "smoke": 9.0}  # how long what does not move is still there
_FAR_M = 48.0
_NEAR_M = 4.0


def moment_s(number: int) -> float:
    """Return the second of the script at which the picture of a moment is taken."""
    return (number + 0.5) * MOMENT_S


def drawn_street(random: Generator, moments: int) -> Script:
    """Return a street of its own with `moments` moments."""
    width = int(random.choice(WIDTHS_PX))
    empty = Script(
        name="drawn",
        name_zh="",
        name_en="",
        seed=int(random.integers(1 << 20)),
        width_px=width,
        height_px=width * 9 // 16,
        view=_view(random),
        light=_light(random),
        street=_street(random),
    )
    actors = [actor for number in range(moments) for actor in _moment(random, empty, number)]
    return Script(**{**vars(empty), "loop_s": moments * MOMENT_S, "actors": tuple(actors)})


def _view(random: Generator) -> View:
    return View(
        x_m=random.uniform(-3.5, 3.5),
        height_m=random.uniform(3.6, 10.5),
        yaw_deg=random.uniform(-10, 16),
        pitch_deg=random.uniform(9, 28),
        fov_deg=random.uniform(48, 86),
    )


def _light(random: Generator) -> Light:
    brightness = random.uniform(0.55, 1.15)
    return Light(
        sun=(random.uniform(-0.9, 0.9), random.uniform(-0.2, 0.6), -1.0),
        sun_share=random.uniform(0.0, 0.5) if brightness > 0.75 else 0.03,
        brightness=brightness,
        warmth=random.uniform(-0.3, 0.55),
        haze=random.uniform(0.1, 0.55),
        lamps=brightness < 0.75,
    )


def _street(random: Generator) -> Street:
    left, right = random.uniform(-7.0, -4.5), random.uniform(3.5, 6.0)
    pavement = random.uniform(3.0, 5.0)
    near, bay = random.uniform(11, 19), random.uniform(13, 22)
    trees = [_at_a_kerb(random, left, right) for _ in range(int(random.integers(0, 6)))]
    return Street(
        mirrored=bool(random.random() < 0.5),
        road_x_m=(left, right),
        pavement_m=pavement,
        closed_area_m=(right + pavement + 0.1, near, right + pavement + 6.0, near + 9.0),
        bay_m=(right - 2.6, bay, right - 0.2, bay + 7.0),
        bin_m=(left - 0.9, random.uniform(11, 24)),
        bench_m=(left - 0.7 * pavement, random.uniform(12, 28)),
        zebra_y_m=random.uniform(24, 38),
        trees_m=tuple(trees),
        facades=tuple(_wall_colour(random) for _ in range(4)),
    )


def _at_a_kerb(random: Generator, left_m: float, right_m: float) -> tuple[float, float]:
    if random.random() < 0.5:
        return left_m - 0.7, random.uniform(16, 44)
    return right_m + 0.9, random.uniform(24, 44)


def _wall_colour(random: Generator) -> Colour:
    grey, tint = random.uniform(90, 215), random.normal(0, 18, 3)
    red, green, blue = (int(np.clip(grey + part, 40, 240)) for part in tint)
    return red, green, blue


def _paint(random: Generator) -> Colour:
    if random.random() < 0.35:
        grey = int(random.uniform(20, 240))
        return grey, grey, min(255, grey + int(random.integers(0, 12)))
    red, green, blue = (int(part) for part in random.uniform(15, 240, 3))
    return red, green, blue


def _moment(random: Generator, script: Script, number: int) -> list[Actor]:
    if random.random() < _QUIET_SHARE:
        return []
    counts: dict[ActorKind, int] = {
        "person": int(min(random.poisson(2.4), 7)),
        "car": int(min(random.poisson(0.8), 3)),
        "van": int(min(random.poisson(0.5), 2)),
        "bag": int(min(random.poisson(0.7), 3)),
        "litter": int(random.random() < 0.3),
        "smoke": int(random.random() < 0.22),
    }
    at_s = moment_s(number)
    wanted = [kind for kind, count in counts.items() for _ in range(count)]
    return [_actor(random, script, kind, at_s, f"{number}-{index}") for index, kind in enumerate(wanted)]


def _actor(random: Generator, script: Script, kind: ActorKind, at_s: float, name: str) -> Actor:
    place = _place(random, script, kind)
    if kind in _RESTS_S:
        grown_s = {"bag": 3.0, "litter": random.uniform(1.5, 13.0), "smoke": random.uniform(3, 14)}
        path: tuple[Waypoint, ...] = (
            _waypoint(at_s - grown_s[kind], place),
            _waypoint(at_s + _RESTS_S[kind], place),
        )
    else:
        path = _steps(random, kind, at_s, place)
    return Actor(
        name=name,
        kind=kind,
        path=path,
        colour=_paint(random),
        second_colour=_paint(random) if random.random() < 0.5 else (44, 48, 58),
        height_m=random.uniform(1.45, 1.95),
        carries_bag=(at_s - 10, at_s + 10) if kind == "person" and random.random() < 0.15 else None,
    )


def _place(random: Generator, script: Script, kind: ActorKind) -> tuple[float, float]:
    """Return a place on the ground that the camera sees, as often near as far; a bin's rubbish mostly at the bin."""
    street = script.street
    if kind == "litter" and random.random() < 0.6:
        return street.bin_m
    left, right = street.road_x_m
    if kind not in {"car", "van"} or random.random() < 0.15:
        left, right = left - street.pavement_m + 0.4, right + street.pavement_m + 4.0
    view = pinhole(script)
    place = (0.0, 20.0)
    for _ in range(30):
        place = (random.uniform(left, right), math.exp(random.uniform(math.log(_NEAR_M), math.log(_FAR_M))))
        if view.depth_m(*place) < 3.2:
            continue
        x, y = view.project([(*place, 0.8)])[0]
        if 0 <= x < script.width_px and 0 <= y < script.height_px:
            break
    return place


def _steps(random: Generator, kind: ActorKind, at_s: float, place: tuple[float, float]) -> tuple[Waypoint, ...]:
    """Return a path that is at `place` at `at_s`: of somebody on the way, or who came to a halt before."""
    drives = kind in {"car", "van"}
    speed = random.uniform(4, 12) if drives else random.uniform(0.5, 1.9)
    bearing = random.uniform(0, 2 * math.pi)
    if drives and random.random() < 0.8:
        bearing = random.choice([0.0, math.pi]) + random.normal(0, 0.12)
    step = (speed * math.sin(bearing), speed * math.cos(bearing))
    before = (place[0] - 2 * step[0], place[1] - 2 * step[1])
    if random.random() < 0.35:
        halt_s = at_s - random.uniform(0.5, 3.0)
        return _waypoint(halt_s - 2, before), _waypoint(halt_s, place), _waypoint(at_s + 3, place)
    after = (place[0] + 2 * step[0], place[1] + 2 * step[1])
    return _waypoint(at_s - 2, before), _waypoint(at_s + 2, after)


def _waypoint(t_s: float, place: tuple[float, float]) -> Waypoint:
    return Waypoint(t_s=t_s, x_m=place[0], y_m=place[1])
