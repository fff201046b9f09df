"""The figures of the home page."""

from pydantic import AwareDatetime

from federation.http import Output


class Count(Output):
    """How many of one kind."""

    key: str
    name_zh: str
    name_en: str
    count: int


class HourCount(Output):
    """Events of one hour."""

    hour: AwareDatetime
    count: int


class Overview(Output):
    """Everything the one-map home counts; `today` is the calendar day of Asia/Shanghai."""

    nodes_online: int
    nodes_total: int
    points_live: int
    points_total: int
    tasks_running: int
    tasks_total: int
    algorithms_total: int
    events_total: int
    events_today: int
    pending: int
    judged_true: int
    judged_false: int
    by_type: tuple[Count, ...]
    by_hour: tuple[HourCount, ...]
    by_point: tuple[Count, ...]
    latency_p50_ms: float | None
    latency_p95_ms: float | None
