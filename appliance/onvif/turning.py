"""Turning an ONVIF camera (云台控制): presets, positions, ways and speeds."""

import math
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from appliance.onvif import soap
from appliance.onvif.errors import NotSupported
from appliance.onvif.services import Services
from appliance.onvif.values import Position, Preset

MOST_PRESETS = 512
SHORTEST_TURN_S, LONGEST_TURN_S = 0.1, 60.0
BEYOND_THE_END = 0.02
"""So far beyond the ends of a generic space a camera may say it is, by rounding or play: it is at that end."""

GENERIC_SPACES = ("PanTiltSpaces/PositionGenericSpace", "ZoomSpaces/PositionGenericSpace")
"""How the names of the generic spaces end (ONVIF PTZ Service Specification, 5.8.1 and 5.8.2)."""


class Turning:
    """The movements of the camera behind one of its profiles. Every method raises OnvifError.

    Those that move return when the camera has begun; `position` tells when it has come to rest.
    """

    def __init__(self, services: Services, profile_token: str) -> None:
        """Turn the camera of the profile `profile_token`."""
        self._services = services
        self._profile = f"<tptz:ProfileToken>{escape(profile_token)}</tptz:ProfileToken>"

    async def presets(self) -> tuple[Preset, ...]:
        """Return the places that the camera remembers, at most `MOST_PRESETS`."""
        body = await self._ask("GetPresets")
        found = body.iterfind("tptz:GetPresetsResponse/tptz:Preset", soap.NAMESPACES)
        return tuple(
            Preset(
                token=element.get("token", "")[:64],
                name=soap.text(element, "tt:Name")[:64],
                position=_position(element.find("tptz:PTZPosition", soap.NAMESPACES)),
            )
            for element, _ in zip(found, range(MOST_PRESETS), strict=False)
            if element.get("token")
        )

    async def go_to_preset(self, preset_token: str) -> None:
        """Turn to a remembered place."""
        await self._ask("GotoPreset", f"<tptz:PresetToken>{escape(preset_token)}</tptz:PresetToken>")

    async def move_to(self, position: Position) -> None:
        """Turn to a position."""
        await self._ask("AbsoluteMove", _vector("Position", position))

    async def move_by(self, way: Position) -> None:
        """Turn by a way from where the camera looks now."""
        await self._ask("RelativeMove", _vector("Translation", way))

    async def keep_moving(self, speed: Position, *, for_s: float) -> None:
        """Turn with a speed; the camera stops by itself after `for_s` seconds, 0.1 to 60."""
        bounded_s = min(max(for_s, SHORTEST_TURN_S), LONGEST_TURN_S)
        timeout = f"<tptz:Timeout>PT{bounded_s:.1f}S</tptz:Timeout>"
        await self._ask("ContinuousMove", _vector("Velocity", speed) + timeout)

    async def stop(self) -> None:
        """End every movement."""
        await self._ask("Stop", "<tptz:PanTilt>true</tptz:PanTilt><tptz:Zoom>true</tptz:Zoom>")

    async def position(self) -> tuple[Position, bool]:
        """Return where the camera looks, and whether it is moving; NotSupported if not in the generic spaces."""
        body = await self._ask("GetStatus")
        status = body.find("tptz:GetStatusResponse/tptz:PTZStatus", soap.NAMESPACES)
        position = None if status is None else _position(status.find("tt:Position", soap.NAMESPACES))
        if status is None or position is None:
            raise NotSupported("the camera does not say where it looks, or not in the generic spaces of ONVIF")
        moving = {soap.text(status, f"tt:MoveStatus/tt:{axis}") for axis in ("PanTilt", "Zoom")}
        return position, "MOVING" in moving

    async def _ask(self, action: str, arguments: str = "") -> Element:
        return await self._services.ask(soap.PTZ, f"<tptz:{action}>{self._profile}{arguments}</tptz:{action}>")


def _vector(name: str, position: Position) -> str:
    pan_tilt = f'<tt:PanTilt x="{position.pan:.4f}" y="{position.tilt:.4f}"/>'
    return f'<tptz:{name}>{pan_tilt}<tt:Zoom x="{position.zoom:.4f}"/></tptz:{name}>'


def _position(element: Element | None) -> Position | None:
    """Return a position in the generic spaces; None where none is told, or one that cannot be in them."""
    pan_tilt = None if element is None else element.find("tt:PanTilt", soap.NAMESPACES)
    zoom = None if element is None else element.find("tt:Zoom", soap.NAMESPACES)
    if pan_tilt is None and zoom is None:
        return None
    pan, tilt = _share(pan_tilt, "x", least=-1.0), _share(pan_tilt, "y", least=-1.0)
    near = _share(zoom, "x", least=0.0)
    if pan is None or tilt is None or near is None:
        return None
    return Position(pan=pan, tilt=tilt, zoom=near)


def _share(element: Element | None, name: str, *, least: float) -> float | None:
    """Return a coordinate from `least` to 1; 0 for an axis that the camera has not, None for what is none of these."""
    if element is None:
        return 0.0
    if not element.get("space", GENERIC_SPACES[0]).endswith(GENERIC_SPACES):
        return None
    try:
        found = float(element.get(name, ""))
    except ValueError:
        return None
    if not math.isfinite(found) or not least - BEYOND_THE_END <= found <= 1.0 + BEYOND_THE_END:
        return None
    return min(1.0, max(least, found))
