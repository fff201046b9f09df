"""What an outside system answers, read as its package says: JSON in, detections out. No input or output."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue, ValidationError

from appliance.analysis.outside.errors import OutsideFault
from federation.messages import Box, Detection
from federation.packages.endpoints import AnswerReading
from federation.packages.pointers import PointsNowhere, value_at

MOST_DETECTIONS = 10_000
SLACK = 0.02
"""Of the picture: so far a box may leave it, as boxes of most detectors do by a hair."""

_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


def detections_in(
    content: bytes, reading: AnswerReading, *, size: tuple[int, int], labels: Sequence[str]
) -> tuple[Detection, ...]:
    """Return the detections in an answer, strongest first; `size` is that of the picture that was sent, in px.

    Raises OutsideFault for an answer that is not as the package says.
    """
    document = _document(content, reading)
    found = [_detection(item, reading, size, labels) for item in _items(document, reading)]
    return tuple(sorted((item for item in found if item is not None), key=lambda item: -item.score))


def _document(content: bytes, reading: AnswerReading) -> JsonValue:
    document = _parsed(content)
    if reading.success is not None and _value(document, reading.success.at) != reading.success.equals:
        said = json.dumps(_value(document, reading.success.at), ensure_ascii=False)[:80]
        raise OutsideFault("answer", f"the system says {said} at {reading.success.at!r}")
    if reading.text is None:
        return document
    text = _value(document, reading.text)
    if not isinstance(text, str):
        raise OutsideFault("answer", f"there is no text at {reading.text!r}")
    fenced = _FENCED.search(text)
    return _parsed((fenced.group(1) if fenced else text).encode())


def _parsed(content: bytes) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise OutsideFault("answer", "the answer is no JSON") from error
    return parsed


def _items(document: JsonValue, reading: AnswerReading) -> list[JsonValue]:
    try:
        items = value_at(document, reading.items)
    except PointsNowhere as error:
        if not reading.may_lack:
            raise OutsideFault("answer", f"the answer is not as agreed: {error}") from error
        return []
    if items is None and reading.may_lack:
        return []
    if not isinstance(items, list) or len(items) > MOST_DETECTIONS:
        raise OutsideFault("answer", f"at {reading.items!r} is no array of up to {MOST_DETECTIONS} detections")
    return items


def _detection(
    item: JsonValue, reading: AnswerReading, size: tuple[int, int], labels: Sequence[str]
) -> Detection | None:
    """Return what an item says; None for what the package does not want to know."""
    word = labels[0] if reading.label is None else str(_value(item, reading.label))
    label = word if reading.label is None or not reading.labels else reading.labels.get(word)
    if label is None:
        return None
    if label not in labels:
        raise OutsideFault("answer", f"the system names {label[:64]!r}, which labels does not")
    score = 1.0 if reading.score is None else _number(item, reading.score) / reading.certain
    try:
        return Detection(label=label, score=round(score, 4), box=_box(item, reading, size))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise OutsideFault("answer", f"a detection is not as agreed: {fault['loc']}: {fault['msg']}") from error


def _box(item: JsonValue, reading: AnswerReading, size: tuple[int, int]) -> Box:
    if reading.box is None:
        return Box(x=0, y=0, width=1, height=1)
    one, two, three, four = (_number(item, pointer) for pointer in reading.box)
    if reading.unit == "px":
        one, two, three, four = one / size[0], two / size[1], three / size[0], four / size[1]
    corners = (one, two, three, four)
    if reading.form == "xywh":
        corners = (one, two, one + three, two + four)
    elif reading.form == "cxcywh":
        corners = (one - three / 2, two - four / 2, one + three / 2, two + four / 2)
    inside = all(-SLACK <= value <= 1 + SLACK for value in corners)
    x1, y1, x2, y2 = (min(1.0, max(0.0, value)) for value in corners)
    if not inside or x2 < x1 or y2 < y1:
        raise OutsideFault("answer", f"a box is no part of the picture; is it {reading.form}, in {reading.unit}?")
    return Box(x=round(x1, 5), y=round(y1, 5), width=round(x2 - x1, 5), height=round(y2 - y1, 5))


def _value(document: JsonValue, pointer: str) -> JsonValue:
    try:
        return value_at(document, pointer)
    except PointsNowhere as error:
        raise OutsideFault("answer", f"the answer is not as agreed: {error}") from error


def _number(document: JsonValue, pointer: str) -> float:
    value: Any = _value(document, pointer)
    try:
        number = float(value)  # some systems write numbers as texts
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise OutsideFault("answer", f"there is no number at {pointer!r}")
    return number
