"""Messages with one thing wrong with them, drawn from a seed: what hostile or broken ends of a link send."""

import json
import random
from collections.abc import Iterator
from typing import Any

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


def json_mutations(payloads: tuple[bytes, ...], *, count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` messages: one half is changed as bytes, the other as JSON objects; none is as it was."""
    dice = random.Random(seed)  # noqa: S311 - repeatable
    made = 0
    while made < count:
        payload = dice.choice(payloads)
        wrong = mutated(payload, dice) if dice.random() < 0.5 else reshaped(payload, dice)
        if wrong != payload:
            made += 1
            yield wrong


def reshaped(payload: bytes, dice: random.Random) -> bytes:
    """Return the JSON object with a field lost, doubled, exchanged, made up, of another kind, or much too large."""
    whole: dict[str, Any] = json.loads(payload)
    name, other = dice.choice(list(whole)), dice.choice(list(whole))
    match dice.randrange(7):
        case 0:
            del whole[name]
        case 1:
            return payload[:-1] + b"," + json.dumps({name: whole[other]}).encode()[1:]
        case 2:
            whole[name], whole[other] = whole[other], whole[name]
        case 3:
            whole[f"{name}_{dice.randrange(100)}"] = whole.pop(name)
        case 4:
            whole[name] = dice.choice([None, True, -1, 2**70, 0.5, [], {}, [whole[name]], {name: whole[name]}])
        case 5:
            whole[name] = _stretched(str(whole[name]), dice)
        case _:
            return b"[" * dice.randrange(1, 5000) + payload
    return json.dumps(whole).encode()


def _stretched(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text) + 1)
    more = dice.choice(["\x00", "\n", "\ud800", "\u202e", "'; --", "../", "火" * 70, "x" * 20_000, text])
    return text[:at] + more + text[at:]
