"""The figures of the home page, counted anew for each question and told to viewers as they change."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from federation.http.live_feed import LiveFeed
from federation.messages import CameraState
from hub.database import Database
from hub.database.moments import EPOCH, now_us
from hub.events.latency import LatencyWindow
from hub.events.model import Verdict
from hub.events.tables import events
from hub.fleet.roster import Roster
from hub.overview.model import Count, HourCount, Overview
from hub.points.service import today_us
from hub.points.tables import points
from hub.points.watched import watched_points
from hub.repository.service import Repository
from hub.scheduling.service import Scheduler

HOURS = 24
MOST_POINTS = 10
HOUR_US = 3_600_000_000
TELL_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class _Counted:
    points: int
    by_verdict: dict[str, int]
    today: int
    by_type: list[tuple[str, int]]
    by_hour: dict[int, int]
    by_point: list[tuple[str, str, int]]


class OverviewDesk:
    """Counts what the home page shows."""

    def __init__(
        self,
        *,
        database: Database,
        roster: Roster,
        repository: Repository,
        scheduler: Scheduler,
        latency: LatencyWindow,
        live: LiveFeed,
    ) -> None:
        """Count what the other parts hold."""
        self._database = database
        self._roster = roster
        self._repository = repository
        self._scheduler = scheduler
        self._latency = latency
        self._live = live
        self._something_new = asyncio.Event()

    def wake(self) -> None:
        """Say that the figures may have changed."""
        self._something_new.set()

    async def run(self) -> None:
        """Tell viewers the counters, at most once in `TELL_EVERY_S` seconds, until cancelled."""
        while True:
            await self._something_new.wait()
            self._something_new.clear()
            if self._live.viewers:
                overview = await self.overview()
                self._live.publish("counters", overview.model_dump(mode="json"))
            await asyncio.sleep(TELL_EVERY_S)

    async def overview(self) -> Overview:
        """Return everything that the home page counts."""
        nodes = self._roster.all()
        watched = watched_points(nodes)
        running, tasks_total = await self._scheduler.count()
        now = now_us()
        counted = await self._database.run(_counting(today_us(), now))
        verdicts = counted.by_verdict
        return Overview(
            nodes_online=sum(node.online for node in nodes),
            nodes_total=len(nodes),
            points_live=sum(seen.report.state == CameraState.LIVE for seen in watched.values()),
            points_total=counted.points,
            tasks_running=running,
            tasks_total=tasks_total,
            algorithms_total=len(self._repository.catalogue.algorithms),
            events_total=sum(verdicts.values()),
            events_today=counted.today,
            pending=verdicts.get(Verdict.PENDING.value, 0),
            judged_true=verdicts.get(Verdict.TRUE.value, 0),
            judged_false=verdicts.get(Verdict.FALSE.value, 0),
            by_type=tuple(self._count_of_type(code, count) for code, count in counted.by_type),
            by_hour=tuple(_hours(now, counted.by_hour)),
            by_point=tuple(
                Count(key=point_id, name_zh=name, name_en=name, count=count)
                for point_id, name, count in counted.by_point
            ),
            latency_p50_ms=self._latency.quantile_ms(0.5),
            latency_p95_ms=self._latency.quantile_ms(0.95),
        )

    def _count_of_type(self, code: str, count: int) -> Count:
        kind = self._repository.catalogue.named(code)
        return Count(key=code, name_zh=kind.name_zh, name_en=kind.name_en, count=count)


def _counting(since_us: int, now: int) -> Callable[[Connection], _Counted]:
    """Return what counts: types and points of today, hours back from `now`."""
    today = events.c.time_us >= since_us
    first_hour = (now // HOUR_US - HOURS + 1) * HOUR_US
    # In microseconds the remainder is exact on both databases, where a division of integers is not.
    hour = events.c.time_us - events.c.time_us % HOUR_US
    ordered = func.count().desc()

    def work(connection: Connection) -> _Counted:
        by_type = select(events.c.type, func.count()).where(today).group_by(events.c.type)
        by_point = (
            select(events.c.point_id, func.max(events.c.point_name), func.count())
            .where(today)
            .group_by(events.c.point_id)
        )
        by_hour = select(hour, func.count()).where(events.c.time_us >= first_hour).group_by(hour)
        types = _rows(connection, by_type.order_by(ordered, events.c.type))
        return _Counted(
            points=connection.scalar(select(func.count()).select_from(points)) or 0,
            by_verdict=dict(_rows(connection, select(events.c.verdict, func.count()).group_by(events.c.verdict))),
            today=sum(count for _, count in types),
            by_type=types,
            by_hour=dict(_rows(connection, by_hour)),
            by_point=_rows(connection, by_point.order_by(ordered, events.c.point_id).limit(MOST_POINTS)),
        )

    return work


def _rows(connection: Connection, statement: Any) -> list[Any]:
    return [tuple(row) for row in connection.execute(statement)]


def _hours(now: int, counts: dict[int, int]) -> list[HourCount]:
    newest = now // HOUR_US * HOUR_US
    starts = [newest - back * HOUR_US for back in reversed(range(HOURS))]
    return [HourCount(hour=_moment(start), count=counts.get(start, 0)) for start in starts]


def _moment(start_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=start_us)
