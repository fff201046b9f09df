"""The snapshots of a box: takes orders, keeps their index in order and their disk within bounds."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from appliance.capture import homes, index, plans
from appliance.capture.analyst import Analyst, OrderTask
from appliance.capture.bounds import Bounds, clear
from appliance.capture.courier import Courier
from appliance.capture.dispatcher import BOX, Dispatcher
from appliance.capture.figures import Figures
from appliance.capture.heads import Heads
from appliance.capture.hub_side import HubSide, OwedPictures
from appliance.capture.index import Snapshot
from appliance.capture.keyframes import KeyFrames
from appliance.capture.order import NotTaken, Order, Origin
from appliance.capture.pacing import Gate, Rate
from appliance.capture.photographer import Photographer
from appliance.capture.planner import Planner
from appliance.capture.schema import migrations
from appliance.capture.shelf import Shelf
from appliance.capture.views import ViewBoard
from appliance.capture.watching import Watcher
from appliance.config import CaptureConfig, Config
from appliance.errors import ProcessAway
from appliance.local.vision_client import VisionClient, vision_session
from appliance.onvif import Position
from appliance.store.damage import is_damage, leaves, set_aside
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.captures import SETTLED_WITHIN_S
from federation.messages import CameraReport, CameraSpec

_AWAY = "the index of snapshots cannot be used now; try again"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where pictures lie, how fast they are taken, and how long they are kept."""

    run_folder: Path
    folder: Path
    index_file: Path
    capture: CaptureConfig

    @classmethod
    def of(cls, config: Config) -> "Settings":
        """Return what the configuration of an appliance says."""
        return cls(
            run_folder=config.run_folder,
            folder=config.captures_folder,
            index_file=config.captures_file,
            capture=config.capture,
        )


@dataclass(kw_only=True)
class Desk:
    """Takes orders while `run` runs; the methods that need the index raise ProcessAway while it cannot be used.

    `camera` and `report` return what is known of a point, None for one that is not of this box. On the board of
    `views` stands where cameras look; those that are `watched` are asked for it all the time.
    Pictures of plans that name an algorithm go into picture tasks by `order_task`.
    """

    settings: Settings
    camera: Callable[[str], CameraSpec | None]
    report: Callable[[str], CameraReport | None]
    hub: HubSide | None = None
    order_task: OrderTask | None = None
    views: ViewBoard = field(default_factory=ViewBoard)
    watched: Callable[[], frozenset[str]] = frozenset
    figures: Figures = field(default_factory=Figures)
    _dispatcher: Dispatcher | None = None
    _planner: Planner | None = None
    _heads: Heads | None = None

    @property
    def is_ready(self) -> bool:
        """Tell whether orders can be taken now."""
        return self._dispatcher is not None

    @property
    def dispatcher(self) -> Dispatcher:
        """What carries out orders; raise ProcessAway before it can."""
        if self._dispatcher is None:
            raise ProcessAway(_AWAY)
        return self._dispatcher

    @property
    def planner(self) -> Planner:
        """What turns plans into orders; raise ProcessAway before it can."""
        if self._planner is None:
            raise ProcessAway(_AWAY)
        return self._planner

    @property
    def heads(self) -> Heads:
        """What turns cameras; raise ProcessAway before it can."""
        if self._heads is None:
            raise ProcessAway(_AWAY)
        return self._heads

    def owed_pictures(self, record: Database) -> OwedPictures:
        """Return the pictures that the hub has not got; `record` is the box's own database."""
        return OwedPictures(
            shelf=lambda: self._dispatcher.shelf if self._dispatcher is not None else None, record=record
        )

    @property
    def shelf(self) -> Shelf:
        """What is kept; raise ProcessAway."""
        return self.dispatcher.shelf

    async def run(self) -> None:
        """Work until cancelled; an index that is damaged is set aside, and begun anew."""
        try:
            await self._run()
        except* sqlite3.DatabaseError as failed:
            if any(map(is_damage, leaves(failed))):
                await asyncio.to_thread(set_aside, self.settings.index_file)
            raise

    async def take(self, order: Order) -> Snapshot:
        """Take a picture now, and return what became of it; raise NotTaken where that could not even be noted."""
        try:
            async with asyncio.timeout(order.within_s + SETTLED_WITHIN_S):
                return await self.dispatcher.settled(order)
        except TimeoutError:
            raise NotTaken("too_busy", "other snapshots keep this box busy; try again later") from None

    async def ask(self, orders: Sequence[Order]) -> list[Snapshot]:
        """Note orders for later, and return once nothing can lose them; raise index.QueueFull."""
        rows = await self.shelf.database.run(lambda db: index.ask(db, orders))
        self.dispatcher.load()
        return rows

    async def change_plans(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Change the plans in the index, and follow them."""
        planner = self.planner
        await self.shelf.database.run(work)
        await planner.adopt(await self.shelf.database.read(plans.all_plans))

    async def _run(self) -> None:
        settings = self.settings
        await asyncio.to_thread(settings.folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        async with (
            Database(settings.index_file, migrations) as database,
            aiohttp.ClientSession() as session,
            vision_session(settings.run_folder) as vision,
        ):
            if await database.read(index.is_empty):
                await asyncio.to_thread(clear, settings.folder)
            shelf = Shelf(pictures=PictureFolder(root=settings.folder), database=database)
            key_frames = KeyFrames(settings.run_folder)
            heads = await self._adopted_heads(session, database)
            photographer = Photographer(
                key_frames=key_frames,
                vision=VisionClient(settings.run_folder, session=vision),
                heads=heads,
                camera=self.camera,
                report=self.report,
            )
            dispatcher = Dispatcher(
                photographer=photographer,
                shelf=shelf,
                common=self.common_gates,
                gates=self.gates,
                turns=self._turns,
                at_once=settings.capture.at_once,
                figures=self.figures,
            )
            planner = Planner(put=dispatcher.put, here=lambda point_id: self.camera(point_id) is not None)
            await planner.adopt(await database.read(plans.all_plans))
            self._heads, self._dispatcher, self._planner = heads, dispatcher, planner
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(key_frames.run(), name="key frames for snapshots")
                    group.create_task(heads.run(), name="cameras that go home")
                    watcher = Watcher(heads=heads, watched=self.watched)
                    group.create_task(watcher.run(), name="cameras that are watched")
                    group.create_task(shelf.run(), name="shelf of snapshots")
                    group.create_task(dispatcher.run(), name="snapshots")
                    group.create_task(planner.run(), name="snapshot plans")
                    bounds = Bounds(shelf=shelf, folder=settings.folder, capture=settings.capture)
                    group.create_task(bounds.run(), name="space of snapshots")
                    group.create_task(self._courier(shelf, planner).run(), name="deliveries of snapshots")
                    if self.order_task is not None:
                        analyst = _analyst(shelf, planner, self.order_task)
                        group.create_task(analyst.run(), name="analysis of snapshots")
                    if self.hub is not None:
                        group.create_task(self.hub.follow(planner), name="the hub's snapshot plans")
                        group.create_task(self.hub.tell_forever(shelf), name="words on snapshots")
            finally:
                self._dispatcher = self._planner = self._heads = None

    def _courier(self, shelf: Shelf, planner: Planner) -> Courier:
        return Courier(
            database=shelf.database,
            pictures=shelf.pictures,
            target=planner.target,
            to_this_box=self.settings.capture.deliver_to_this_box,
        )

    async def _adopted_heads(self, session: aiohttp.ClientSession, database: Database) -> Heads:
        """Return what turns cameras; those that a former run has left turned away go home."""

        async def keep_home(point_id: str, home: Position | None) -> None:
            if home is None:
                await database.run(lambda db: homes.forget(db, point_id))
            else:
                await database.run(lambda db: homes.put(db, point_id, home))

        heads = Heads(session=session, camera=self.camera, keep_home=keep_home, views=self.views)
        for point_id, home in (await database.read(homes.homes)).items():
            camera = self.camera(point_id)
            if camera is not None:
                heads.adopt(camera, home)
        return heads

    def _turns(self, point_id: str) -> bool:
        camera = self.camera(point_id)
        return camera is not None and bool(camera.onvif_url)

    def common_gates(self, origin: Origin) -> list[Gate]:
        """Return the gates of the box and, for what plans want, of all plans."""
        per_s = self.settings.capture.per_s
        box = Gate(BOX, Rate(per_s=per_s, burst=max(1.0, per_s / 10)))
        return [box, self.planner.gate] if origin is Origin.PLAN else [box]

    def gates(self, point_id: str) -> list[Gate]:
        """Return the gates of a point's device, which may be a video recorder, and of its network link."""
        camera = self.camera(point_id)
        address = urlsplit(camera.url if camera is not None else "")
        per_s = self.settings.capture.device_per_s
        links = (link for link in self.settings.capture.links if link.leads_to(address.hostname or ""))
        device = _gate(f"device {address.netloc or point_id}", per_s)
        return [device, *(_gate(f"link {link.name}", link.per_s) for link in links)]


def _analyst(shelf: Shelf, planner: Planner, order: OrderTask) -> Analyst:
    return Analyst(database=shelf.database, pictures=shelf.pictures, algorithm=planner.algorithm, order=order)


def _gate(name: str, per_s: float) -> Gate:
    return Gate(name, Rate(per_s=per_s, burst=max(1.0, per_s)))
