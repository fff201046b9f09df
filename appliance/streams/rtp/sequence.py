"""What sequence numbers tell of a track: how many packets were sent, how many are missing (RFC 3550 appendix A.3).

`due` is the number after that of the last packet, 65536 after 65535: the reader of packets keeps it, and tells this
class only of packets that have another one.
"""

DROPOUT_PACKETS = 3000
"""So many at once are not lost: MAX_DROPOUT of RFC 3550."""


class SequenceCount:
    """Counts the packets of a track by their 16-bit numbers."""

    def __init__(self) -> None:
        """Start before the first packet."""
        self.lost = 0
        self._former = 0  # packets of sources, or of numberings, that have ended
        self._cycles = 0
        self._first = -1
        self._sent_before = 0
        self._lost_before = 0

    def begin(self, number: int, due: int) -> None:
        """Note that numbers begin anew with `number`: another source, or one that was restarted."""
        self._former = self.sent(due)
        self._cycles, self._first = 0, number

    def skip(self, number: int, due: int) -> None:
        """Note a packet with `number` where `due` was expected."""
        step = (number - due) & 0xFFFF
        if step >= DROPOUT_PACKETS:  # far away or backwards: who sends it has begun anew
            self.begin(number, due)
            return
        self.lost += step
        self._cycles += number < due

    def sent(self, due: int) -> int:
        """Return how many packets have been sent, lost ones included."""
        return self._former + (self.extended(due) - self._first + 1 if self._first >= 0 else 0)

    def extended(self, due: int) -> int:
        """Return the highest number so far, with its wraps counted above bit 15."""
        return (self._cycles << 16) + due - 1

    def fraction_lost(self, due: int) -> int:
        """Return the share lost since this was asked last, in 256ths, as a receiver report wants it."""
        sent = self.sent(due)
        fresh, lost = sent - self._sent_before, self.lost - self._lost_before
        self._sent_before, self._lost_before = sent, self.lost
        return min(255, lost * 256 // fresh) if fresh > 0 else 0
