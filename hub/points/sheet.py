"""Points as a spreadsheet: header names in both languages, and rows read back with their faults."""

from federation.http.sheet import Sheet
from hub.points.model import NewPoint, Point

COLUMNS = {
    "id": "点位编号",
    "name": "点位名称",
    "gb_code": "国标编码",
    "bureau": "委办单位",
    "division": "行政区划",
    "address": "地址",
    "longitude": "经度",
    "latitude": "纬度",
    "stream_url": "视频流地址",
    "username": "用户名",
    "password": "密码",
    "onvif_url": "ONVIF 地址",
}
MOST_ROWS = 100_000


def header(language: str) -> list[str]:
    """Return the header of an export, `zh` or `en`; passwords are never exported."""
    return [chinese if language == "zh" else name for name, chinese in COLUMNS.items() if name != "password"]


def cells(point: Point) -> list[object]:
    """Return the row of one point."""
    return [getattr(point, name) for name in COLUMNS if name != "password"]


def read_points(content: bytes) -> list[NewPoint]:
    """Return the points of a CSV file; raise Problem that names every faulty row."""
    return _POINTS.read(content)


_POINTS = Sheet(model=NewPoint, columns=COLUMNS, required=("id", "name", "stream_url"), key="id", most_rows=MOST_ROWS)
