"""The eight cameras of the demonstration: a street each, and what happens in it.

Every street is empty at the beginning and at the end of its round, so that a background can be learnt and the seam of
the loop does not show. Bags are put down after 20 s: who begins to watch before that learns a street without them.
"""

from hil_tests.rig.scene.acts import (
    Act,
    abandoned_bag,
    forbidden_stop,
    intrusion,
    overflowing_bin,
    passer,
    rising_smoke,
    script_of,
    short_rest,
    traffic,
)
from hil_tests.rig.scene.script import Light, Script, Street, View

NOON = Light()
MORNING = Light(sun=(-0.7, 0.4, -1.0), sun_share=0.42, warmth=0.25, brightness=0.98, haze=0.35)
EVENING = Light(sun=(0.5, 0.5, -0.8), sun_share=0.36, warmth=0.5, brightness=1.08, haze=0.3)
OVERCAST = Light(sun=(0.1, 0.1, -1.0), sun_share=0.04, brightness=0.95, haze=0.4)
DUSK = Light(sun=(0.2, 0.2, -1.0), sun_share=0.03, warmth=-0.2, brightness=0.66, haze=0.2, lamps=True)

_BRICK = ((158, 104, 86), (176, 132, 108), (142, 120, 108), (186, 160, 134))
_STONE = ((168, 170, 168), (190, 186, 176), (150, 156, 160), (182, 174, 158))
_PASTEL = ((198, 176, 142), (164, 178, 170), (202, 190, 166), (176, 158, 150))

RIGHT_WALK_X = 6.9
LEFT_WALK_X = -8.0


def scripted_cameras(count: int = 8) -> tuple[Script, ...]:
    """Return the first `count` cameras, 1 to 8."""
    return tuple(make() for make in _CAMERAS[:count])


def _east_gate() -> Script:
    street = Street()
    acts = [
        intrusion("visitor", 6.5, street, 0),
        traffic("sedan-out", 14.0, away=False, street=street, paint=2),
        forbidden_stop("sedan", 24.0, street, 0, for_s=18.0),
        passer("stroller", 26.0, [(RIGHT_WALK_X, 3.0), (RIGHT_WALK_X, 44.0)], 2),
        short_rest("porter", 16.0, (LEFT_WALK_X, 14.5), 3),
    ]
    return script_of("cam1", "东门街口", "East Gate corner", seed=1, acts=acts, street=street, light=NOON, view=View())


def _school_road() -> Script:
    street = Street(facades=_PASTEL, zebra_y_m=29.0)
    acts = [
        intrusion("pupil", 7.0, street, 6, for_s=13.0),
        overflowing_bin("rubbish", 16.0, street),
        traffic("car-in", 24.0, away=True, street=street, paint=1),
        traffic("car-out", 34.0, away=False, street=street, paint=5),
    ]
    return script_of(
        "cam2", "学府路", "School Road", seed=23, acts=acts, street=street, light=OVERCAST, view=View(yaw_deg=4.0)
    )


def _market() -> Script:
    street = Street(mirrored=True, facades=_BRICK)
    acts = [
        abandoned_bag("suitcase", 24.0, (LEFT_WALK_X, 13.6), 1, for_s=20.0),
        intrusion("climber", 22.0, street, 4),
        traffic("van", 30.0, away=True, street=street, paint=4, van=True),
        passer("shopper", 27.0, [(RIGHT_WALK_X, 46.0), (RIGHT_WALK_X, 3.0)], 5),
    ]
    view = View(pitch_deg=16.0, height_m=7.2)
    return script_of(
        "cam3", "集市南侧", "Market, south side", seed=12, acts=acts, street=street, light=MORNING, view=view
    )


def _station() -> Script:
    street = Street(mirrored=True, facades=_STONE)
    acts = [
        forbidden_stop("delivery", 12.0, street, 4, for_s=22.0, van=True),
        abandoned_bag("holdall", 25.0, (LEFT_WALK_X + 0.6, 14.2), 3, for_s=19.0),
        passer("traveller", 10.0, [(RIGHT_WALK_X, 4.0), (RIGHT_WALK_X, 44.0)], 7),
    ]
    return script_of(
        "cam4", "车站广场西", "Station Square, west", seed=34, acts=acts, street=street, light=EVENING, view=View()
    )


def _depot() -> Script:
    street = Street(facades=_STONE, trees_m=((-6.2, 30.0), (5.4, 36.0)))
    acts = [
        rising_smoke("fire", 14.0, street.bin_m, for_s=26.0),
        intrusion("watcher", 36.0, street, 2, for_s=12.0),
        traffic("lorry", 10.0, away=False, street=street, paint=4, van=True),
        passer("walker", 12.0, [(LEFT_WALK_X, 42.0), (LEFT_WALK_X, 3.0)], 4),
    ]
    return script_of(
        "cam5",
        "仓储区北门",
        "Depot, north gate",
        seed=45,
        acts=acts,
        street=street,
        light=NOON,
        view=View(fov_deg=66.0),
    )


def _old_town() -> Script:
    street = Street(mirrored=True, facades=_BRICK, trees_m=((-6.2, 26.0), (-6.2, 40.0), (5.4, 33.0)))
    acts: list[Act] = [
        intrusion("curious", 9.0, street, 2, for_s=10.0),
        abandoned_bag("backpack", 23.0, (LEFT_WALK_X + 0.3, 13.8), 6, for_s=20.0),
        traffic("taxi", 25.0, away=False, street=street, paint=2),
    ]
    return script_of(
        "cam6", "老城巷口", "Old Town lane", seed=56, acts=acts, street=street, light=EVENING, view=View(pitch_deg=16.5)
    )


def _hospital() -> Script:
    street = Street(facades=_PASTEL)
    acts = [
        forbidden_stop("coupe", 10.0, street, 2, for_s=16.0),
        overflowing_bin("waste", 14.0, street, for_s=30.0),
        intrusion("short-cut", 37.0, street, 1, for_s=9.0),
        passer("nurse", 30.0, [(RIGHT_WALK_X, 3.0), (RIGHT_WALK_X, 42.0)], 2),
    ]
    return script_of(
        "cam7", "医院东路", "Hospital Road East", seed=67, acts=acts, street=street, light=MORNING, view=View()
    )


def _riverside() -> Script:
    street = Street(mirrored=True, facades=_STONE)
    acts = [
        intrusion("night-walker", 12.0, street, 2, for_s=14.0),
        rising_smoke("ember", 30.0, street.bin_m, for_s=22.0),
        traffic("night-car", 30.0, away=False, street=street, paint=3),
        passer("late", 20.0, [(LEFT_WALK_X, 4.0), (LEFT_WALK_X, 44.0)], 0),
    ]
    return script_of(
        "cam8", "滨河路夜景", "Riverside Road at dusk", seed=78, acts=acts, street=street, light=DUSK, view=View()
    )


# The first two see someone early in the round, and clips are prepared in this order.
_CAMERAS = (_east_gate, _school_road, _market, _station, _depot, _old_town, _hospital, _riverside)
