"""Acts that can be played in a street: a few actors each, and the happenings that they cause."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hil_tests.rig.scene.script import (
    Actor,
    Colour,
    Happening,
    Light,
    Region,
    Script,
    Street,
    View,
    Waypoint,
)

Place = tuple[float, float]

WALK_M_S = 1.4
_PAINTS: tuple[Colour, ...] = (
    (176, 60, 54), (52, 86, 148), (224, 218, 206), (58, 112, 84), (198, 156, 66), (112, 74, 122), (70, 76, 86),
    (210, 128, 92),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = ((44, 50, 66), (66, 62, 58), (36, 38, 42), (92, 92, 98))
_CAR_PAINTS: tuple[Colour, ...] = (
    (206, 208, 212),
    (58, 62, 70),
    (150, 34, 36),
    (42, 74, 128),
    (236, 236, 234),
    (120, 126, 130),
)
_VEST: Colour = (236, 118, 38)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Some actors and the happenings they cause."""

    actors: tuple[Actor, ...]
    happenings: tuple[Happening, ...] = ()


def walk(start_s: float, places: Sequence[Place], *, speed_m_s: float = WALK_M_S) -> tuple[Waypoint, ...]:
    """Return waypoints along `places` at one speed, from `start_s` on."""
    t_s = start_s
    path = [Waypoint(t_s=t_s, x_m=places[0][0], y_m=places[0][1])]
    for before, after in pairwise(places):
        t_s += max(math.dist(before, after) / speed_m_s, 0.1)
        path.append(Waypoint(t_s=t_s, x_m=after[0], y_m=after[1]))
    return tuple(path)


def stay(path: tuple[Waypoint, ...], seconds: float) -> tuple[Waypoint, ...]:
    """Return `path` with a halt of `seconds` at its end."""
    last = path[-1]
    return (*path, dataclasses.replace(last, t_s=last.t_s + seconds))


def then(path: tuple[Waypoint, ...], places: Sequence[Place], *, speed_m_s: float = WALK_M_S) -> tuple[Waypoint, ...]:
    """Return `path` followed by a walk over `places`."""
    last = path[-1]
    return (*path, *walk(last.t_s, [(last.x_m, last.y_m), *places], speed_m_s=speed_m_s)[1:])


def passer(name: str, start_s: float, places: Sequence[Place], paint: int, *, speed_m_s: float = WALK_M_S) -> Act:
    """Someone who only walks past."""
    return Act(actors=(_person(name, walk(start_s, places, speed_m_s=speed_m_s), paint),))


def traffic(name: str, start_s: float, *, away: bool, street: Street, paint: int, van: bool = False) -> Act:
    """Let a vehicle drive through: `away` from the camera on its right lane, or towards it on the other."""
    lane = _lane_x(street, away=away)
    places = [(lane, -2.0), (lane, 84.0)] if away else [(lane, 84.0), (lane, -2.0)]
    return Act(actors=(_vehicle(name, walk(start_s, places, speed_m_s=9.0), paint, van=van),))


def intrusion(name: str, enters_s: float, street: Street, paint: int, *, for_s: float = 11.0) -> Act:
    """Someone leaves the pavement through the gap of the barrier, walks about in the closed area, and comes out."""
    left, near, right, _ = street.closed_area_m
    gate = (left, 17.5)
    outside = (left - 1.1, 17.5)
    approach = [(left - 1.6, 25.0), (left - 1.6, 20.5), outside, gate]
    if enters_s < 8:  # the street is still empty when the round begins: come out of the next door
        approach = [(left - 0.2, 26.4), outside, gate]
    length = sum(math.dist(a, b) for a, b in pairwise(approach))
    pace = 1.7 if enters_s < 8 else WALK_M_S
    path = walk(enters_s - length / pace, approach, speed_m_s=pace)
    stroll = [(left + 2.0, 16.8), (min(left + 3.8, right - 1), near + 1.6), (left + 3.2, 19.4)]
    inside = then(path, stroll, speed_m_s=1.2)
    back_s = math.dist(stroll[-1], gate) / 1.2
    inside = stay(inside, max(0.5, enters_s + for_s - inside[-1].t_s - back_s))
    inside = then(inside, [gate], speed_m_s=1.2)
    leaves_s = inside[-1].t_s
    whole = then(inside, [outside, (left - 1.6, 15.0), (left - 1.9, 4.0)])
    return Act(
        actors=(_person(name, whole, paint),),
        happenings=(
            Happening(kind="area_intrusion", actor=name, region="closed", t_start_s=enters_s, t_end_s=leaves_s),
        ),
    )


def abandoned_bag(name: str, drops_s: float, at: Place, paint: int, *, for_s: float = 26.0) -> Act:
    """Someone puts a bag down and goes; `for_s` later someone else takes it away."""
    bag_at = (at[0] + 0.45, at[1])
    x = at[0]
    come = walk(0.0, [(x, at[1] + 15.0), at])
    come = tuple(dataclasses.replace(point, t_s=point.t_s + drops_s - come[-1].t_s) for point in come)
    gone = then(stay(come, 1.2), [(x - 0.6, at[1] - 3.0), (x - 0.6, 3.0)])
    takes_s = drops_s + for_s
    fetch = walk(0.0, [(x - 0.3, 3.0), at])
    fetch = tuple(dataclasses.replace(point, t_s=point.t_s + takes_s - fetch[-1].t_s - 1.0) for point in fetch)
    leave = then(stay(fetch, 1.6), [(x, at[1] + 16.0)])
    bag = Actor(
        name=f"{name}-bag",
        kind="bag",
        path=(
            Waypoint(t_s=drops_s, x_m=bag_at[0], y_m=bag_at[1]),
            Waypoint(t_s=takes_s, x_m=bag_at[0], y_m=bag_at[1]),
        ),
        colour=(44, 58, 96),
        second_colour=(28, 34, 52),
    )
    owner = dataclasses.replace(_person(f"{name}-owner", gone, paint), carries_bag=(gone[0].t_s, drops_s))
    taker = dataclasses.replace(_person(f"{name}-taker", leave, paint + 3), carries_bag=(takes_s, leave[-1].t_s))
    happening = Happening(kind="left_object", actor=bag.name, region="pavement", t_start_s=drops_s, t_end_s=takes_s)
    return Act(actors=(owner, bag, taker), happenings=(happening,))


def short_rest(name: str, drops_s: float, at: Place, paint: int) -> Act:
    """Someone puts a bag down and takes it up three seconds later: nothing to report."""
    come = walk(0.0, [(at[0], at[1] + 14.0), at])
    come = tuple(dataclasses.replace(point, t_s=point.t_s + drops_s - come[-1].t_s) for point in come)
    whole = then(stay(come, 3.2), [(at[0], 3.0)])
    person = dataclasses.replace(_person(name, whole, paint), carries_bag=(come[0].t_s, drops_s))
    bag = Actor(
        name=f"{name}-bag",
        kind="bag",
        path=(
            Waypoint(t_s=drops_s, x_m=at[0] + 0.45, y_m=at[1]),
            Waypoint(t_s=drops_s + 3.0, x_m=at[0] + 0.45, y_m=at[1]),
        ),
        colour=(146, 48, 44),
        second_colour=(70, 30, 30),
    )
    return Act(actors=(person, bag))


def forbidden_stop(
    name: str, stops_s: float, street: Street, paint: int, *, for_s: float = 18.0, van: bool = False
) -> Act:
    """Let a vehicle come from behind the camera, stop in the no-parking bay, and drive on."""
    lane = _lane_x(street, away=True)
    left, near, right, far = street.bay_m
    bay_x, middle = (left + right) / 2, (near + far) / 2
    come = walk(0.0, [(lane, -2.0), (lane, near - 5.0)], speed_m_s=7.0)
    come = then(come, [(bay_x, near + 0.5)], speed_m_s=4.0)
    come = then(come, [(bay_x, middle)], speed_m_s=2.0)
    come = tuple(dataclasses.replace(point, t_s=point.t_s + stops_s - come[-1].t_s) for point in come)
    halted = stay(come, for_s)
    path = then(halted, [(bay_x, far - 1.0)], speed_m_s=2.5)
    path = then(path, [(lane, far + 5.0)], speed_m_s=5.0)
    path = then(path, [(lane, 84.0)], speed_m_s=9.0)
    happening = Happening(
        kind="illegal_stop", actor=name, region="no-parking", t_start_s=stops_s, t_end_s=stops_s + for_s
    )
    return Act(actors=(_vehicle(name, path, paint, van=van),), happenings=(happening,))


def rising_smoke(name: str, starts_s: float, at: Place, *, for_s: float = 20.0) -> Act:
    """Smoke rises at `at`, thin at first."""
    path = (Waypoint(t_s=starts_s, x_m=at[0], y_m=at[1]), Waypoint(t_s=starts_s + for_s, x_m=at[0], y_m=at[1]))
    smoke = Actor(name=name, kind="smoke", path=path, colour=(196, 194, 192))
    happening = Happening(
        kind="smoke", actor=name, region="sky", t_start_s=starts_s + 1.0, t_end_s=starts_s + for_s - 2.0
    )
    return Act(actors=(smoke,), happenings=(happening,))


def overflowing_bin(name: str, starts_s: float, street: Street, *, for_s: float = 28.0) -> Act:
    """Litter piles up on and around the bin until a cleaner in orange takes it away."""
    x, y = street.bin_m
    ends_s = starts_s + for_s
    litter = Actor(
        name=name,
        kind="litter",
        path=(Waypoint(t_s=starts_s, x_m=x, y_m=y), Waypoint(t_s=ends_s, x_m=x, y_m=y)),
        colour=(40, 42, 46),
    )
    beside = (x + 0.2, y - 1.3)
    come = walk(0.0, [(x - 1.3, 3.0), (x - 1.0, y - 3.0), beside])
    come = tuple(dataclasses.replace(point, t_s=point.t_s + ends_s - 6.5 - come[-1].t_s) for point in come)
    path = then(stay(come, 7.0), [(x - 1.0, y - 3.0), (x - 1.3, 3.0)])
    cleaner = dataclasses.replace(_person(f"{name}-cleaner", path, 0), colour=_VEST, second_colour=(40, 58, 92))
    happening = Happening(kind="bin_overflow", actor=name, region="bin", t_start_s=starts_s + 3.5, t_end_s=ends_s - 4.0)
    return Act(actors=(litter, cleaner), happenings=(happening,))


def regions(street: Street) -> tuple[Region, ...]:
    """Return what algorithms watch in a street: closed area, pavement, bay, bin, and where smoke would rise."""
    left, near, right, far = street.closed_area_m
    road_left = street.road_x_m[0]
    walls = road_left - street.pavement_m
    bin_x, bin_y = street.bin_m
    return (
        Region(name="closed", kind="area_intrusion", corners_m=_rectangle(left + 0.1, near + 0.1, right, far)),
        Region(name="pavement", kind="left_object", corners_m=_rectangle(walls, 10.5, road_left - 0.1, 15.4)),
        Region(name="no-parking", kind="illegal_stop", corners_m=_rectangle(*street.bay_m)),
        Region(
            name="bin", kind="bin_overflow", corners_m=_rectangle(bin_x - 1.2, bin_y - 1.4, bin_x + 1.2, bin_y + 1.6)
        ),
        Region(name="sky", kind="smoke", corners_m=_rectangle(walls, near, right, 70.0)),
    )


def _rectangle(left: float, near: float, right: float, far: float) -> tuple[Place, ...]:
    return (left, near), (right, near), (right, far), (left, far)


def _lane_x(street: Street, *, away: bool) -> float:
    left, right = street.road_x_m
    return left + (right - left) * (0.7 if away else 0.26)


def _person(name: str, path: tuple[Waypoint, ...], paint: int) -> Actor:
    return Actor(
        name=name,
        kind="person",
        path=path,
        colour=_PAINTS[paint % len(_PAINTS)],
        second_colour=_TROUSERS[paint % len(_TROUSERS)],
        height_m=1.62 + 0.045 * (paint % 5),
    )


def _vehicle(name: str, path: tuple[Waypoint, ...], paint: int, *, van: bool) -> Actor:
    return Actor(name=name, kind="van" if van else "car", path=path, colour=_CAR_PAINTS[paint % len(_CAR_PAINTS)])


def script_of(
    name: str,
    name_zh: str,
    name_en: str,
    *,
    seed: int,
    acts: Sequence[Act],
    street: Street,
    light: Light,
    view: View,
) -> Script:
    """Return the script in which all `acts` are played in `street`."""
    return Script(
        name=name,
        name_zh=name_zh,
        name_en=name_en,
        seed=seed,
        street=street,
        light=light,
        view=view,
        regions=regions(street),
        actors=tuple(actor for act in acts for actor in act.actors),
        happenings=tuple(sorted((h for act in acts for h in act.happenings), key=lambda h: h.t_start_s)),
    )
