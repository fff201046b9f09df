"""Custody as it goes over the wire."""

from pydantic import AwareDatetime, Field

from federation.http import Output, PageQuery
from federation.messages import Slug


class GapQuery(PageQuery):
    """Which gaps to list, newest first."""

    after: str | None = Field(default=None, pattern=r"^[0-9]{1,18}$", description="`next` of the page before")
    node_id: Slug | None = None


class Gap(Output):
    """缺口: rows of an appliance that the hub never gets."""

    node_id: str
    lane: str
    epoch: str
    first: int
    last: int
    reason: str = Field(
        description="`quota` and `disk_full`: the box gave them up for want of room; `overflow`: made faster than"
        " committed; `damaged`: no longer readable; `expired`: acknowledged once, and no longer held by the box when"
        " the hub was restored; `replaced`: they went with a database of the box that was replaced or restored, before"
        " the hub had them; `uncertain`: the same, of rows that there may never have been;"
        " `cleared`: acknowledged once, and given up by the box when its disk was full, before"
        " the hub was restored; `missing`: a file of a border never came; `unknown`"
    )
    seen_at: AwareDatetime
