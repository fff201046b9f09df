"""Messages of earlier releases: read, understood, and with what we do not know kept.

`golden/protocol-N.json` holds one message of every kind as the first release that spoke N sent it. The files are
never edited; a release that changes a message adds fields with defaults, or a new protocol with a file of its own.
A message that is lines on the wire is a list there, the frame first.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from federation import messages
from federation.messages import WireModel
from federation.messages.presence import PROTOCOL, understands

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("protocol-*.json"))
FUTURE = {"from_the_future": {"deep": [1, "二"]}}


def golden(number: int = 1) -> dict[str, Any]:
    return dict(json.loads((GOLDEN / f"protocol-{number}.json").read_text(encoding="utf-8")))


def model_of(name: str) -> type[WireModel]:
    model: type[WireModel] = getattr(messages, name)
    return model


def as_bytes(sent: Any) -> bytes:
    return "\n".join(map(json.dumps, sent if isinstance(sent, list) else [sent])).encode()


def as_golden(message: WireModel) -> Any:
    lines = [json.loads(line) for line in message.to_bytes().splitlines()]
    return lines if len(lines) > 1 else lines[0]


def assert_holds(whole: Any, part: Any) -> None:
    """Assert that everything of `part` stands in `whole`."""
    if isinstance(part, dict):
        assert part.keys() <= whole.keys()
        for key, value in part.items():
            assert_holds(whole[key], value)
    elif isinstance(part, list):
        assert len(whole) == len(part)
        for ours, theirs in zip(whole, part, strict=True):
            assert_holds(ours, theirs)
    else:
        assert whole == part


def test_every_protocol_that_we_speak_has_its_golden_messages() -> None:
    spoken = range(PROTOCOL[0], PROTOCOL[1] + 1)

    assert [path.name for path in FILES] == [f"protocol-{number}.json" for number in spoken]


@pytest.mark.parametrize("name", golden().keys())
def test_a_message_of_the_first_release_is_read_and_written_again_whole(name: str) -> None:
    sent = golden()[name]

    read = model_of(name).from_bytes(as_bytes(sent))

    assert_holds(as_golden(read), sent)


@pytest.mark.parametrize("name", golden().keys())
def test_what_a_later_release_adds_is_kept_and_does_no_harm(name: str) -> None:
    known = golden()[name]
    sent = [{**line, **FUTURE} for line in known] if isinstance(known, list) else {**known, **FUTURE}

    read = model_of(name).from_bytes(as_bytes(sent))

    assert_holds(as_golden(read), sent)


@pytest.mark.parametrize(
    ("theirs", "ours", "understood"),
    [
        ((1, 1), (1, 1), True),
        ((1, 2), (2, 3), True),
        ((2, 3), (1, 2), True),
        ((1, 1), (2, 3), False),
        ((4, 5), (2, 3), False),
    ],
)
def test_two_sides_need_one_version_in_common(
    theirs: tuple[int, int], ours: tuple[int, int], *, understood: bool
) -> None:
    assert understands(theirs, ours) is understood
