"""Which eye belongs to which shipped algorithm."""

from collections.abc import Callable, Mapping

from appliance.analysis.rules import Values, Zone
from appliance.analysis.starters.eye import Eye, PlainEye
from appliance.analysis.starters.motion import MotionEye
from appliance.analysis.starters.smoke import SmokeEye
from appliance.analysis.starters.standing import StandingEye
from appliance.analysis.starters.view import ViewEye
from appliance.analysis.starters.water import WaterEye
from federation.packages import Manifest


def eye_of(manifest: Manifest, values: Values, zone: Zone) -> Eye | None:
    """Return the eye of a shipped algorithm for one task, None for an algorithm that has none here."""
    make = _EYES.get(manifest.id)
    return None if make is None else make(values, zone)


def _motion(values: Values, _zone: Zone) -> Eye:
    return MotionEye(sensitivity=values.number("sensitivity"), min_area=values.number("min_area"))


def _standing(values: Values, zone: Zone) -> Eye:
    return StandingEye(
        zone=zone,
        sensitivity=values.number("sensitivity"),
        dwell_s=values.number("dwell_s"),
        min_area=values.number("min_area"),
        max_area=values.number("max_area"),
    )


def _smoke(values: Values, _zone: Zone) -> Eye:
    return SmokeEye(sensitivity=values.number("sensitivity"), min_area=values.number("min_area"))


def _water(values: Values, zone: Zone) -> Eye:
    return WaterEye(line=next(iter(zone.lines), None), least_share=values.number("least_share"))


def _plain(_values: Values, _zone: Zone) -> Eye:
    return PlainEye()


def _view(_values: Values, _zone: Zone) -> Eye:
    return ViewEye()


_EYES: Mapping[str, Callable[[Values, Zone], Eye]] = {
    "fengsui.area_intrusion": _motion,
    "fengsui.left_object": _standing,
    "fengsui.camera_view": _view,
    "fengsui.crowding": _motion,
    "fengsui.illegal_stop": _standing,
    "fengsui.line_crossing": _motion,
    "fengsui.scene_change": _plain,
    "fengsui.smoke": _smoke,
    "fengsui.water_level": _water,
}
