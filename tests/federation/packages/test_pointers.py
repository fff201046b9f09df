"""JSON pointers as RFC 6901 has them."""

from typing import Any

import pytest

from federation.packages.pointers import PointsNowhere, placed, value_at

# RFC 6901, section 5
DOCUMENT: dict[str, Any] = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_the_standard_are_found(pointer: str, value: Any) -> None:
    assert value_at(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/bar", "/foo/2", "/foo/-", "/foo/x", "/foo/0/0", "/foo/²"])
def test_nothing_there_is_said(pointer: str) -> None:
    with pytest.raises(PointsNowhere, match=f"there is nothing at '{pointer}'"):
        value_at(DOCUMENT, pointer)


def test_a_value_is_placed_without_touching_the_document() -> None:
    before: dict[str, Any] = {"a": [{"b": 1}, 2]}

    assert placed(before, "/a/0/b", "new") == {"a": [{"b": "new"}, 2]}
    assert placed(before, "/c", "new") == {"a": [{"b": 1}, 2], "c": "new"}
    assert before == {"a": [{"b": 1}, 2]}
    with pytest.raises(PointsNowhere):
        placed(before, "/x/y", "new")
