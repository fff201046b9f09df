"""Reconciliation with the hub across a border: reports go both ways by hand, and what is lacking goes again."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import JsonValue

from appliance.agent.exchange import Exchange
from appliance.errors import ExchangeRefused
from appliance.exchange.reconciliation import export_again, held_against, report
from appliance.store import exports, results
from appliance.store.moments import to_us
from appliance.store.results import Doer
from federation.exchange.errors import BadDocument
from federation.exchange.reconciliation import Difference, Report, Side
from federation.exchange.signed import read_signed, sign
from federation.messages import Lane


class Reconciliation:
    """Holds what this box has against what the hub has."""

    def __init__(self, exchange: Exchange) -> None:
        """Speak for the exchange with the present hub."""
        self._exchange = exchange

    async def signed_report(self) -> str:
        """Return what this box has of its lanes, as a file that people carry; raise ExchangeRefused without a hub."""
        partner = self._exchange.known_partner()
        made = await self._exchange.database.read(lambda db: report(db, partner))
        return sign(made, partner.key)

    async def read_report(self, text: str) -> Report:
        """Return the hub's report in a file; raise ExchangeRefused if it is not the hub's, or of another node."""
        partner = self._exchange.known_partner()
        try:
            found, key = read_signed(text, Report)
        except BadDocument as error:
            raise ExchangeRefused(error.code, str(error)) from error
        if key != partner.hub_key or found.side is not Side.HUB or found.node_id != partner.node_id:
            raise ExchangeRefused(
                "report_of_another", f"this is not a report of the hub {partner.hub_name} on {partner.node_id}"
            )
        return found

    async def held_against(self, hub: Report) -> tuple[Difference, ...]:
        """Return what the hub lacks by its own report."""
        partner = self._exchange.known_partner()
        return await self._exchange.database.read(lambda db: held_against(db, partner, hub))

    async def export_lacking(self, hub: Report, doer: Doer) -> tuple[int, int]:
        """Let all that the hub lacks by its own report be exported again; return how many rows and pictures."""
        partner, snapshots = self._exchange.known_partner(), self._exchange.snapshots
        of_snapshots = 0 if snapshots is None else await snapshots.requested(hub.pictures_missing)

        def work(db: sqlite3.Connection) -> tuple[int, int]:
            rows, of_events = export_again(db, partner, hub, to_us(datetime.now(UTC)))
            pictures = of_events + of_snapshots
            results.record(db, doer, "exchange.export_again", detail={"rows": rows, "pictures": pictures})
            return rows, pictures

        return await self._exported_again(work)

    async def export_span(self, lane: Lane, span: tuple[int, int], doer: Doer) -> tuple[int, int]:
        """Let numbers of a lane be exported again; return how many rows there are, and no pictures."""

        def work(db: sqlite3.Connection) -> tuple[int, int]:
            rows = exports.request(db, lane, span, to_us(datetime.now(UTC)))
            detail: dict[str, JsonValue] = {"lane": str(lane), "first": span[0], "last": span[1], "rows": rows}
            results.record(db, doer, "exchange.export_again", detail=detail)
            return rows, 0

        self._exchange.known_partner()
        return await self._exported_again(work)

    async def _exported_again(self, work: Callable[[sqlite3.Connection], tuple[int, int]]) -> tuple[int, int]:
        exported = await self._exchange.commit(work)
        if self._exchange.exporter is not None:
            self._exchange.exporter.wake()
        return exported
