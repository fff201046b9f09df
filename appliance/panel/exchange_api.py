"""The panel's routes of file exchange."""

from collections.abc import Awaitable
from typing import TypeVar

from pydantic import AwareDatetime, Field

from appliance.agent.exchange import Exchange
from appliance.agent.reconciliation import Reconciliation
from appliance.errors import ExchangeRefused
from appliance.store import exports, outbox, parcels
from appliance.store.people import OPERATE, READ
from appliance.store.results import Doer
from federation.exchange.joining import REQUEST_SUFFIX
from federation.exchange.reconciliation import SUFFIX, Difference
from federation.http import Access, Call, Input, Output, Problem, Routes
from federation.messages import Lane

LONGEST_TEXT = 32_768
LARGEST_REPORT = 1 << 20

Result = TypeVar("Result")


class ExportedLane(Output):
    """How far one lane is in files: exported once up to `exported`, confirmed by the hub up to `acknowledged`."""

    lane: Lane
    produced: int
    exported: int
    acknowledged: int
    repeating: int = Field(description="rows that will be exported again")


class ExchangeStatus(Output):
    """How file exchange stands. `two_way` tells whether answers can come back."""

    out_folder: str
    in_folder: str
    two_way: bool
    copies: int = Field(description="one-way: how often everything is exported")
    fingerprint: str = Field(description="of this box's key")
    hub_name: str = Field(description="empty: no hub yet")
    hub_id: str
    hub_fingerprint: str
    node_id: str
    last_serial: int = Field(description="number of the newest parcel")
    last_exported_at: AwareDatetime | None
    last_imported_at: AwareDatetime | None
    expired: int = Field(description="files that no border took in time, since the start")
    full: bool = Field(description="the out-folder has no room")
    fault: str = Field(description="why a folder cannot be used now, or empty")
    refused: dict[str, int] = Field(description="files in the in-folder since the start, by reason")
    never_came: tuple[tuple[int, int], ...] = Field(description="parcels that the hub misses, as first and last")
    lanes: tuple[ExportedLane, ...]


class RequestFile(Output):
    """The file to carry to the hub."""

    file_name: str
    request: str
    fingerprint: str


class AnswerText(Input):
    """The hub's answer, as text."""

    answer: str = Field(max_length=LONGEST_TEXT)


class AnswerPreview(Output):
    """What an answer says; compare the fingerprint with the one on the hub's page."""

    hub_name: str
    hub_id: str
    node_id: str
    fingerprint: str
    made_at: AwareDatetime


class AnswerDecision(AnswerText):
    """Join the hub of this answer: its key has this fingerprint."""

    fingerprint: str = Field(max_length=100)


class ReportFile(Output):
    """A reconciliation report to carry to the hub."""

    file_name: str
    report: str


class ReportText(Input):
    """The hub's reconciliation report, as text."""

    report: str = Field(max_length=LARGEST_REPORT)


class Lacking(Output):
    """What the hub lacks by its own report."""

    made_at: AwareDatetime
    differences: tuple[Difference, ...]
    pictures: int


class SpanDraft(Input):
    """Numbers of a lane to export again."""

    lane: Lane
    first: int = Field(ge=1, le=2**62)
    last: int = Field(ge=1, le=2**62)


class ExportedAgain(Output):
    """What will be exported again."""

    rows: int
    pictures: int


def routes(exchange: Exchange) -> Routes:
    """Return the routes over `exchange`."""
    part = Routes(tag="exchange")
    _add_joining(part, exchange)
    _add_reconciliation(part, exchange, Reconciliation(exchange))
    return part


def _add_joining(part: Routes, exchange: Exchange) -> None:

    @part.get("/api/v1/exchange", access=Access(permission=READ))
    async def get_exchange() -> ExchangeStatus:
        """Say how file exchange stands."""
        return await _status(exchange)

    @part.post("/api/v1/exchange/request", access=Access(permission=OPERATE))
    async def make_exchange_request(call: Call) -> RequestFile:
        """Make the file by which this box asks a hub to be let in."""
        text = await _or_problem(exchange.make_request(_doer(call)))
        key = await exchange.key()
        return RequestFile(
            file_name=f"{exchange.serial}{REQUEST_SUFFIX}", request=text, fingerprint=key.public.fingerprint
        )

    @part.post("/api/v1/exchange/preview", access=Access(permission=OPERATE))
    async def preview_exchange_answer(body: AnswerText) -> AnswerPreview:
        """Read the hub's answer; nothing is changed."""
        answer, key = await _or_problem(exchange.read_answer(body.answer))
        return AnswerPreview(
            hub_name=answer.hub_name,
            hub_id=answer.hub_id,
            node_id=answer.node_id,
            fingerprint=key.fingerprint,
            made_at=answer.made_at,
        )

    @part.post("/api/v1/exchange/join", access=Access(permission=OPERATE))
    async def join_exchange(call: Call, body: AnswerDecision) -> ExchangeStatus:
        """Exchange files with the hub of this answer from now on."""
        await _or_problem(exchange.join(body.answer, fingerprint=body.fingerprint, doer=_doer(call)))
        return await _status(exchange)


def _add_reconciliation(part: Routes, exchange: Exchange, reconciliation: Reconciliation) -> None:
    @part.get("/api/v1/exchange/report", access=Access(permission=READ))
    async def get_exchange_report() -> ReportFile:
        """Give what this box has of its lanes, signed, to carry to the hub."""
        text = await _or_problem(reconciliation.signed_report())
        return ReportFile(file_name=f"{exchange.known_partner().node_id}{SUFFIX}", report=text)

    @part.post("/api/v1/exchange/reconciliation", access=Access(permission=READ))
    async def read_hub_report(body: ReportText) -> Lacking:
        """Hold the hub's report against what this box has; nothing is changed."""
        found = await _or_problem(reconciliation.read_report(body.report))
        differences = await _or_problem(reconciliation.held_against(found))
        return Lacking(made_at=found.made_at, differences=differences, pictures=len(found.pictures_missing))

    @part.post("/api/v1/exchange/exports/lacking", access=Access(permission=OPERATE))
    async def export_lacking(call: Call, body: ReportText) -> ExportedAgain:
        """Export again all that the hub lacks by its report."""
        found = await _or_problem(reconciliation.read_report(body.report))
        rows, pictures = await _or_problem(reconciliation.export_lacking(found, _doer(call)))
        return ExportedAgain(rows=rows, pictures=pictures)

    @part.post("/api/v1/exchange/exports", access=Access(permission=OPERATE))
    async def export_span(call: Call, body: SpanDraft) -> ExportedAgain:
        """Export numbers of a lane again, as far as they are still here."""
        rows, pictures = await _or_problem(reconciliation.export_span(body.lane, (body.first, body.last), _doer(call)))
        return ExportedAgain(rows=rows, pictures=pictures)


async def _or_problem(work: Awaitable[Result]) -> Result:
    try:
        return await work
    except ExchangeRefused as error:
        raise Problem(422, error.code, str(error)) from error


async def _status(exchange: Exchange) -> ExchangeStatus:
    config, partner, exporter, importer = exchange.config, exchange.partner, exchange.exporter, exchange.importer
    key = await exchange.key()
    return ExchangeStatus(
        out_folder=str(config.out_folder or ""),
        in_folder=str(config.in_folder or ""),
        two_way=config.in_folder is not None,
        copies=config.copies,
        fingerprint=key.public.fingerprint,
        hub_name=partner.hub_name if partner else "",
        hub_id=partner.hub_id if partner else "",
        hub_fingerprint=partner.hub_key.fingerprint if partner else "",
        node_id=partner.node_id if partner else "",
        last_serial=await exchange.database.read(parcels.last_serial),
        last_exported_at=exporter.tally.last_at if exporter else None,
        last_imported_at=importer.last_at if importer else None,
        expired=exporter.tally.expired if exporter else 0,
        full=exporter.tally.full if exporter else False,
        fault=exchange.fault or (exporter.tally.fault if exporter else ""),
        refused={str(reason): count for reason, count in importer.folder.refused.items()} if importer else {},
        never_came=importer.exported_missing if importer else (),
        lanes=await _lanes(exchange),
    )


async def _lanes(exchange: Exchange) -> tuple[ExportedLane, ...]:
    states, exported = await exchange.database.read(lambda db: (outbox.states(db), exports.figures(db)))
    return tuple(
        ExportedLane(
            lane=each.lane,
            produced=states[each.lane].produced,
            exported=each.upto,
            acknowledged=states[each.lane].acknowledged,
            repeating=each.repeating,
        )
        for each in exported
    )


def _doer(call: Call) -> Doer:
    return Doer(kind=call.principal.kind, name=call.principal.name, peer=call.peer)
