"""Datagrams in the order in which they were sent: UDP may turn them round, repeat them and lose them."""

from appliance.streams.rtp.sequence import DROPOUT_PACKETS

WINDOW_PACKETS = 64
"""So many later packets are awaited before a missing one is given up: about 0.2 s of a 4 Mbit/s camera."""


class ReorderWindow:
    """Puts RTP packets into order; holds at most `WINDOW_PACKETS` of them."""

    def __init__(self) -> None:
        """Start before the first packet."""
        self._due = -1
        self._held: dict[int, bytes] = {}

    def put(self, packet: bytes) -> list[bytes]:
        """Take one packet, return those whose turn has come; a late or repeated one is dropped."""
        if len(packet) < 12:
            return []
        number = packet[2] << 8 | packet[3]
        if self._due < 0 or number == self._due:
            self._due = (number + 1) & 0xFFFF
            return [packet, *self._following()] if self._held else [packet]
        ahead = (number - self._due) & 0xFFFF
        if ahead >= 0x10000 - 2 * WINDOW_PACKETS:
            return []
        if ahead >= DROPOUT_PACKETS:  # the camera numbers anew
            self._held.clear()
            self._due = (number + 1) & 0xFFFF
            return [packet]
        self._held[number] = packet
        if len(self._held) <= WINDOW_PACKETS:
            return []
        self._due = min(self._held, key=lambda held: (held - self._due) & 0xFFFF)
        return self._following()

    def _following(self) -> list[bytes]:
        ready = []
        while (packet := self._held.pop(self._due, None)) is not None:
            ready.append(packet)
            self._due = (self._due + 1) & 0xFFFF
        return ready
