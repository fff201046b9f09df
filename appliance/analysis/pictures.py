"""Pictures that somebody hands over, by themselves or out of a film: looked at by the same models as the cameras."""

import asyncio
import io
import itertools
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
from aiohttp import web

from appliance.analysis import films
from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.packages import PackageKey, Ready
from appliance.analysis.engine.queue import Lane
from appliance.analysis.films import MOST_PIXELS
from appliance.analysis.finding import Found, Picture
from appliance.analysis.judges import CannotJudge, Sight, make_judges
from appliance.analysis.views import NOWHERE, Place
from appliance.local import LocalPackage
from federation.messages import TaskSpec
from federation.packages import Manifest
from federation.viewing.pictures import PictureEvent, PictureVerdict

LONGEST_STAY_S = 600
STEP_S = 1
"""A picture is judged as if it stayed as it is: so long at most, in steps that no rule takes for a gap."""

NEED_MOTION = frozenset({"line_crossing", "change"})
"""Kinds of rule that never say anything of a picture that stays as it is."""

_PLAN_PATH = Path("loaded")


class NotLoaded(Exception):
    """No model of this algorithm and version is loaded."""


def _nowhere(_point_id: str) -> Place:
    return NOWHERE


class Pictures:
    """Looks at single pictures with the models that are loaded."""

    def __init__(self, engine: Engine, place_of: Callable[[str], Place] = _nowhere) -> None:
        """Look with what `engine` holds; `place_of` says what is known of a point."""
        self._engine = engine
        self._place_of = place_of
        self._numbers = itertools.count()

    async def look(self, picture: Picture, key: PackageKey, lane: Lane, place: Place = NOWHERE) -> PictureVerdict:
        """Return what the package's model sees and what its rule says there; raise NotLoaded or CannotDecode."""
        state = self._engine.packages.get(key)
        if not isinstance(state, Ready):
            raise NotLoaded
        begun_s = time.monotonic()
        frame = Frame(
            source=f"picture {next(self._numbers)}",
            at=datetime.now(UTC),
            decode=lambda: picture,
            gallery=self._engine.gallery,
        )
        (asked,) = self._engine.look(frame, [key], lane=lane)
        answer = await asked.answer
        found = answer if isinstance(answer, Dropped) else answer.get(asked.heads[key], Found())
        if isinstance(found, Dropped):
            raise CannotDecode(found.detail or found.reason)
        took_ms = round(1000 * (time.monotonic() - begun_s), 1)
        judged = await asyncio.to_thread(_judged, picture, key, state, found, place)
        height, width = picture.shape[:2]
        seen = PictureVerdict(width_px=width, height_px=height, took_ms=took_ms, detections=found.detections)
        return seen.model_copy(update=judged)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a picture (JPEG, PNG, WebP) with its verdict; 404 for a model not loaded, 422 for no picture."""
        try:
            picture = await asyncio.to_thread(_read, await request.read())
            lane = Lane.PERSON if "person" in request.query else Lane.BACKLOG
            point_id = request.query.get("point", "")
            place = self._place_of(point_id) if point_id else NOWHERE
            verdict = await self.look(picture, _key(request), lane, place)
        except NotLoaded:
            return web.Response(status=404, text="no model of this algorithm and version is loaded")
        except CannotDecode as error:
            return web.Response(status=422, text=str(error)[:300])
        return web.Response(body=verdict.to_bytes(), content_type="application/json")

    async def answer_film(self, request: web.Request) -> web.StreamResponse:
        """Answer the path of a film with a line of JSON for every picture that is `every_s` seconds after the last.

        The first one is `every_s` after `after_s`, or that of the beginning; 404 for a model not loaded.
        """
        if not isinstance(self._engine.packages.get(_key(request)), Ready):
            return web.Response(status=404, text="no model of this algorithm and version is loaded")
        path, every_s = Path(request.query["path"]), float(request.query["every_s"])
        after_s = float(request.query["after_s"]) if "after_s" in request.query else None
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            of_s = await asyncio.to_thread(films.length_s, path)
            async for at_s, picture in _film(path, every_s, after_s):
                verdict = await self.look(picture, _key(request), Lane.BACKLOG)
                line = verdict.model_copy(update={"at_s": round(at_s, 3), "of_s": of_s})
                await response.write(line.to_bytes() + b"\n")
        except (NotLoaded, CannotDecode, av.FFmpegError) as error:
            await response.write(PictureVerdict(fault=_why(error)[:300]).to_bytes() + b"\n")
        await response.write_eof()
        return response


async def film_picture(request: web.Request) -> web.Response:
    """Answer the path of a film and a time in it with the picture there as JPEG; 422 where there is none."""
    path, at_s = Path(request.query["path"]), float(request.query["at_s"])
    try:
        content = await asyncio.to_thread(films.jpeg_at, path, at_s)
    except (CannotDecode, av.FFmpegError) as error:
        return web.Response(status=422, text=str(error)[:300])
    return web.Response(body=content, content_type="image/jpeg")


def _why(error: Exception) -> str:
    """Return why a film is looked at no further."""
    if isinstance(error, NotLoaded):
        return "no model of this algorithm and version is loaded"
    return f"no_film: {error}" if isinstance(error, av.FFmpegError) else str(error)


def _key(request: web.Request) -> PackageKey:
    return request.query.get("algorithm", ""), request.query.get("version", "")


def _read(content: bytes) -> Picture:
    """Return the picture in a file; raise CannotDecode for what is none, or larger than any camera's."""
    if _pixels(content) > MOST_PIXELS:
        raise CannotDecode(f"too_many_pixels: the picture has more than {MOST_PIXELS >> 20} million pixels")
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise CannotDecode("no_picture: it is none that can be read; JPEG, PNG and WebP are")
    return cast("Picture", picture)


def _pixels(content: bytes) -> int:
    """Return how many pixels a picture has, by its head: some bytes can unfold to gigabytes."""
    try:
        with av.open(io.BytesIO(content)) as file:
            context = file.streams.video[0].codec_context
            return context.width * context.height
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise CannotDecode("no_picture: it is none that can be read; JPEG, PNG and WebP are") from error


def _judged(picture: Picture, key: PackageKey, state: Ready, found: Found, place: Place) -> dict[str, Any]:
    """Return the parts of a verdict that are the rule's: its events and what it goes by, or why it says nothing."""
    if unjudged := _why_unjudged(state.manifest, place):
        return {"unjudged": unjudged}
    try:
        return {"drawn": place.drawn, "events": _events(picture, key, state, found, place)}
    except CannotJudge as error:
        return {"drawn": place.drawn, "unjudged": str(error)}


def _why_unjudged(manifest: Manifest, place: Place) -> str:
    """Return why no single picture tells what the rule would say, as code and words; empty where it does."""
    if manifest.rule is None:
        return "no_rule: the package has no rule"
    if manifest.rule.kind in NEED_MOTION:
        return "one_picture: its rule compares pictures with each other, and this is a single one"
    return place.why_not


def _events(picture: Picture, key: PackageKey, state: Ready, found: Found, place: Place) -> tuple[PictureEvent, ...]:
    """Return the events that the rule would report if the picture stayed as it is, the first of each code."""
    task = TaskSpec(task_id="try", generation=1, point_id="try", algorithm_id=key[0], algorithm_version=key[1])
    package = LocalPackage(algorithm_id=key[0], version=key[1], path=_PLAN_PATH)
    judge = make_judges(task, package, state, Sight(found=found), place.drawings).at(place.view)
    if judge is None:
        return ()
    begun, events = datetime.now(UTC), dict[str, PictureEvent]()
    for after_s in range(0, LONGEST_STAY_S, STEP_S):
        for finding in judge.observe(picture, begun + timedelta(seconds=after_s)):
            event = PictureEvent(
                code=finding.event_code, after_s=after_s, score=finding.score, detections=finding.detections
            )
            events.setdefault(finding.event_code, event)
        if len(events) == len(state.manifest.events):
            break
    return tuple(events.values())


async def _film(path: Path, every_s: float, after_s: float | None) -> AsyncIterator[tuple[float, Picture]]:
    """Yield pictures of a film with their time in s; each is decoded when the last one has been dealt with."""
    pictures = films.pictures_of(path, every_s, after_s)
    try:
        while (found := await asyncio.to_thread(partial(next, pictures, None))) is not None:
            yield found
    finally:
        await asyncio.to_thread(pictures.close)
