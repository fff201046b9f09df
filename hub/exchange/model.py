"""File exchange as it goes over the wire."""

from pydantic import AwareDatetime, Field

from federation.exchange.reconciliation import Difference
from federation.http import Input, Output
from federation.messages import Site, Slug

LONGEST_TEXT = 32_768
LARGEST_REPORT = 1 << 20
MOST_DIFFERENCES = 200


class Reconciled(Output):
    """What the newest reconciliation report of a node said that this hub lacks."""

    made_at: AwareDatetime = Field(description="when the node made its report")
    compared_at: AwareDatetime
    differences: tuple[Difference, ...]
    more: int = Field(description="differences beyond those")


class ReportText(Input):
    """The node's reconciliation report, as text."""

    report: str = Field(max_length=LARGEST_REPORT)


class ReportFile(Output):
    """What this hub has of a node, signed, to carry to it."""

    file_name: str
    report: str


class ExchangeNode(Output):
    """One node that exchanges files with this hub.

    `missing` are numbers of its parcels that never came while later ones did, as first and last; `holes` counts rows
    of its lanes that are missing in the middle.
    """

    node_id: Slug
    two_way: bool
    fingerprint: str = Field(description="of the node's key")
    admitted_at: AwareDatetime
    taken_at: AwareDatetime | None = Field(description="when its newest parcel was taken")
    taken_serial: int = Field(description="highest number that was taken")
    taken_bytes: int
    missing: tuple[tuple[int, int], ...]
    holes: int
    pictures_missing: int
    sent_at: AwareDatetime | None
    sent_serial: int
    fault: str = Field(description="why nothing can be written for it now, or empty")
    reconciled: Reconciled | None


class ExchangeState(Output):
    """How file exchange stands: the folders, what was refused since the start, and every node."""

    hub_id: str
    fingerprint: str = Field(description="of this hub's key")
    in_folder: str = Field(description="empty: there is none, and no file is taken")
    out_folder: str = Field(description="empty: there is none, and nothing goes out by files")
    taken: int = Field(description="parcels since the start")
    refused: dict[str, int] = Field(description="files since the start, by reason")
    quarantined: int = Field(description="files that lie in the quarantine")
    quarantined_bytes: int
    fault: str = Field(description="why the in-folder cannot be read now, or empty")
    nodes: tuple[ExchangeNode, ...]


class JoinText(Input):
    """The file that a box made on its panel, as text."""

    request: str = Field(max_length=LONGEST_TEXT)


class JoinPreview(Output):
    """What the file says; compare the fingerprint with the one on the box's panel."""

    serial: str
    profile: str
    software: str
    two_way: bool
    fingerprint: str
    made_at: AwareDatetime
    node_id: str = Field(description="the node that is enrolled with this serial number already, or empty")


class JoinDecision(JoinText):
    """Let the box in, under a name; a box that is enrolled already keeps its own."""

    name: str = Field(default="", max_length=64)
    site: Site = ""


class JoinAnswered(Output):
    """The box is let in: carry `answer` to it as a file."""

    node_id: Slug
    file_name: str
    answer: str
