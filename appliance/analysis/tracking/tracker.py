"""The tracker: a pure step from tracks and boxes to tracks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.tracking.kalman import Floats, Motion, begun, corrected, predicted
from appliance.analysis.tracking.pairing import Indices, grown, overlaps, paired
from federation.messages import Detection

LEAST_OVERLAP = 0.2
REACH_PER_S = 0.35
"""Boxes are grown by so much of their longer side for every second between pictures (buffered IoU, Yang et al.,
WACV 2023): a walker is more than a body's width further on a key frame later."""

WIDEST_REACH = 0.8
LOST_S = 2.5
"""What is seen no more for so long, and in at least `LOST_PICTURES` pictures, is lost."""

LOST_PICTURES = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracks:
    """Every track that is not lost, one per row.

    Each has a number, epoch seconds of its first and last sight, and a count of the pictures in a row that missed it;
    `of` has the row of each box of the newest picture, -1 for a weak box that continues nothing.
    """

    motion: Motion
    number: NDArray[np.int64]
    since_s: Floats
    seen_s: Floats
    missed: NDArray[np.int64]
    of: Indices
    at_s: float = 0.0
    next_number: int = 1

    @property
    def is_seen(self) -> NDArray[np.bool_]:
        """Which rows were seen in the newest picture."""
        seen: NDArray[np.bool_] = self.missed == 0
        return seen


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """Continues tracks. Boxes of at least `strong` begin tracks; weaker ones only continue them."""

    strong: float = 0.4

    def begin(self) -> Tracks:
        """Return no tracks."""
        empty, none = np.zeros((0, 4)), np.zeros(0, np.int64)
        return Tracks(
            motion=Motion(place=empty, speed=empty, variance=np.zeros((0, 4, 3))),
            number=none,
            since_s=np.zeros(0),
            seen_s=np.zeros(0),
            missed=none,
            of=np.zeros(0, np.intp),
        )

    def step(self, tracks: Tracks, detections: Sequence[Detection], at: datetime) -> Tracks:
        """Return the tracks after a picture; time never runs backwards, a picture of the past counts as of now."""
        at_s = at.timestamp()
        pause_s = max(0.0, at_s - tracks.at_s) if len(tracks.number) else 0.0
        boxes, scores = _arrays(detections)
        ahead = predicted(tracks.motion, pause_s)
        of = self._continued(ahead, tracks, boxes, scores, pause_s)
        held = of >= 0
        motion, seen, missed = ahead, tracks.seen_s.copy(), tracks.missed + 1
        if held.any():
            motion = _put(ahead, of[held], corrected(ahead.chosen(of[held]), boxes[held]))
            seen[of[held]], missed[of[held]] = at_s, 0
        after = replace(tracks, motion=motion, seen_s=seen, missed=missed, of=of, at_s=at_s)
        return _without_lost(_with_new(after, boxes, np.flatnonzero(~held & (scores >= self.strong))))

    def _continued(self, ahead: Motion, tracks: Tracks, boxes: Floats, scores: Floats, pause_s: float) -> Indices:
        """Return the row of each box: the strong ones choose first, then the weak, then those just out of reach."""
        of = np.full(len(boxes), -1, np.intp)
        if not len(boxes) or not len(tracks.number):
            return of
        strong = scores >= self.strong
        near = overlaps(ahead.place, boxes)
        _match(of, near, strong)
        _match(of, near, ~strong)
        reach = min(WIDEST_REACH, REACH_PER_S * pause_s)
        if reach > 0:
            by_speed = overlaps(grown(ahead.place, reach), grown(boxes, reach))
            by_place = overlaps(grown(tracks.motion.place, reach), grown(boxes, reach))
            _match(of, np.maximum(by_speed, by_place), strong)
        return of


def _match(of: Indices, likeness: Floats, choosing: NDArray[np.bool_]) -> None:
    """Give the boxes that choose, and have no row yet, the free rows that are likest."""
    columns = np.flatnonzero(choosing & (of < 0))
    rows = np.setdiff1d(np.arange(likeness.shape[0]), of[of >= 0])
    if not len(columns) or not len(rows):
        return
    pairs = paired(likeness[np.ix_(rows, columns)], LEAST_OVERLAP)
    of[columns[pairs.right]] = rows[pairs.left]


def _put(motion: Motion, rows: Indices, fresh: Motion) -> Motion:
    place, speed, variance = motion.place.copy(), motion.speed.copy(), motion.variance.copy()
    place[rows], speed[rows], variance[rows] = fresh.place, fresh.speed, fresh.variance
    return Motion(place=place, speed=speed, variance=variance)


def _with_new(tracks: Tracks, boxes: Floats, fresh: Indices) -> Tracks:
    count, known = len(fresh), len(tracks.number)
    if not count:
        return tracks
    of = tracks.of.copy()
    of[fresh] = known + np.arange(count)
    return replace(
        tracks,
        motion=tracks.motion.joined(begun(boxes[fresh])),
        number=np.concatenate([tracks.number, tracks.next_number + np.arange(count)]),
        since_s=np.concatenate([tracks.since_s, np.full(count, tracks.at_s)]),
        seen_s=np.concatenate([tracks.seen_s, np.full(count, tracks.at_s)]),
        missed=np.concatenate([tracks.missed, np.zeros(count, np.int64)]),
        of=of,
        next_number=tracks.next_number + count,
    )


def _without_lost(tracks: Tracks) -> Tracks:
    lost = (tracks.missed >= LOST_PICTURES) & (tracks.at_s - tracks.seen_s > LOST_S)
    if not lost.any():
        return tracks
    kept = np.flatnonzero(~lost)
    row = np.cumsum(~lost) - 1
    of = np.where(tracks.of >= 0, row[tracks.of], -1)
    return replace(
        tracks,
        motion=tracks.motion.chosen(kept),
        number=tracks.number[kept],
        since_s=tracks.since_s[kept],
        seen_s=tracks.seen_s[kept],
        missed=tracks.missed[kept],
        of=of.astype(np.intp),
    )


def _arrays(detections: Sequence[Detection]) -> tuple[Floats, Floats]:
    found = [(d.box.x + d.box.width / 2, d.box.y + d.box.height / 2, d.box.width, d.box.height) for d in detections]
    boxes = np.array(found, np.float64).reshape(-1, 4)
    return boxes, np.array([d.score for d in detections], np.float64)
