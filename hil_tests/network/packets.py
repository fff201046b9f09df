"""Weather for packets: rules of nftables, the token bucket of tc, and a plug that is pulled."""

from dataclasses import dataclass, field

from hil_tests.network.cell import Cell
from hil_tests.network.weather import SLOW_BYTES_PER_S, Sky, Weather

BURST_BYTES = 4096
LONGEST_IN_BUCKET_MS = 400


@dataclass(frozen=True, kw_only=True)
class Plug:
    """Where a party is plugged in: its `eth0` and its address, and the port of the bridge."""

    party: Cell
    bridge: Cell
    port: str
    host: str


@dataclass(kw_only=True)
class PartyWire:
    """The line of a box: HTTP and MQTT alike.

    Packets are dropped where they arrive, so that no sender is told.
    """

    plug: Plug
    centre: Cell
    _slow: bool = field(default=False, init=False)

    async def become(self, weather: Weather) -> None:
        """Change rules, rate and plug."""
        plug = self.plug
        await _rule(plug.party, plug.port, 'iifname "eth0"', _fate(weather, passes=weather.hears))
        await _rule(self.centre, plug.port, f"ip saddr {plug.host}", _fate(weather, passes=weather.speaks))
        await self._limit(slow=weather.sky is Sky.SLOW)
        await plug.bridge.run("ip", "link", "set", plug.port, "down" if weather.sky is Sky.CUT else "up")

    async def _limit(self, *, slow: bool) -> None:
        if slow == self._slow:
            return
        self._slow = slow
        for where, device in ((self.plug.party, "eth0"), (self.plug.bridge, self.plug.port)):
            if slow:
                bucket = ("rate", f"{SLOW_BYTES_PER_S * 8}bit", "burst", str(BURST_BYTES))
                wait = ("latency", f"{LONGEST_IN_BUCKET_MS}ms")
                await where.run("tc", "qdisc", "replace", "dev", device, "root", "tbf", *bucket, *wait)
            else:
                await where.run("tc", "qdisc", "del", "dev", device, "root")


@dataclass(kw_only=True)
class BrokerWire:
    """The line between a hub and its brokers, who live in one cell: packets of `ports` on its loopback.

    Boxes come by `eth0` and notice nothing. A cut line resets both ends. It cannot be slow.
    """

    cell: Cell
    ports: tuple[int, ...] = ()

    async def become(self, weather: Weather) -> None:
        """Change the rules."""
        if weather.sky is Sky.SLOW:
            raise ValueError("the line between hub and broker is never slow")
        ports = ", ".join(map(str, self.ports))
        told = "reject with tcp reset" if weather.sky is Sky.CUT else None
        for name, side, passes in (("to", "dport", weather.speaks), ("from", "sport", weather.hears)):
            match = f'iifname "lo" tcp {side} {{ {ports} }}'
            await _rule(self.cell, f"{name}-brokers", match, told or _fate(weather, passes=passes))


def _fate(weather: Weather, *, passes: bool) -> str:
    """Return what becomes of a packet; nothing if it simply passes."""
    if not passes:
        return "drop"
    if weather.sky is Sky.LOSSY:
        return f"numgen random mod 100 < {weather.loss_percent} drop"
    return ""


async def _rule(where: Cell, name: str, match: str, fate: str) -> None:
    """Replace the rule of that name for arriving packets, in one step; without a fate there is none."""
    table = f"inet {name}"
    lines = [f"add table {table}", f"delete table {table}"]
    if fate:
        lines.append(f"table {table} {{ chain arriving {{ type filter hook input priority 0; {match} {fate}; }}; }}")
    await where.run("nft", "-f", "-", text="\n".join([*lines, ""]))
