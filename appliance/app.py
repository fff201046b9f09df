"""The agent process put together: the only place that knows every part of it."""

import asyncio
import hmac
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from appliance.agent import local_api
from appliance.agent.door import door
from appliance.agent.exchange import Exchange
from appliance.agent.membership import Membership
from appliance.agent.neighbourhood import Neighbourhood
from appliance.agent.set_aside import part_with_pictures
from appliance.agent.state import AgentState
from appliance.agent.sweeping import Sweeper
from appliance.artifacts.pacing import Pacing
from appliance.artifacts.sharing import sharing_routes
from appliance.capture import api as capture_api
from appliance.capture.desk import Desk, Settings
from appliance.capture.hub_side import HubSide
from appliance.capture.planning import Plans
from appliance.capture.service import Snapshots
from appliance.config import Config, read_token
from appliance.errors import ProcessAway
from appliance.local.recorder_client import RecorderClient
from appliance.local.vision_client import VisionClient
from appliance.panel import api as panel_api
from appliance.panel import exchange_api
from appliance.panel.cameras import api as cameras_api
from appliance.panel.cameras.service import Cameras
from appliance.panel.devices import api as devices_api
from appliance.panel.devices.service import Devices
from appliance.panel.models import api as models_api
from appliance.panel.models.jobs import Jobs
from appliance.panel.service import PanelService
from appliance.playback import api as playback_api
from appliance.playback.catalogue import Catalogue
from appliance.playback.player import Player
from appliance.playback.service import Recordings
from appliance.store import results
from appliance.store.damage import check, outliving
from appliance.store.database import Database
from appliance.store.lane_memory import LaneMemory, log_is_gone
from appliance.store.log_check import log_is_spoilt
from appliance.store.people import ROLES, PanelAccounts, PanelSessions
from appliance.store.reserve import Reserve
from appliance.store.results import Doer, record
from appliance.viewing import api as viewing_api
from appliance.viewing.api import LiveView, StillAllowed
from appliance.viewing.channels import Channels
from federation.http import Access, Api, Call, Principal, Routes, make_app
from federation.http.broken_requests import BrokenRequests
from federation.http.listening import listen
from federation.http.sign_in import SignIn, SignInOutcome
from federation.http.single_page import SinglePage
from federation.identity import Account, Attempts, Passwords, first_password
from federation.messages import ArtifactState, CameraReport, ReportedState, Result, new_id
from federation.private_files import write_private

log = logging.getLogger(__name__)

MEASURE_EVERY_S = 5.0
RESTART_PAUSE_S = 2.0
METRICS = "metrics"
COOKIE = "fengsui_panel_session"
STATIC = Path(__file__).parent / "panel" / "static"


async def run(config: Config) -> None:
    """Run the agent until cancelled; a database that turns out damaged is set aside, and a new one is begun."""
    await asyncio.to_thread(config.run_folder.mkdir, parents=True, exist_ok=True, mode=0o700)
    await outliving(config.database_file, lambda: _run(config))


async def _run(config: Config) -> None:
    reserve = Reserve(file=config.data_folder / "reserve")
    await asyncio.to_thread(reserve.release_where_full)
    log_gone = await asyncio.to_thread(log_is_gone, config.lanes_file, config.database_file)
    if log_gone:
        await asyncio.to_thread(check, config.database_file)
    log_spoilt = await asyncio.to_thread(log_is_spoilt, config.database_file)
    if log_spoilt:
        log.error("the log of the database is spoilt: what was written last is missing from it, and told as a gap")
    async with Database(config.database_file) as database:
        memory = LaneMemory(config.lanes_file, database)
        await memory.recall(log_gone=log_gone or log_spoilt)
        await part_with_pictures(database, config.pictures_folder)
        state = AgentState(config, database, unwritten_since=lambda: memory.unwritten_since)
        memory.changed = state.report_changes.note
        await state.load()
        membership = Membership(state)
        await membership.load()
        neighbourhood = Neighbourhood(state, membership, parts=_shared(state))
        parts = _parts(state, membership, neighbourhood)
        sweeper = Sweeper(state, reserve, has_hub=lambda: parts.has_hub)
        video = parts.video
        try:
            async with (
                local_api.serving(state),
                _panel(state, parts),
                door(_for_the_hub(state, parts), config.run_folder),
                asyncio.TaskGroup() as group,
            ):
                group.create_task(database.until_damaged(), name="damage")
                group.create_task(_kept_up(membership.run, "membership"), name="membership")
                group.create_task(_kept_up(neighbourhood.run, "neighbourhood"), name="neighbourhood")
                group.create_task(_kept_up(parts.exchange.run, "exchange"), name="exchange")
                group.create_task(_kept_up(state.keep_fences, "fences"), name="fences")
                group.create_task(_kept_up(lambda: _measure(state), "gauge"), name="gauge")
                group.create_task(_kept_up(sweeper.run, "sweep"), name="sweep")
                group.create_task(_kept_up(memory.run, "memory of the lanes"), name="lanes")
                group.create_task(_kept_up(lambda: _tell_recorder(state), "recording of events"), name="happenings")
                group.create_task(_kept_up(video.channels.run, "live view"), name="live view")
                group.create_task(_kept_up(video.desk.run, "snapshots"), name="snapshots")
                group.create_task(_kept_up(parts.jobs.run, "picture tasks"), name="picture tasks")
                group.create_task(_kept_up(parts.jobs.callbacks.run, "callbacks"), name="callbacks")
                if parts.jobs.queue.exists:
                    group.create_task(_kept_up(parts.jobs.queue.run, "results queue"), name="results queue")
        finally:
            video.recordings.player.close()
            if not database.is_damaged:
                await state.ended()
                await memory.keep(closed=True)


def _shared(state: AgentState) -> tuple[Routes, ...]:
    """Return what boxes of the same hub may ask of this one."""
    config = state.config.artifacts
    pacing = Pacing(lambda _at: config.neighbours_kbps)
    return (sharing_routes(state.holdings, pacing),) if config.neighbours else ()


def openapi_document() -> dict[str, object]:
    """Return the OpenAPI document of the panel, without a database or a network."""
    config = Config(profile="analysis", data_folder=Path("data"), run_folder=Path("run"))
    state = AgentState(config, Database(config.database_file))
    membership = Membership(state)
    return _api(state, _parts(state, membership, Neighbourhood(state, membership)), Passwords()).openapi()


@dataclass(frozen=True, kw_only=True)
class Video:
    """Recordings and live views, the same for people at the panel and for the hub; and what takes snapshots."""

    recordings: Recordings
    channels: Channels
    desk: Desk
    picture: Callable[[str], Awaitable[bytes]]
    report: Callable[[str], CameraReport | None]

    def routes(self, still_allowed: StillAllowed) -> tuple[Routes, ...]:
        """Return the operations; a live view ends once `still_allowed` says no."""
        live = LiveView(channels=self.channels, picture=self.picture, report=self.report, still_allowed=still_allowed)
        return playback_api.routes(self.recordings), viewing_api.routes(live)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the panel shows of this box."""

    panel: PanelService
    exchange: Exchange
    video: Video
    devices: Devices
    jobs: Jobs

    @property
    def has_hub(self) -> bool:
        """Whether a hub will ask for what this box holds, by network or by files."""
        return self.panel.membership.identity is not None or self.exchange.partner is not None


def _parts(state: AgentState, membership: Membership, neighbourhood: Neighbourhood) -> Parts:
    panel = PanelService(state=state, membership=membership, neighbourhood=neighbourhood)
    jobs = Jobs(state)
    video = _video(state, panel, jobs)
    snapshots = membership.snapshots = video.desk.owed_pictures(state.database)
    devices = Devices(state=state, desk=video.desk)
    exchange = Exchange(state, membership, snapshots)
    return Parts(panel=panel, exchange=exchange, video=video, devices=devices, jobs=jobs)


def _for_the_hub(state: AgentState, parts: Parts) -> tuple[Routes, ...]:
    """Return what the hub may ask of this box through the tunnel."""
    return (
        *parts.video.routes(_always),
        devices_api.turning_routes(parts.devices),
        models_api.task_routes(state, parts.jobs),
        capture_api.taking_routes(Snapshots(desk=parts.video.desk, camera=state.camera)),
    )


@dataclass(frozen=True, kw_only=True)
class PanelAuthenticator:
    """Recognises people by their session, and the metrics collector by its token."""

    sign_in: SignIn
    metrics_token: str | None

    async def authenticate(self, request: web.Request) -> Principal | None:
        """Return the caller, or None."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.metrics_token and hmac.compare_digest(given.encode(), self.metrics_token.encode()):
            permissions = frozenset({METRICS})
            return Principal(kind="scraper", id="metrics", name="metrics", permissions=permissions)
        return await self.sign_in.authenticate(request)


def _api(state: AgentState, parts: Parts, passwords: Passwords) -> Api:
    async def noted(outcome: SignInOutcome) -> None:
        log.info("%s of %s from %s", outcome.action, outcome.username, outcome.peer)
        doer = Doer(kind="user", name=outcome.username, peer=outcome.peer)
        subject = f"user:{outcome.username}"
        detail = {"reason": outcome.reason} if outcome.reason else {}
        await state.commit(lambda db: record(db, doer, outcome.action, subject, detail, succeeded=outcome.succeeded))
        if outcome.action == "password.changed":
            await asyncio.to_thread(state.config.first_password_file.unlink, missing_ok=True)

    snapshots = Snapshots(desk=parts.video.desk, camera=state.camera)
    sign_in = SignIn(
        accounts=PanelAccounts(database=state.database),
        sessions=PanelSessions(database=state.database),
        passwords=passwords,
        on_sign_in=noted,
        cookie=COOKIE,
        https=state.config.panel.https,
    )
    return Api(
        title="Fengsui appliance",
        version="1",
        parts=(
            sign_in.routes(),
            panel_api.routes(parts.panel),
            cameras_api.routes(Cameras(state=state)),
            devices_api.routes(parts.devices),
            devices_api.turning_routes(parts.devices),
            models_api.routes(state),
            models_api.task_routes(state, parts.jobs),
            exchange_api.routes(parts.exchange),
            *parts.video.routes(lambda call: sign_in.still_signed_in(call.request)),
            capture_api.taking_routes(snapshots),
            capture_api.routes(
                snapshots,
                Plans(desk=parts.video.desk, camera=state.camera, holds=parts.jobs.holds, note=parts.panel.note),
            ),
            _metrics(state),
        ),
        authenticator=PanelAuthenticator(sign_in=sign_in, metrics_token=read_token(state.config)),
    )


@asynccontextmanager
async def _panel(state: AgentState, parts: Parts) -> AsyncIterator[None]:
    """Serve the panel, and say in the run folder where it answers."""
    config, passwords = state.config, Passwords()
    await _first_account(state, passwords)
    app = make_app(_api(state, parts, passwords))
    SinglePage(folder=STATIC, title="设备面板").add_to(app)
    runner = web.AppRunner(app, access_log=None, logger=BrokenRequests(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await listen(web.TCPSite(runner, config.panel.host, config.panel.port))
        port = runner.addresses[0][1]
        membership = parts.panel.membership
        membership.panel_url = f"http://{config.panel.host}:{port}"
        note = json.dumps({"url": membership.panel_url, "port": port})
        await asyncio.to_thread(write_private, config.panel_note, note)
        yield
    finally:
        await asyncio.to_thread(config.panel_note.unlink, missing_ok=True)
        await runner.cleanup()


async def _first_account(state: AgentState, passwords: Passwords) -> None:
    accounts = PanelAccounts(database=state.database)
    if not await accounts.is_empty():
        return
    password = first_password()
    await accounts.add(
        Account(
            id=new_id(),
            username="admin",
            display_name="管理员",
            role="operator",
            permissions=ROLES["operator"],
            password_hash=await passwords.hash(password),
            must_change_password=True,
            attempts=Attempts(),
        )
    )
    await asyncio.to_thread(write_private, state.config.first_password_file, password + "\n")


def _video(state: AgentState, panel: PanelService, jobs: Jobs) -> Video:
    config = state.config
    catalogue = Catalogue(index_file=config.recordings_index_file, folder=config.recordings_folder)
    recordings = Recordings(
        player=Player(catalogue=catalogue),
        recorder=RecorderClient(config.run_folder),
        marks=panel.marks,
        to_jpeg=VisionClient(config.run_folder).jpeg,
        note=panel.note,
    )
    return Video(
        recordings=recordings,
        channels=Channels(config.run_folder),
        desk=Desk(
            settings=Settings.of(config),
            camera=state.camera,
            report=state.camera_report,
            hub=_hub_side(state),
            order_task=jobs.analyse,
            views=state.views,
            watched=lambda: state.outcome.plan.points_with_presets,
        ),
        picture=Cameras(state=state).picture,
        report=state.camera_report,
    )


def _hub_side(state: AgentState) -> HubSide:
    async def tell(words: Sequence[Result]) -> None:
        def work(db: sqlite3.Connection) -> None:
            for word in words:
                results.tell(db, word)

        await state.commit(work)

    return HubSide(
        plans=lambda: state.wishes.capture_plans, changes=state.wish_changes, tell=tell, record=state.database
    )


async def _always(_call: Call) -> bool:
    return True


def _metrics(state: AgentState) -> Routes:
    part = Routes(tag="metrics")

    @part.get("/metrics", access=Access(permission=METRICS), produces="text/plain")
    async def metrics(call: Call) -> web.StreamResponse:  # noqa: ARG001 - every route may take its call
        """Give the figures in Prometheus' text form."""
        registry = CollectorRegistry()
        report = await state.report()
        for name, words, value in (
            ("fengsui_cameras", "cameras pulled", len(report.cameras)),
            ("fengsui_tasks", "tasks of the plan", len(report.tasks)),
            ("fengsui_outbox_backlog", "rows not acknowledged", sum(x.backlog for x in report.lanes)),
            ("fengsui_evidence_backlog", "pictures not stored at the hub", report.evidence_backlog),
            ("fengsui_restarts", "unplanned restarts of processes", report.restarts),
            ("fengsui_artifacts_missing", "packages and files that are wanted and not here", _missing(report)),
            ("fengsui_neighbour_failures", "chunks that neighbours did not give as asked", _failures(state)),
        ):
            Gauge(name, words, registry=registry).set(value)
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    return part


def _missing(report: ReportedState) -> int:
    return sum(artifact.state is not ArtifactState.HELD for artifact in report.artifacts)


def _failures(state: AgentState) -> int:
    return state.neighbour_failures.total()


async def _measure(state: AgentState) -> None:
    while True:
        await state.measure()
        await asyncio.sleep(MEASURE_EVERY_S)


async def _tell_recorder(state: AgentState) -> None:
    """Tell the recorder of every event at a camera that it records; one that it does not hear is over."""
    recorder = RecorderClient(state.config.run_folder)
    while True:
        point_id = await state.happened.next()
        if state.records(point_id):
            try:
                await recorder.trigger(point_id)
            except ProcessAway as error:
                log.warning("the recorder does not hear of an event at %s: %s", point_id, error)


async def _kept_up(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Run `work` for ever; what fails is logged and started again after a pause."""
    while True:
        try:
            await work()
        except Exception:  # a supervisor: one part's failure must not take the box down
            log.exception("%s failed; it starts again", name)
        await asyncio.sleep(RESTART_PAUSE_S)
