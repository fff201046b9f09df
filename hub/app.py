"""The hub put together: the only place that knows every part.

`assemble` builds the parts without touching disk or network; `open_hub` makes them work.
"""

import asyncio
import functools
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web

import hub.custody.api
import hub.events.api
import hub.fleet.api
import hub.opening.api
import hub.overview.api
import hub.points.api
import hub.portal
import hub.portal.live
import hub.repository.api
import hub.scheduling.api
import hub.security.api
import hub.tracing.api
from federation.bus import BrokerAddress
from federation.http import Access, Api, Problem, Routes, make_app
from federation.http.sign_in import SignIn
from federation.http.single_page import SinglePage
from federation.identity import LockoutRule, Passwords, SessionLimits
from federation.messages import Lane
from federation.messages.calendar import known_zones
from federation.packages.archive import SIZE_LIMIT_BYTES
from firmware_profiles.profile import load_all
from hub.config import HubConfig
from hub.custody.figures import custody_figures
from hub.custody.service import Custody, TakesNothing
from hub.database import Database
from hub.database.upgrade import is_current, upgrade
from hub.events.figures import event_figures
from hub.events.ingest import EventTaker
from hub.events.latency import LatencyWindow
from hub.events.pictures import LARGEST_BYTES, Pictures
from hub.events.service import EventLog
from hub.fleet.broker_accounts import BrokerAccounts
from hub.fleet.broker_files import HUB_USERNAME, hub_password
from hub.fleet.broker_process import broker_port
from hub.fleet.desired import DesiredPublisher
from hub.fleet.enrolment import Throttle, new_token
from hub.fleet.link import Link
from hub.fleet.roster import Roster
from hub.fleet.service import Fleet
from hub.fleet.watching import Watch
from hub.live import LiveFeed
from hub.metrics import Figure, Figures, exposition
from hub.opening.service import Feeds, Opening
from hub.overview.service import OverviewDesk
from hub.points.service import Points
from hub.private_files import read_secret, write_private
from hub.repository.service import Repository
from hub.scheduling.placement import FirstFit
from hub.scheduling.service import Scheduler
from hub.security.accounts import AccountTable, SessionTable
from hub.security.authenticator import METRICS, HubAuthenticator, scraper_by
from hub.security.results import ResultTaker
from hub.security.service import Security
from hub.storage import ContentStore
from hub.tracing.service import Tracer

log = logging.getLogger(__name__)

TITLE = "Fengsui hub"
VERSION = "1"
RESTART_PAUSE_S = 1.0
LONGEST_RESTART_PAUSE_S = 30.0
STOP_WITHIN_S = 3.0
CAN_SCRAPE = Access(permission=METRICS)

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One feature: its routes, what it reads before the first request, what runs beside requests, its figures."""

    name: str
    routes: tuple[Routes, ...] = ()
    start: Step | None = None
    run: Step | None = None
    figures: Figures | None = None


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What every part may ask for."""

    config: HubConfig
    database: Database
    live: LiveFeed
    link: Link
    broker_accounts: BrokerAccounts
    desired: DesiredPublisher
    roster: Roster
    watch: Watch
    sign_in: SignIn
    authenticator: HubAuthenticator
    mqtt_port: int


@dataclass(frozen=True, kw_only=True)
class Hub:
    """All parts of one hub, ready to be started."""

    foundation: Foundation
    security: Security
    fleet: Fleet
    parts: tuple[Part, ...]

    @property
    def api(self) -> Api:
        """The HTTP API of all parts."""
        routes = tuple(routes for part in self.parts for routes in part.routes)
        return Api(title=TITLE, version=VERSION, parts=routes, authenticator=self.foundation.authenticator)


@dataclass(frozen=True, kw_only=True)
class RunningHub:
    """A hub that serves; `url` is where portal and API answer."""

    hub: Hub
    url: str


def assemble(config: HubConfig, database: Database, *, mqtt_port: int) -> Hub:
    """Return all parts of the hub, wired; nothing is read or written yet."""
    security = Security(
        database=database, passwords=Passwords(), first_password_file=config.data_folder / "first-password"
    )
    foundation = _foundation(config, database, security, mqtt_port)
    fleet = Fleet(
        database=database,
        roster=foundation.roster,
        desired=foundation.desired,
        accounts=foundation.broker_accounts,
        live=foundation.live,
        throttle=Throttle(per_minute=config.fleet.enrolments_per_minute),
        hub_name=config.name,
        mqtt_host=config.mqtt_host,
        mqtt_port=mqtt_port,
    )
    foundation.authenticator.accept_tokens(fleet.resolve_token)
    parts = [
        Part(
            name="security",
            routes=(foundation.sign_in.routes(), hub.security.api.routes(security)),
            start=security.start,
        ),
        Part(
            name="fleet",
            routes=(hub.fleet.api.routes(fleet),),
            start=fleet.start,
            run=foundation.watch.run,
            figures=functools.partial(_fleet_figures, foundation),
        ),
        *_feature_parts(foundation),
    ]
    parts.append(Part(name="health", routes=(_health(foundation, parts),)))
    return Hub(foundation=foundation, security=security, fleet=fleet, parts=tuple(parts))


def _feature_parts(foundation: Foundation) -> Sequence[Part]:
    """Return the features, in the order of their start."""
    database, roster, live, link = foundation.database, foundation.roster, foundation.live, foundation.link
    data = foundation.config.data_folder
    packages = ContentStore(data / "packages", limit_bytes=SIZE_LIMIT_BYTES)
    pictures = Pictures(database, ContentStore(data / "pictures", limit_bytes=LARGEST_BYTES), live)
    repository = Repository(database, packages)
    scheduler = Scheduler(
        database=database,
        roster=roster,
        desired=foundation.desired,
        repository=repository,
        live=live,
        placer=FirstFit(),
    )
    points = Points(database, roster, changed=scheduler.wake)
    opening = Opening(
        database=database,
        link=link,
        accounts=foundation.broker_accounts,
        mqtt_host=foundation.config.mqtt_host,
        mqtt_port=foundation.mqtt_port,
    )
    foundation.authenticator.accept_tokens(opening.resolve_token)
    foundation.authenticator.accept_passwords(opening.resolve_password)
    latency = LatencyWindow()
    desk = OverviewDesk(
        database=database, roster=roster, repository=repository, scheduler=scheduler, latency=latency, live=live
    )
    roster.when_changed(lambda _node_id: desk.wake())

    def events_changed() -> None:
        opening.wake()
        desk.wake()

    feeds = Feeds()
    event_taker = EventTaker(
        repository=repository, live=live, follower=feeds, latency=latency, committed=events_changed
    )
    custody = Custody(
        database=database,
        link=link,
        # A row of evidence says that its picture was stored here before: a restored cursor asks for that again.
        takers={Lane.EVENTS: event_taker, Lane.RESULTS: ResultTaker(), Lane.EVIDENCE: TakesNothing()},
        is_enrolled=lambda node_id: roster.get(node_id) is not None,
    )
    event_log = EventLog(database=database, repository=repository, live=live, follower=feeds, committed=events_changed)
    tracer = Tracer(roster=roster, stored=lambda: event_taker.tally.events, published=lambda: opening.published)
    return (
        Part(name="repository", routes=(hub.repository.api.routes(repository),), start=repository.load),
        Part(name="points", routes=(hub.points.api.routes(points, pictures),)),
        Part(name="scheduling", routes=(hub.scheduling.api.routes(scheduler),), run=scheduler.run),
        Part(
            name="events",
            routes=(hub.events.api.routes(event_log, pictures, repository),),
            figures=functools.partial(event_figures, event_taker.tally, pictures),
        ),
        Part(
            name="custody",
            routes=(hub.custody.api.routes(custody),),
            figures=functools.partial(custody_figures, custody.tally),
        ),
        Part(
            name="opening",
            routes=(hub.opening.api.routes(opening),),
            run=opening.run,
            figures=opening.figures,
        ),
        Part(name="overview", routes=(hub.overview.api.routes(desk),), run=desk.run),
        Part(name="tracing", routes=(hub.tracing.api.routes(tracer),), run=tracer.run),
        Part(name="portal", routes=(hub.portal.live.routes(live, foundation.sign_in.still_signed_in),)),
    )


def _foundation(config: HubConfig, database: Database, security: Security, mqtt_port: int) -> Foundation:
    link, roster = Link(), Roster()
    sign_in = SignIn(
        accounts=AccountTable(database, security.forget_first_password),
        sessions=SessionTable(database),
        passwords=security.passwords,
        on_sign_in=security.audit_sign_in,
        limits=SessionLimits(
            idle=timedelta(seconds=config.sessions.idle_timeout_s), longest=timedelta(seconds=config.sessions.longest_s)
        ),
        rule=LockoutRule(failures=config.sessions.failures, pause=timedelta(seconds=config.sessions.lockout_s)),
        https=config.http.secure_cookies,
    )
    accounts = BrokerAccounts(database, config.broker_folder)
    # A change that was written while the broker started may have been missed by it.
    link.when_connected(accounts.apply)
    desired = DesiredPublisher(database, link)
    return Foundation(
        config=config,
        database=database,
        live=LiveFeed(),
        link=link,
        broker_accounts=accounts,
        desired=desired,
        roster=roster,
        watch=Watch(database=database, link=link, roster=roster, silence_s=config.fleet.silence_s, heed=desired.heed),
        sign_in=sign_in,
        authenticator=HubAuthenticator(sign_in),
        mqtt_port=mqtt_port,
    )


@asynccontextmanager
async def open_hub(config: HubConfig, *, idle: frozenset[str] = frozenset()) -> AsyncIterator[RunningHub]:
    """Run a hub for as long as the context is open: database, link, all parts, HTTP and console.

    Parts named in `idle` answer requests, and do nothing of themselves.
    """
    secrets = await asyncio.to_thread(_prepare_folders, config)
    database = await asyncio.to_thread(Database, config.database)
    try:
        await upgrade(database)
        built = assemble(config, database, mqtt_port=secrets.mqtt_port)
        built.foundation.authenticator.accept_tokens(scraper_by(secrets.metrics_token))
        for part in built.parts:
            if part.start is not None:
                await part.start()
        await built.foundation.broker_accounts.apply()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(keep_running(part.name, part.run), name=part.name)
                for part in built.parts
                if part.run is not None and part.name not in idle
            ]
            address = BrokerAddress(
                host=_connectable(config.broker.host),
                port=secrets.mqtt_port,
                username=HUB_USERNAME,
                password=secrets.broker_password,
            )
            link_forever = functools.partial(built.foundation.link.run, address)
            tasks.append(group.create_task(keep_running("link", link_forever), name="link"))
            try:
                async with _serving(built) as url:
                    yield RunningHub(hub=built, url=url)
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await database.close()


async def keep_running(name: str, run: Step) -> None:
    """Run `run` until cancelled; start it again, after a growing pause, whenever it fails."""
    pause_s = RESTART_PAUSE_S
    while True:
        try:
            return await run()
        except Exception:  # the supervisor of a part: the others go on, the log has the trace
            log.exception("part %s failed; it starts again in %.0f s", name, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_RESTART_PAUSE_S)


@dataclass(frozen=True, kw_only=True)
class _Secrets:
    mqtt_port: int
    broker_password: str
    metrics_token: str


def _prepare_folders(config: HubConfig) -> _Secrets:
    for folder in (config.data_folder, config.sockets, config.broker_folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config.sockets.chmod(0o700)  # the console's lock: only the owner may enter
    load_all()  # read profiles and time zones here, not within the event loop
    known_zones()
    return _Secrets(
        mqtt_port=broker_port(config),
        broker_password=hub_password(config.broker_folder),
        metrics_token=read_secret(config.data_folder / "metrics-token", make=lambda: new_token("fsm_")),
    )


@asynccontextmanager
async def _serving(built: Hub) -> AsyncIterator[str]:
    """Serve the API by TCP and on the console's socket; yield the URL of the first."""
    config = built.foundation.config
    app = make_app(built.api)
    SinglePage(folder=Path(hub.portal.__file__).parent / "static", title="门户").add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S)
    await runner.setup()
    try:
        await _listen_on_console(runner, config.console_socket)
        site = web.TCPSite(runner, config.http.host, config.http.port)
        await site.start()
        port = runner.addresses[-1][1]
        url = f"http://{_connectable(config.http.host)}:{port}"
        told = json.dumps({"url": url, "port": port, "pid": os.getpid()})
        await asyncio.to_thread(write_private, config.sockets / "hub.json", told)
        log.info("hub serves at %s", url)
        yield url
    finally:
        await runner.cleanup()
        await asyncio.to_thread(config.console_socket.unlink, missing_ok=True)


async def _listen_on_console(runner: web.AppRunner, path: Path) -> None:
    with suppress(FileNotFoundError):
        await asyncio.to_thread(path.unlink)
    await web.UnixSite(runner, str(path)).start()
    await asyncio.to_thread(path.chmod, 0o600)


def _connectable(host: str) -> str:
    """Return an address to connect to for one that was listened on."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared only


def _health(foundation: Foundation, parts: Sequence[Part]) -> Routes:
    routes = Routes(tag="health")
    sources = [part.figures for part in parts if part.figures is not None]

    @routes.get("/metrics", access=CAN_SCRAPE, produces="text/plain")
    async def metrics() -> web.Response:
        """Give the figures in Prometheus' text format."""
        return web.Response(body=exposition(sources), headers={"Content-Type": "text/plain; version=0.0.4"})

    @routes.get("/readyz", access=CAN_SCRAPE)
    async def readyz() -> web.Response:
        """Say whether database, schema and broker work."""
        schema = await is_current(foundation.database)
        if not schema or not foundation.link.connected:
            raise Problem(503, "not_ready", "no link to the broker" if schema else "the schema is not the newest")
        return web.json_response({"status": "ready"})

    return routes


def _fleet_figures(foundation: Foundation) -> list[Figure]:
    nodes, link = foundation.roster.all(), foundation.link
    return [
        Figure(name="nodes", help="Enrolled nodes", value=len(nodes)),
        Figure(name="nodes_online", help="Nodes that are online", value=sum(node.online for node in nodes)),
        Figure(name="link_up", help="1 while the broker is connected", value=float(link.connected)),
        Figure(name="messages_received", help="MQTT messages received", value=link.received, counter=True),
        Figure(name="messages_malformed", help="MQTT messages ignored", value=link.malformed, counter=True),
        Figure(name="messages_failed", help="MQTT messages that a part failed on", value=link.failed, counter=True),
        Figure(name="messages_dropped", help="MQTT messages without room", value=link.dropped, counter=True),
        Figure(name="live_viewers", help="Open portal pages", value=foundation.live.viewers),
        Figure(name="live_dropped", help="Notices lost by slow pages", value=foundation.live.dropped, counter=True),
    ]


def openapi_document(config: HubConfig) -> dict[str, object]:
    """Return the OpenAPI document of the hub; no database is opened."""
    return assemble(config, Database("sqlite:///:memory:"), mqtt_port=0).api.openapi()
