"""The hub put together: the only place that knows every part. Nothing is touched before a part starts."""

import asyncio
import functools
import importlib.metadata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

import hub.artifacts.api
import hub.captures.api
import hub.cascade.api
import hub.custody.api
import hub.events.api
import hub.exchange.api
import hub.fleet.api
import hub.monitoring.api
import hub.opening.api
import hub.overview.api
import hub.pictures.api
import hub.points.api
import hub.portal
import hub.portal.live
import hub.repository.api
import hub.scheduling.api
import hub.security.api
import hub.tracing.api
import hub.video.api
from federation.artifacts import PACKAGE_KIND
from federation.http import Access, Api, Problem, Routes
from federation.identity import Passwords
from federation.messages import SNAPSHOT_GONE_RESULT, SNAPSHOT_RESULT, Lane
from federation.packages.archive import SIZE_LIMIT_BYTES
from hub.artifacts.service import Artifacts
from hub.captures.keeping import CaptureKeeping
from hub.captures.service import CapturePlans
from hub.captures.taker import CaptureTaker, GoneTaker
from hub.cascade.follower import CascadeFollower
from hub.cascade.service import Cascade
from hub.cascade.upper import Upper
from hub.config import HubConfig
from hub.custody.by_type import ByType
from hub.custody.figures import custody_figures
from hub.custody.service import Custody, TakesNothing
from hub.database import Database
from hub.database.upgrade import is_current
from hub.events.figures import event_figures
from hub.events.ingest import EventTaker, Followers
from hub.events.latency import LatencyWindow
from hub.events.pictures import LARGEST_BYTES, Pictures
from hub.events.service import EventLog
from hub.exchange.admission import Admission
from hub.exchange.service import Exchange
from hub.fleet.broker_endpoints import BrokerEndpoints
from hub.fleet.certificates import Issuer
from hub.fleet.claiming import Claiming
from hub.fleet.enrolment import Throttle
from hub.fleet.figures import fleet_figures
from hub.fleet.joining import Address, Joining
from hub.fleet.policies import Policies
from hub.fleet.service import Fleet
from hub.fleet.waiting import Waiting
from hub.foundation import Foundation, Ports, lay
from hub.metrics import Figures, exposition
from hub.monitoring.service import Monitor
from hub.opening.service import Feeds, Opening
from hub.overview.service import OverviewDesk
from hub.pictures.service import PictureTasks
from hub.points.service import Points
from hub.repository.editing import EditingDesk
from hub.repository.event_codes import EventCodeDesk
from hub.repository.examiner import Examiner
from hub.repository.groups import GroupDesk
from hub.repository.licences import LicenceDesk
from hub.repository.packing import PackingDesk
from hub.repository.pictures import PackagePictures
from hub.repository.service import Repository
from hub.repository.starters import Starters
from hub.repository.templates import TemplateDesk
from hub.scheduling.placement import FirstFit
from hub.scheduling.service import Scheduler
from hub.security.authenticator import METRICS
from hub.security.results import ResultTaker
from hub.security.service import Security
from hub.serving import in_url
from hub.storage import ContentStore
from hub.tracing.service import Tracer
from hub.video.calls import Calls
from hub.video.figures import video_figures
from hub.video.relays import Relays
from hub.video.service import Video

TITLE = "Fengsui hub"
VERSION = "1"
SOFTWARE = importlib.metadata.version("fengsui")  # read once: it lies on the disk
LOOK_AT_CERTIFICATES_EVERY_S = 3600.0
CAN_SCRAPE = Access(permission=METRICS)

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One feature: its routes for people and for nodes, what it reads first, what runs beside requests, its figures."""

    name: str
    routes: tuple[Routes, ...] = ()
    node_routes: tuple[Routes, ...] = ()
    start: Step | None = None
    run: Step | None = None
    figures: Figures | None = None


@dataclass(frozen=True, kw_only=True)
class Hub:
    """All parts of one hub, ready to be started."""

    foundation: Foundation
    security: Security
    fleet: Fleet
    joining: Joining
    parts: tuple[Part, ...]

    @property
    def api(self) -> Api:
        """The HTTP API of all parts, for people, applications and collectors."""
        routes = tuple(routes for part in self.parts for routes in part.routes)
        return Api(title=TITLE, version=VERSION, parts=routes, authenticator=self.foundation.authenticator)

    @property
    def node_api(self) -> Api:
        """The HTTP API of all parts for nodes."""
        routes = tuple(routes for part in self.parts for routes in part.node_routes)
        authenticator = self.foundation.node_authenticator
        return Api(title=f"{TITLE}: nodes", version=VERSION, parts=routes, authenticator=authenticator)


def assemble(config: HubConfig, database: Database, ports: Ports) -> Hub:
    """Return all parts of the hub, wired; nothing is read or written yet."""
    security = Security(
        database=database, passwords=Passwords(), first_password_file=config.data_folder / "first-password"
    )
    foundation = lay(config, database, security, ports)
    fleet = Fleet(
        database=database,
        roster=foundation.roster,
        desired=foundation.desired,
        admission=foundation.admission,
        live=foundation.live,
        watch=foundation.watch,
        key_file=config.signing_key_file,
    )
    joining = _joining(foundation)
    claiming = Claiming(database=database, joining=joining)
    waiting = Waiting(
        roster=foundation.roster, enabled=config.discovery.enabled, interfaces=config.discovery.interfaces
    )
    policies = Policies(
        database=database,
        roster=foundation.roster,
        desired=foundation.desired,
        silence_s=config.fleet.silence_s,
    )
    parts = [
        Part(
            name="security",
            routes=(foundation.sign_in.routes(), hub.security.api.routes(security)),
            start=security.start,
        ),
        Part(
            name="fleet",
            routes=(hub.fleet.api.routes(fleet, joining, claiming, waiting, policies),),
            node_routes=(hub.fleet.api.node_routes(fleet, joining),),
            start=fleet.start,
            run=foundation.watch.run,
            figures=functools.partial(
                fleet_figures,
                roster=foundation.roster,
                link=foundation.link,
                watch=foundation.watch,
                authenticator=foundation.node_authenticator,
                refusals=foundation.node_refusals,
                joining=joining,
                claiming=claiming,
                live=foundation.live,
            ),
        ),
        Part(name="waiting", run=waiting.run),
        Part(name="authority", run=functools.partial(_keep_certificates_fresh, foundation)),
        Part(name="policies", start=policies.start, run=policies.run),
        Part(name="own", start=functools.partial(foundation.own.load, database)),
        *_feature_parts(foundation),
    ]
    parts.append(Part(name="health", routes=(_health(foundation, parts),)))
    return Hub(foundation=foundation, security=security, fleet=fleet, joining=joining, parts=tuple(parts))


def openapi_document(config: HubConfig) -> dict[str, object]:
    """Return the OpenAPI document of the hub; no database is opened."""
    nowhere = Ports(nodes=0, broker=BrokerEndpoints(nodes=(), subscribers=(), hub=()))
    return assemble(config, Database("sqlite:///:memory:"), nowhere).api.openapi()


async def _clear(*stores: ContentStore) -> None:
    """Remove what a hub that was killed has left on its way into the stores."""
    for store in stores:
        await asyncio.to_thread(store.clear)


def _upper(foundation: Foundation, pictures: ContentStore) -> Upper:
    config, http = foundation.config, foundation.config.http
    scheme = "http" if http.certificate_file is None else "https"
    return Upper(
        folder=config.data_folder / "upper",
        database=foundation.database,
        pictures=pictures,
        own=foundation.own,
        software=SOFTWARE,
        portal_url=f"{scheme}://{in_url(config.public_host)}:{http.port}" if http.port else "",
    )


def _joining(foundation: Foundation) -> Joining:
    config = foundation.config
    return Joining(
        database=foundation.database,
        roster=foundation.roster,
        admission=foundation.admission,
        issuer=Issuer(authority=foundation.authority, valid=timedelta(days=config.nodes.certificate_days)),
        throttle=Throttle(per_minute=config.fleet.enrolments_per_minute),
        address=Address(
            hub_name=config.name,
            hub_url=f"https://{in_url(config.public_host)}:{foundation.ports.nodes}",
            brokers=foundation.ports.broker.nodes,
        ),
        signing_key=lambda: foundation.desired.public_key,
        hub_id=lambda: foundation.own.hub_id,
    )


async def _keep_certificates_fresh(foundation: Foundation) -> None:
    """Renew the certificate of the servers before it runs out, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_AT_CERTIFICATES_EVERY_S)
        fresh = await asyncio.to_thread(foundation.authority.refresh_server, datetime.now(UTC))
        if fresh is not None:
            foundation.authority.show_server(fresh)
            await foundation.admission.apply()


def _feature_parts(foundation: Foundation) -> Sequence[Part]:
    """Return the features, in the order of their start."""
    database, roster, live, link = foundation.database, foundation.roster, foundation.live, foundation.link
    data = foundation.config.data_folder
    packages = ContentStore(data / "packages", limit_bytes=SIZE_LIMIT_BYTES)
    picture_store = ContentStore(data / "pictures", limit_bytes=LARGEST_BYTES)
    pictures = Pictures(database, picture_store, live)
    artifacts = Artifacts(database, roster, {PACKAGE_KIND: packages}, sign=foundation.desired.signed)
    examiner = Examiner(foundation.config.signers_folder)
    repository = Repository(database, packages, examiner, added=artifacts.wake)
    packing = PackingDesk(repository, packages, examiner)
    scheduler = Scheduler(
        database=database,
        roster=roster,
        desired=foundation.desired,
        repository=repository,
        live=live,
        placer=FirstFit(),
        silent_s=foundation.watch.silent_s,
    )
    licences = LicenceDesk(
        database,
        repository,
        signers_folder=foundation.config.signers_folder,
        authorities=foundation.config.licence_authorities,
        changed=scheduler.wake,
    )
    points = Points(database, roster, changed=scheduler.wake)
    opening = Opening(
        database=database,
        link=link,
        admission=foundation.admission,
        authority=foundation.authority,
        brokers=foundation.ports.broker.subscribers,
    )
    foundation.authenticator.accept_tokens(opening.resolve_token)
    foundation.authenticator.accept_passwords(opening.resolve_password)
    upper = _upper(foundation, picture_store)
    cascade = Cascade(
        database=database,
        upper=upper,
        roster=roster,
        own=foundation.own,
        own_ca=lambda: foundation.authority.ca,
    )
    latency = LatencyWindow()
    desk = OverviewDesk(
        database=database, roster=roster, repository=repository, scheduler=scheduler, latency=latency, live=live
    )
    roster.when_changed(lambda _node_id: desk.wake())

    def events_changed() -> None:
        opening.wake()
        desk.wake()
        upper.wake()

    feeds = Feeds()
    own = foundation.own
    event_taker = EventTaker(
        repository=repository,
        live=live,
        follower=Followers((feeds, CascadeFollower())),
        latency=latency,
        committed=events_changed,
        hub_id=lambda: own.hub_id,
    )
    custody = Custody(
        database=database,
        link=link,
        # A row of evidence says that its picture was stored here before: a restored cursor asks for that again.
        takers={
            Lane.EVENTS: event_taker,
            Lane.RESULTS: ByType(
                rest=ResultTaker(), special={SNAPSHOT_RESULT: CaptureTaker(), SNAPSHOT_GONE_RESULT: GoneTaker()}
            ),
            Lane.EVIDENCE: TakesNothing(),
        },
        is_enrolled=roster.admits,
    )
    exchange = Exchange(
        config=foundation.config.exchange,
        folder=data / "exchange",
        own=own,
        database=database,
        roster=roster,
        watch=foundation.watch,
        custody=custody,
        pictures=pictures,
        desired=foundation.desired,
    )
    admission = Admission(database=database, roster=roster, exchange=exchange)
    event_log = EventLog(database=database, repository=repository, live=live, follower=feeds, committed=events_changed)
    monitor = Monitor(database=database, link=link, knows=roster.admits)
    tracer = Tracer(roster=roster, stored=lambda: event_taker.tally.events, published=lambda: opening.published)
    calls = Calls(link)
    video = Video(database=database, roster=roster, calls=calls)
    relays = Relays(calls, video.pulling_node)
    return (
        Part(
            name="artifacts",
            routes=(hub.artifacts.api.routes(artifacts),),
            node_routes=(hub.artifacts.api.node_routes(artifacts),),
            run=artifacts.run,
        ),
        Part(name="storage", start=functools.partial(_clear, packages, picture_store)),
        Part(
            name="repository",
            routes=(
                hub.repository.api.routes(
                    repository, TemplateDesk(repository, packages), PackagePictures(repository, packages), licences
                ),
                hub.repository.api.editing_routes(
                    EditingDesk(database, repository), EventCodeDesk(database, repository)
                ),
                hub.repository.api.group_routes(GroupDesk(database, repository)),
                hub.repository.api.packing_routes(packing),
            ),
            start=repository.load,
            run=packing.run,
            figures=licences.figures,
        ),
        Part(
            name="starters",
            run=Starters(database, repository, packages).offer if foundation.config.offer_shipped else None,
        ),
        Part(name="points", routes=(hub.points.api.routes(points, pictures),)),
        Part(
            name="captures",
            routes=(hub.captures.api.routes(CapturePlans(database, repository, changed=scheduler.wake)),),
            run=CaptureKeeping(database=database, store=picture_store, bounds=foundation.config.captures).run,
        ),
        Part(name="scheduling", routes=(hub.scheduling.api.routes(scheduler),), run=scheduler.run),
        Part(
            name="events",
            routes=(hub.events.api.routes(event_log, pictures, repository),),
            node_routes=(hub.events.api.node_routes(pictures),),
            figures=functools.partial(event_figures, event_taker.tally, pictures),
        ),
        Part(
            name="custody",
            routes=(hub.custody.api.routes(custody),),
            run=custody.run,
            figures=functools.partial(custody_figures, custody.tally),
        ),
        Part(
            name="exchange",
            routes=(hub.exchange.api.routes(exchange, admission),),
            start=exchange.start,
            run=exchange.run,
            figures=exchange.figures,
        ),
        Part(
            name="cascade",
            routes=(hub.cascade.api.routes(cascade),),
            start=upper.start,
            run=upper.run,
            figures=cascade.figures,
        ),
        Part(
            name="opening",
            routes=(hub.opening.api.routes(opening),),
            run=opening.run,
            figures=opening.figures,
        ),
        Part(name="overview", routes=(hub.overview.api.routes(desk),), run=desk.run),
        Part(
            name="monitoring",
            routes=(hub.monitoring.api.routes(monitor, roster),),
            run=monitor.run,
            figures=monitor.figures,
        ),
        Part(name="tracing", routes=(hub.tracing.api.routes(tracer),), run=tracer.run),
        Part(
            name="video",
            routes=(hub.video.api.routes(video, relays, foundation.sign_in.still_signed_in),),
            node_routes=(hub.video.api.node_routes(calls),),
            run=relays.run,
            figures=functools.partial(video_figures, relays),
        ),
        Part(
            name="pictures",
            routes=(hub.pictures.api.routes(PictureTasks(database=database, roster=roster, calls=calls)),),
        ),
        Part(name="portal", routes=(hub.portal.live.routes(live, foundation.sign_in.still_signed_in),)),
    )


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
