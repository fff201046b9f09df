"""File exchange at the hub: takes nodes' parcels, answers them, lets new boxes in, and says how it stands."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from federation.crypto import SigningKey
from federation.custody.ranges import Ranges
from federation.exchange import Item
from federation.exchange.in_folder import InFolder
from federation.exchange.quarantine import Quarantine
from federation.exchange.words import DOCUMENT
from federation.private_files import read_secret
from hub.config import Exchange as ExchangeConfig
from hub.custody.service import Custody
from hub.database import Database
from hub.events.pictures import Pictures
from hub.exchange.exporter import Exporter, Rules
from hub.exchange.importer import Importer
from hub.exchange.keys import Keys
from hub.exchange.model import ExchangeNode, ExchangeState
from hub.exchange.peers import Peer, Peers
from hub.exchange.reconciliation import Reconciliation
from hub.exchange.standing import acks_of, holes_of, pictures_missing
from hub.fleet.desired import DesiredPublisher
from hub.fleet.own import OwnHub
from hub.fleet.roster import Roster
from hub.fleet.watching import Watch
from hub.metrics import Figure

log = logging.getLogger(__name__)


class Exchange:
    """The files that cross borders between this hub and its nodes."""

    def __init__(
        self,
        *,
        config: ExchangeConfig,
        folder: Path,
        own: OwnHub,
        database: Database,
        roster: Roster,
        watch: Watch,
        custody: Custody,
        pictures: Pictures,
        desired: DesiredPublisher,
    ) -> None:
        """Use the folders of `config`; without them nothing is taken or written. `folder` keeps key and quarantine."""
        self.config = config
        self.peers = Peers(database)
        self.reconciliation = Reconciliation(database, self.peers)
        self.fault = ""
        self._key_file = folder / "key.pem"
        self._own = own
        self._quarantine = Quarantine(folder / "quarantine")
        self._database = database
        self._roster = roster
        self._watch = watch
        self._custody = custody
        self._pictures = pictures
        self._desired = desired
        self._keys: Keys | None = None
        self._importer: Importer | None = None
        self._exporter: Exporter | None = None

    @property
    def keys(self) -> Keys:
        """Who this hub is; known after `start`."""
        assert self._keys is not None, "file exchange has not started"  # noqa: S101 - a fault of ours
        return self._keys

    @property
    def signing_key(self) -> str:
        """The PEM by which nodes know what this hub wants of them."""
        return self._desired.public_key

    async def start(self) -> None:
        """Read who exchanges files, and who this hub is in it; the first start makes the key."""
        pem = await asyncio.to_thread(read_secret, self._key_file, make=lambda: SigningKey.generate().to_pem())
        keys = Keys(hub_id=f"hub-{self._own.hub_id[-8:]}", hub_name=self._own.name, key=SigningKey.from_pem(pem))
        self._keys = keys
        self.reconciliation.begin(keys)
        await self.peers.load()
        for peer in self.peers.all():
            self._watch.expect_files(peer.node_id, silence_s=self.config.silence_s)
        if self.config.out_folder is not None:
            self._exporter = self._make_exporter(self.config.out_folder, keys)
        if self.config.in_folder is not None:
            self._importer = self._make_importer(self.config.in_folder, keys)

    async def run(self) -> None:
        """Look for files, and answer, until cancelled."""
        while True:
            await self._look()
            if self._exporter is not None:
                await self._exporter.answer()
            await asyncio.sleep(self.config.look_every_s)

    async def admitted(self, peer: Peer) -> None:
        """Begin to exchange files with a node that was let in."""
        self.peers.keep(peer)
        self._watch.expect_files(peer.node_id, silence_s=self.config.silence_s)

    async def state(self) -> ExchangeState:
        """Return how file exchange stands."""
        await self.peers.drop_removed(lambda node_id: self._roster.get(node_id) is not None)
        quarantined, quarantined_bytes = await asyncio.to_thread(self._quarantine.held)
        folder = self._importer.folder if self._importer is not None else None
        return ExchangeState(
            hub_id=self.keys.hub_id,
            fingerprint=self.keys.key.public.fingerprint,
            in_folder=str(self.config.in_folder or ""),
            out_folder=str(self.config.out_folder or ""),
            taken=folder.taken if folder is not None else 0,
            refused={str(reason): count for reason, count in folder.refused.items()} if folder is not None else {},
            quarantined=quarantined,
            quarantined_bytes=quarantined_bytes,
            fault=self.fault,
            nodes=tuple([await self._node(peer) for peer in self.peers.all()]),
        )

    def figures(self) -> list[Figure]:
        """Return the figures for Prometheus."""
        if self._importer is None:
            return []
        folder = self._importer.folder
        refused = [
            Figure(
                name="exchange_refused", help="Files refused", value=count, labels={"reason": str(reason)}, counter=True
            )
            for reason, count in folder.refused.items()
        ]
        return [Figure(name="exchange_parcels", help="Parcels taken", value=folder.taken, counter=True), *refused]

    async def _look(self) -> None:
        if self._importer is None:
            return
        try:
            while await self._importer.look():
                pass
            self.fault = ""
        except OSError as error:
            self.fault = f"{self.config.in_folder}: {error.strerror or error}"
            log.warning("the in-folder cannot be read: %s", self.fault)

    async def _node(self, peer: Peer) -> ExchangeNode:
        holes, pictures = await self._database.run(
            lambda connection: (holes_of(connection, peer.node_id), pictures_missing(connection, peer.node_id))
        )
        return ExchangeNode(
            node_id=peer.node_id,
            two_way=peer.two_way,
            fingerprint=peer.key.fingerprint,
            admitted_at=peer.admitted_at,
            taken_at=peer.taken_at,
            taken_serial=peer.inbound.highest,
            taken_bytes=peer.taken_bytes,
            missing=peer.inbound.missing(),
            holes=holes,
            pictures_missing=pictures,
            sent_at=peer.sent_at,
            sent_serial=peer.sent_serial,
            reconciled=peer.reconciled,
            fault=self._exporter.faults.get(peer.node_id, "") if self._exporter is not None else "",
        )

    def _make_importer(self, folder: Path, keys: Keys) -> Importer:
        return Importer(
            folder=InFolder(folder, self._quarantine, settle_s=self.config.settle_s),
            hub_id=keys.hub_id,
            key=keys.key,
            peers=self.peers,
            admits=self._roster.admits,
            custody=self._custody.take_in_any_order,
            state=self._watch.take_from_file,
            pictures=self._pictures,
            stored=self._stored,
            told=self._told,
            reported=self.reconciliation.hold_against,
        )

    def _make_exporter(self, folder: Path, keys: Keys) -> Exporter:
        config = self.config
        return Exporter(
            database=self._database,
            folder=folder,
            hub_id=keys.hub_id,
            key=keys.key,
            peers=self.peers,
            rules=Rules(
                answer_s=config.answer_s,
                state_s=config.state_s,
                folder_bytes=config.folder_bytes,
                keep_s=config.keep_s,
            ),
            acks=acks_of,
            wanted=self._wanted,
        )

    async def _wanted(self, node_id: str) -> Sequence[Item]:
        envelopes = await self._desired.envelopes(node_id)
        return [Item(f"{DOCUMENT}{envelope.shard}", envelope.to_bytes()) for envelope in envelopes]

    def _stored(self, node_id: str, digests: Sequence[str]) -> None:
        if self._exporter is not None:
            self._exporter.stored(node_id, digests)
            self._exporter.heard(node_id)

    async def _told(self, node_id: str, has: Ranges) -> None:
        if self._exporter is not None:
            await self._exporter.taken(node_id, has)
