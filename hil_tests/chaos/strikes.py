"""Lets faults happen to what runs, and heals them."""

import asyncio

from hil_tests.chaos.box import Box
from hil_tests.chaos.chronicle import Chronicle, Struck
from hil_tests.chaos.faults import SKIES, Fault, Kind, Stroke
from hil_tests.chaos.field import Field
from hil_tests.network.weather import FAIR, Weather

OF_ONE_BOX = {
    Kind.KILL_AGENT,
    Kind.LINK_CUT,
    Kind.LINK_HALF_OPEN,
    Kind.LINK_DEAF,
    Kind.LINK_MUTE,
    Kind.LINK_SLOW,
    Kind.LINK_LOSSY,
    Kind.CLOCK_JUMP,
    Kind.DISK_FULL,
}


async def strike_together(chronicle: Chronicle, stroke: Stroke) -> None:
    """Let one fault happen, or two that overlap; return once they are healed."""
    async with asyncio.TaskGroup() as group:
        for fault in stroke:
            group.create_task(_strike(chronicle, fault, after_s=fault.after_s if len(stroke) > 1 else 0.0))


async def _strike(chronicle: Chronicle, fault: Fault, *, after_s: float) -> None:
    await asyncio.sleep(after_s)
    began_s = chronicle.now_s()
    await strike(chronicle.scene, fault)
    committed = chronicle.committed()
    if fault.kind in OF_ONE_BOX:
        node_id = chronicle.scene.boxes[fault.box].node_id
        committed = {node_id: committed[node_id]}
    healed_s = chronicle.now_s()
    chronicle.struck.append(Struck(fault=fault, began_s=began_s, healed_s=healed_s, committed=committed))


async def strike(scene: Field, fault: Fault) -> None:
    """Let one fault happen, and heal it after its time."""
    hub_side, box = scene.hub_side, scene.boxes[fault.box]
    match fault.kind:
        case Kind.KILL_HUB:
            hub_side.hub.kill()
        case Kind.KILL_BROKER | Kind.KILL_CLUSTER_NODE:
            await hub_side.broker.kill()
        case Kind.KILL_HUB_AND_BROKER:
            await hub_side.broker.kill()
            hub_side.hub.kill()
        case Kind.KILL_AGENT:
            box.agent.kill()
        case Kind.POWER_CUT:
            await hub_side.broker.kill()
            for program in (hub_side.hub, *(each.agent for each in scene.boxes)):
                program.kill()
        case Kind.HUB_RESTORED:
            await hub_side.hub.hold()
            await asyncio.to_thread(hub_side.restore)
            hub_side.hub.release()
        case _:
            await _last(scene, box, fault)


async def _last(scene: Field, box: Box, fault: Fault) -> None:
    """Let a fault begin, last and end."""
    match fault.kind:
        case Kind.CLOCK_JUMP:
            box.set_clock(fault.clock_s)
            await asyncio.sleep(fault.lasts_s)
            box.set_clock(0)
        case Kind.DISK_FULL:
            await box.fill_disk(full=True)
            await asyncio.sleep(fault.lasts_s)
            await box.fill_disk(full=False)
        case _:
            wire = scene.hub_side.wire if fault.kind is Kind.BROKER_UNREACHED else box.party.wire
            await wire.become(Weather(sky=SKIES[fault.kind], loss_percent=fault.loss_percent))
            await asyncio.sleep(fault.lasts_s)
            await wire.become(FAIR)
