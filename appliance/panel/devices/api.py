"""The panel's routes of ONVIF devices."""

from appliance.panel.devices import model
from appliance.panel.devices.service import Devices
from appliance.store.people import OPERATE, READ
from appliance.store.results import Doer
from federation.http import Access, Call, Page, Routes
from federation.messages import Slug
from federation.viewing.turning import PresetRow, Turn

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)


def routes(devices: Devices) -> Routes:
    """Return the routes over `devices`."""
    part = Routes(tag="devices")

    @part.post("/api/v1/devices/search", access=CAN_OPERATE)
    async def search_devices() -> Page[model.FoundDevice]:
        """Search the local network for ONVIF devices; answers after three seconds."""
        return await devices.search()

    @part.post("/api/v1/devices/describe", access=CAN_OPERATE)
    async def describe_device(body: model.DeviceAddress) -> model.DeviceDescription:
        """Ask a device who made it and which streams it offers."""
        return await devices.describe(body)

    return part


def turning_routes(devices: Devices) -> Routes:
    """Return the routes by which people turn cameras, at the panel or through the hub."""
    part = Routes(tag="turning")

    @part.get("/api/v1/cameras/{point_id}/presets", access=CAN_READ)
    async def list_presets(point_id: Slug) -> Page[PresetRow]:
        """Ask a camera for the places that it remembers; 409 where its ONVIF address is not known."""
        return await devices.presets(point_id)

    @part.post("/api/v1/cameras/{point_id}/turn", access=CAN_OPERATE)
    async def turn_camera(call: Call, point_id: Slug, body: Turn) -> None:
        """Turn a camera by ONVIF: with a speed, to a preset, or not any more; 409 while a snapshot turns it."""
        await devices.turn(point_id, body, Doer(kind=call.principal.kind, name=call.principal.name, peer=call.peer))

    return part
