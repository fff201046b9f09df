"""Exchange of files with a hub that no session reaches: joins by two carried files, then exports and imports."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from appliance.agent.membership import Membership, forget_former_hub
from appliance.agent.state import AgentState
from appliance.capture.hub_side import OwedPictures as SnapshotPictures
from appliance.config import ExchangeConfig
from appliance.errors import ExchangeRefused
from appliance.exchange.exporter import Exporter, OwedPictures, Rules
from appliance.exchange.importer import INBOUND, Importer
from appliance.exchange.partner import Partner
from appliance.exchange.reconciliation import report
from appliance.store import documents, exports, results
from appliance.store.database import Database
from appliance.store.exports import Policy
from appliance.store.results import Doer
from appliance.uplink.pictures import BoxPictures
from federation.crypto import PublicKey, SigningKey
from federation.desired import Refused, Trust, open_document
from federation.desired.checking import Refusal
from federation.exchange import Item
from federation.exchange.errors import BadDocument
from federation.exchange.in_folder import InFolder
from federation.exchange.joining import JoinAnswer, make_request, read_answer
from federation.exchange.out_folder import OutFolder
from federation.exchange.quarantine import Quarantine
from federation.exchange.reconciliation import REPORT
from federation.exchange.words import TAKEN
from federation.messages import Envelope, Presence, ReportedState
from federation.messages.wire import WireModel
from federation.private_files import read_secret
from federation.uplink.changes import Changes

log = logging.getLogger(__name__)

REQUEST, PARTNER = "exchange.request", "exchange.partner"
MICROSECONDS = 1_000_000
LOOK_EVERY_S = 5.0


Result = TypeVar("Result")


class _Request(WireModel):
    text: str


class _Known(WireModel):
    """The hub across the border, as it is stored."""

    node_id: str
    hub_id: str
    hub_name: str
    key: str = Field(description="PEM of the key that signs and opens the hub's files")
    signing_key: str = Field(description="PEM of the key by which the hub signs what it wants")


class Exchange:
    """Who this box is to a hub beyond a border, if to any."""

    def __init__(self, state: AgentState, membership: Membership, snapshots: SnapshotPictures | None = None) -> None:
        """Prepare; `run` exchanges files. `membership` is the one by network, which may be of the same hub."""
        self.snapshots = snapshots
        self.partner: Partner | None = None
        self.exporter: Exporter | None = None
        self.importer: Importer | None = None
        self.quarantine = Quarantine(state.config.data_folder / "exchange" / "quarantine")
        self.fault = ""
        self._state = state
        self._membership = membership
        self._changes = Changes()
        self._key: SigningKey | None = None
        self._incarnation = 1
        self._report_due_s = 0.0
        self._started_at = datetime.now(UTC)

    @property
    def config(self) -> ExchangeConfig:
        """The folders and rules."""
        return self._state.config.exchange

    @property
    def serial(self) -> str:
        """The serial number of this box."""
        return self._state.serial

    @property
    def database(self) -> Database:
        """The database of this box."""
        return self._state.database

    async def commit(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in one transaction that may have added rows to the outbox."""
        return await self._state.commit(work)

    async def key(self) -> SigningKey:
        """Return this box's key; the first call makes it."""
        if self._key is None:
            path = self._state.config.data_folder / "exchange" / "key.pem"
            pem = await asyncio.to_thread(read_secret, path, make=lambda: SigningKey.generate().to_pem())
            self._key = SigningKey.from_pem(pem)
        return self._key

    async def make_request(self, doer: Doer) -> str:
        """Return the file by which this box asks to be let in; raise ExchangeRefused without an out-folder."""
        if self.config.out_folder is None:
            raise ExchangeRefused(
                "exchange_folder_missing", "set exchange.out_folder in the box's configuration first, and restart it"
            )
        text = make_request(
            await self.key(),
            serial=self._state.serial,
            profile=self._state.config.profile,
            software=self._state.software,
            two_way=self.config.in_folder is not None,
        )

        def work(db: sqlite3.Connection) -> None:
            documents.put(db, REQUEST, _Request(text=text))
            results.record(db, doer, "exchange.request", f"node:{self._state.serial}")

        await self._state.commit(work)
        return text

    async def read_answer(self, text: str) -> tuple[JoinAnswer, PublicKey]:
        """Return what a hub's answer says, and its key; raise ExchangeRefused."""
        request = await self._state.database.read(lambda db: documents.get(db, REQUEST, _Request))
        if request is None:
            raise ExchangeRefused(
                "exchange_no_request", "this box has made no request; make one and carry it to the hub"
            )
        try:
            answer, key = read_answer(text, request=request.text)
        except BadDocument as error:
            raise ExchangeRefused(error.code, str(error)) from error
        identity = self._membership.identity
        if identity is not None and (identity.node_id, identity.hub_name) != (answer.node_id, answer.hub_name):
            raise ExchangeRefused(
                "exchange_other_hub",
                f"this box is {identity.node_id} of the hub {identity.hub_name} by network; the answer makes it"
                f" {answer.node_id} of {answer.hub_name}",
            )
        return answer, key

    async def join(self, text: str, *, fingerprint: str, doer: Doer) -> None:
        """Exchange files with the hub whose answer this is, if its key has this fingerprint; raise ExchangeRefused."""
        answer, key = await self.read_answer(text)
        if key.fingerprint != fingerprint:
            raise ExchangeRefused("exchange_wrong_fingerprint", "the fingerprint is not that of the key in the answer")
        known = _Known(
            node_id=answer.node_id,
            hub_id=answer.hub_id,
            hub_name=answer.hub_name,
            key=key.to_pem(),
            signing_key=answer.signing_key,
        )
        before = await self._state.database.read(lambda db: documents.get(db, PARTNER, _Known))
        is_new_hub = self._membership.identity is None and before is not None and before.hub_id != known.hub_id

        def work(db: sqlite3.Connection) -> None:
            documents.put(db, PARTNER, known)
            documents.forget(db, REQUEST)
            documents.forget(db, INBOUND)
            exports.forget(db)
            if is_new_hub:
                forget_former_hub(db, same_hub=False)
            detail = {"hub": known.hub_name, "fingerprint": fingerprint}
            results.record(db, doer, "exchange.join", f"node:{known.node_id}", detail)

        await self._state.commit(work)
        if self.snapshots is not None:
            await self.snapshots.forget_exports()
        if is_new_hub:
            self._state.forget_desired()
        log.info("exchanges files with the hub %s as %s", known.hub_name, known.node_id)
        self._changes.note()

    async def run(self) -> None:
        """Exchange files with the present partner until cancelled; a new partner replaces it."""
        while True:
            seen = self._changes.count
            await self._adopt()
            async with asyncio.TaskGroup() as group:
                served = group.create_task(self._serve(), name="exchange")
                while not await self._changes.beyond(seen, within_s=LOOK_EVERY_S) and self._is_of_one_hub():
                    pass
                served.cancel()

    def known_partner(self) -> Partner:
        """Return the hub across the border; raise ExchangeRefused if there is none."""
        if self.partner is None:
            raise ExchangeRefused("exchange_no_hub", "this box exchanges files with no hub yet")
        return self.partner

    def _is_of_one_hub(self) -> bool:
        identity = self._membership.identity
        return self.partner is None or identity is None or identity.node_id == self.partner.node_id

    async def _adopt(self) -> None:
        known = await self._state.database.read(lambda db: documents.get(db, PARTNER, _Known))
        identity = self._membership.identity
        if known is not None and identity is not None and identity.node_id != known.node_id:
            log.warning("this box has joined another hub by network; files are exchanged no more")
            await self._state.database.run(lambda db: documents.forget(db, PARTNER))
            known = None
        if known is None or self.config.out_folder is None:
            self.partner = None
            return
        self.partner = Partner(
            node_id=known.node_id,
            hub_id=known.hub_id,
            hub_name=known.hub_name,
            hub_key=PublicKey.from_pem(known.key),
            key=await self.key(),
        )
        if self._state.node_id != known.node_id:
            self._state.node_id = known.node_id
            await self._state.replan()

    async def _serve(self) -> None:
        partner, folder = self.partner, self.config.out_folder
        if partner is None or folder is None:
            return
        self._incarnation = await self._state.database.run(documents.next_incarnation)
        out = OutFolder(folder)
        self.importer = (
            None if self.config.in_folder is None else self._make_importer(partner, self.config.in_folder, out)
        )
        self.exporter = self._make_exporter(partner, out)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.exporter.run(), name="export")
            if self.importer is not None:
                group.create_task(self._import(self.importer), name="import")

    async def _import(self, importer: Importer) -> None:
        await importer.begin()
        while True:
            try:
                await importer.look()
                self.fault = ""
            except OSError as error:
                self.fault = f"{importer.folder.folder}: {error.strerror or error}"
                log.warning("nothing imported: %s", self.fault)
            await asyncio.sleep(self.config.look_every_s)

    def _make_importer(self, partner: Partner, folder: Path, out: OutFolder) -> Importer:
        return Importer(
            database=self._state.database,
            partner=partner,
            folder=InFolder(folder, self.quarantine, settle_s=self.config.settle_s),
            exported=out,
            follow=self._follow,
            stored=self._note_stored,
            is_only_path=lambda: self._membership.identity is None,
        )

    def _make_exporter(self, partner: Partner, out: OutFolder) -> Exporter:
        config = self.config
        policy = Policy(
            copies=config.copies if config.in_folder is None else None, repeat_us=int(config.repeat_s * MICROSECONDS)
        )
        return Exporter(
            database=self._state.database,
            pictures=self._pictures,
            partner=partner,
            folder=out,
            rules=Rules(
                policy=policy,
                every_s=config.every_s,
                state_s=config.state_s,
                parcel_bytes=config.parcel_bytes,
                folder_bytes=config.folder_bytes,
                keep_s=config.keep_s,
            ),
            state=self._describe,
            extra=self._extra,
        )

    @property
    def _pictures(self) -> Sequence[OwedPictures]:
        evidence = BoxPictures(self._state.database, self._state.pictures)
        return (evidence,) if self.snapshots is None else (evidence, self.snapshots)

    async def _note_stored(self, digests: Sequence[str]) -> None:
        for kind in self._pictures:
            await kind.stored(digests)

    async def _follow(self, envelope: Envelope) -> None:
        """Do what the hub wants, if it is its word and newer than what is followed."""
        try:
            trust = await self._trusted(envelope)
            if envelope.text is None:
                return
            document = open_document(envelope, envelope.text.encode(), trust, self._state.wishes.applied)
        except Refused as refused:
            self._state.refused[refused.reason.value] += 1
            log.warning("a document of the hub is not followed: %s", refused)
            return
        if document is not None:
            await self._state.follow(document, stored=lambda: None)

    async def _trusted(self, envelope: Envelope) -> Trust:
        """Return whom to believe, after the hub's word that another key takes the place of its own."""
        known = await self._state.database.read(lambda db: documents.get(db, PARTNER, _Known))
        if known is None:
            raise Refused(Refusal.UNKNOWN_KEY, "the hub was forgotten meanwhile")
        trust = Trust(node_id=known.node_id, key=PublicKey.from_pem(known.signing_key))
        following = trust.following(envelope)
        if following != trust:
            fresh = known.model_copy(update={"signing_key": following.key.to_pem()})
            await self._state.database.run(lambda db: documents.put(db, PARTNER, fresh))
        return following

    async def _describe(self) -> tuple[Presence, ReportedState]:
        """Return who this box is and how it does."""
        presence = Presence(
            node_id=self._state.node_id,
            incarnation=self._incarnation,
            online=True,
            profile=self._state.config.profile,
            software=self._state.software,
            panel_url="",
            started_at=self._started_at,
            clock=self._state.clock.look().state,
            applied=self._state.wishes.applied,
        )
        return presence, await self._state.report()

    async def _extra(self) -> list[Item]:
        """Return which of the hub's parcels came, so that it need not keep them; and now and then a report."""
        items = []
        if self.importer is not None:
            items.append(Item(TAKEN, self.importer.inbound.to_tell(datetime.now(UTC)).to_bytes()))
        now_s, partner = asyncio.get_running_loop().time(), self.known_partner()
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + self.config.report_s
            made = await self._state.database.read(lambda db: report(db, partner))
            items.append(Item(REPORT, made.to_bytes()))
        return items
