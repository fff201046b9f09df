"""Messages with one thing wrong with them, drawn from a seed: what hostile or broken ends of a link send."""

import random
from collections.abc import Iterator

NUMBERS = (b"-1", b"0", b"1e999", b"9" * 30, b"null", b"[]", b"{}", b'""', b'"\\u0000"', b"true")


def mutations(payloads: tuple[bytes, ...], *, count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` messages, each of which is one of `payloads` changed in one place."""
    dice = random.Random(seed)  # noqa: S311 - repeatable
    for _ in range(count):
        yield mutated(dice.choice(payloads), dice)


def mutated(payload: bytes, dice: random.Random) -> bytes:
    """Return the message with a byte, a stretch or a value of it changed, lost, doubled or made up; or cut short."""
    at = dice.randrange(len(payload))
    upto = min(len(payload), at + dice.randrange(1, 40))
    match dice.randrange(6):
        case 0:
            return payload[:at] + bytes([dice.randrange(256)]) + payload[at + 1 :]
        case 1:
            return payload[:at] + payload[upto:]
        case 2:
            return payload[:upto] + payload[at:]
        case 3:
            return payload[:at] + dice.randbytes(dice.randrange(1, 20)) + payload[at:]
        case 4:
            return payload[:at]
        case _:
            return payload[:at] + dice.choice(NUMBERS) + payload[upto:]
