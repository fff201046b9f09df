"""Answers of outside systems are read as their packages say, and whatever else comes is one clear fault."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analysis.outside.answers import detections_in
from appliance.analysis.outside.errors import OutsideFault
from federation.packages.endpoints import AnswerReading
from federation.testing.vendor_system import OBJECTS

LABELS = ("lamp", "tree")
SIZE = (200, 100)
VENDOR: dict[str, Any] = {
    "success": {"at": "/code", "equals": 0},
    "items": "/data/objects",
    "label": "/type",
    "labels": {"灯": "lamp"},
    "score": "/conf",
    "certain": 100,
    "box": ["/rect/0", "/rect/1", "/rect/2", "/rect/3"],
    "form": "xyxy",
}


def read(answer: Any, **changes: Any) -> list[tuple[str, float, tuple[float, ...]]]:
    reading = AnswerReading.model_validate({**VENDOR, **changes})
    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    found = detections_in(content, reading, size=SIZE, labels=LABELS)
    return [(item.label, item.score, (item.box.x, item.box.y, item.box.width, item.box.height)) for item in found]


def answered(*items: dict[str, Any]) -> dict[str, Any]:
    return {"code": 0, "data": {"objects": list(items)}}


def test_words_scores_and_pixels_of_a_vendor_become_labels_and_shares() -> None:
    assert read(answered(*OBJECTS)) == [("lamp", 0.87, (0.05, 0.2, 0.5, 0.5))]


@pytest.mark.parametrize(
    ("changes", "item"),
    [
        ({"form": "xywh"}, {"rect": [10, 20, 100, 50]}),
        ({"form": "cxcywh"}, {"rect": [60, 45, 100, 50]}),
        ({"unit": "share"}, {"rect": [0.05, 0.2, 0.55, 0.7]}),
        ({"box": ["/r/x", "/r/y", "/r/w", "/r/h"], "form": "xywh"}, {"r": {"x": "10", "y": 20, "w": 100, "h": 50}}),
    ],
)
def test_boxes_are_read_in_every_form(changes: dict[str, Any], item: dict[str, Any]) -> None:
    ((_, _, box),) = read(answered({"type": "灯", "conf": 87, **item}), **changes)

    assert box == pytest.approx((0.05, 0.2, 0.5, 0.5))


def test_what_a_system_does_not_say_is_certain_and_everywhere() -> None:
    assert read(answered({}), label=None, score=None, box=None) == [("lamp", 1.0, (0.0, 0.0, 1.0, 1.0))]


@pytest.mark.parametrize("answer", [{"code": 0}, {"code": 0, "data": {"objects": None}}, answered()])
def test_an_array_that_is_absent_is_nothing_seen(answer: dict[str, Any]) -> None:
    assert read(answer) == []


def test_an_array_that_may_not_lack_is_missed() -> None:
    with pytest.raises(OutsideFault, match="there is nothing at '/data/objects'"):
        read({"code": 0}, may_lack=False)


def test_a_text_that_holds_the_answer_is_read_with_or_without_a_fence() -> None:
    inner = json.dumps(answered(OBJECTS[0]))
    told = [{"said": inner}, {"said": f"Here it is:\n```json\n{inner}\n```"}]

    found = [read(each, text="/said", success=None) for each in told]

    assert found == [[("lamp", 0.87, (0.05, 0.2, 0.5, 0.5))]] * 2


LAMP = {"type": "灯", "conf": 87, "rect": [10, 20, 110, 70]}


@pytest.mark.parametrize(
    ("answer", "changes", "said"),
    [
        (b"<html>", {}, "no JSON"),
        (b"[" * 100_000, {}, "no JSON"),
        ({"code": 7}, {}, "the system says 7 at '/code'"),
        ({"code": 0, "data": {"objects": {}}}, {}, "no array"),
        (answered({**LAMP, "conf": 8700}), {}, "not as agreed"),
        (answered({**LAMP, "conf": None}), {}, "no number at '/conf'"),
        (b'{"code": 0, "data": {"objects": [{"type": "\xe7\x81\xaf", "conf": NaN}]}}', {}, "no number"),
        (answered({**LAMP, "rect": [10, 20, 110]}), {}, "there is nothing at '/rect/3'"),
        (answered({**LAMP, "rect": [10, 20, 1100, 70]}), {}, "no part of the picture; is it xyxy, in px?"),
        (answered({**LAMP, "rect": [110, 20, 10, 70]}), {}, "no part of the picture"),
        (answered(LAMP), {"labels": {}}, "names '灯', which labels does not"),
        ({"said": 1}, {"text": "/said", "success": None}, "there is no text"),
    ],
)
def test_an_answer_that_is_not_as_agreed_is_one_fault_that_says_where(
    answer: Any, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(OutsideFault) as fault:
        read(answer, **changes)

    assert fault.value.code == "answer"
    assert said in str(fault.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["code", "data", "objects", "type", "conf", "rect"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(JSON, JSON)
def test_hostile_answers_are_faults_or_detections_within_the_picture(answer: Any, item: Any) -> None:
    for each in (answer, answered(item), answered({**LAMP, "rect": item})):
        try:
            found = read(each)
        except OutsideFault:
            continue
        assert all(0 <= value <= 1 for _, score, box in found for value in (score, *box))
