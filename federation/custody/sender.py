"""The sending half: which rows of one lane may fly, and from where to start again."""

from dataclasses import dataclass, replace

from federation.messages import BATCH_ROWS, Ack

FIRST_TIMEOUT_S = 2.0
LONGEST_TIMEOUT_S = 30.0  # a hub that is back must not wait for minutes until it is greeted again


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Progress of one lane: `acknowledged` is durable at the hub, `sent` is on its way.

    A connection starts with `greeted` false; nothing is sent before the hub has answered a hello.
    """

    epoch: str
    acknowledged: int = 0
    sent: int = 0
    credit: int = 0
    linger_s: float = 0.0
    greeted: bool = False
    silences: int = 0

    def connected(self) -> "Sender":
        """Return the state after a new connection: a hello must be answered first."""
        return replace(self, greeted=False, sent=self.acknowledged, credit=0)

    def answered(self, ack: Ack) -> "Sender":
        """Return the state after `ack`; acks of another epoch change nothing.

        The hub's word is law in both directions: a hub restored from a backup knows less than it
        once acknowledged, so the answer to a hello may move `acknowledged` back.
        """
        if ack.epoch != self.epoch:
            return self
        told = replace(self, credit=ack.credit, linger_s=ack.linger_ms / 1000, greeted=True, silences=0)
        if not self.greeted or ack.nak:
            return replace(told, acknowledged=ack.upto, sent=ack.upto)
        upto = max(self.acknowledged, ack.upto)
        return replace(told, acknowledged=upto, sent=max(self.sent, upto))

    def timed_out(self) -> "Sender":
        """Return the state after silence: say hello again, and go back to what is acknowledged."""
        return replace(self.connected(), silences=self.silences + 1)

    def dispatched(self, last: int) -> "Sender":
        """Return the state after rows up to `last` were published."""
        return replace(self, sent=max(self.sent, last))

    def next_rows(self, produced: int) -> tuple[int, int] | None:
        """Return (first, count) of the next batch, or None when nothing may fly now.

        `produced` is the highest sequence number in the outbox.
        """
        room = self.acknowledged + self.credit - self.sent
        count = min(produced - self.sent, room, BATCH_ROWS)
        if not self.greeted or count <= 0:
            return None
        return (self.sent + 1, count)

    def pause_s(self, count: int, since_last_s: float) -> float:
        """Return how long a batch of `count` rows still waits for others, `since_last_s` after the one before it.

        A full batch waits for nobody, and neither does a row after a quiet stretch.
        """
        return 0.0 if count >= BATCH_ROWS else max(0.0, self.linger_s - since_last_s)

    def waits_for_answer(self, produced: int) -> bool:
        """Tell whether the hub owes an answer: to a hello, to rows on their way, or credit for rows that wait."""
        return not self.greeted or self.acknowledged < max(self.sent, produced)

    def timeout_s(self) -> float:
        """Return how long to wait for the hub's answer, in seconds; doubles with every silence.

        A hub that gave no credit owes nothing yet: the lane waits for its turn, and asks only now and then.
        """
        if self.greeted and self.sent == self.acknowledged:
            return LONGEST_TIMEOUT_S
        return min(FIRST_TIMEOUT_S * 2.0 ** min(self.silences, 16), LONGEST_TIMEOUT_S)
