"""Which eye belongs to which shipped algorithm."""

from collections.abc import Callable, Mapping

from appliance.analysis.rules import Values, Zone
from appliance.analysis.starters.eye import Eye
from appliance.analysis.starters.motion import MotionEye
from appliance.analysis.starters.standing import StandingEye
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


_EYES: Mapping[str, Callable[[Values, Zone], Eye]] = {
    "fengsui.area_intrusion": _motion,
    "fengsui.left_object": _standing,
    "fengsui.illegal_stop": _standing,
}
