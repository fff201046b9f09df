"""One run of the demo, from empty folders to the closing figures."""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from federation.testing.ports import reserved
from federation.testing.waiting import wait_until
from hil_tests.demo import measure, provision
from hil_tests.demo.cameras import Camera, Rig, control, read_rig
from hil_tests.demo.errors import DemoError, NotReady
from hil_tests.demo.figures import Figures
from hil_tests.demo.hub_console import HubConsole
from hil_tests.demo.scene import score_events
from hil_tests.demo.site import PROFILES, Site, choose_portal_port
from hil_tests.demo.supervision import FENGSUI, Supervisor, supervised

READY_WITHIN_S = 180.0  # two busy cores
STREAMS_WITHIN_S = 180.0
RIG_WITHIN_S = 300.0  # a first run renders and encodes its clips
FIRST_EVENT_WITHIN_S = 180.0
POLL_S = 0.2
DETECTOR = "fengsui.street_objects"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the caller of `fengsui demo` asked for."""

    footage: Path | None
    model: Path | None
    for_s: float | None
    port: int | None
    cameras: int
    cache: Path
    keep: Path | None


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A running demo: its site, supervisor, hub and cameras, and where to tell people things."""

    site: Site
    supervisor: Supervisor
    hub: HubConsole
    rig: Rig
    kinds_by_task: Mapping[str, str]
    since: datetime
    began: float
    say: Say

    def first_event_s(self) -> float | None:
        """Wait for the first event; return the seconds since the start, None if none came."""
        while time.monotonic() < self.began + FIRST_EVENT_WITHIN_S:
            self.supervisor.check()
            if self.hub.get("/api/v1/overview")["events_total"]:
                elapsed = round(time.monotonic() - self.began, 1)
                self.say(f"first event after {elapsed} s")
                return elapsed
            time.sleep(POLL_S)
        self.say(f"no event after {FIRST_EVENT_WITHIN_S:.0f} s; see the logs in {self.site.logs}")
        return None

    def watch(self, for_s: float | None) -> None:
        """Return after `for_s` seconds of full operation, or never; Ctrl-C raises KeyboardInterrupt."""
        self._wait_for_streams()
        ends = None if for_s is None else time.monotonic() + for_s
        while ends is None or time.monotonic() < ends:
            self.supervisor.check()
            time.sleep(POLL_S)

    def _wait_for_streams(self) -> None:
        # On a busy machine cameras come up one by one; what never comes up is a complaint of the figures.
        deadline = time.monotonic() + STREAMS_WITHIN_S
        while time.monotonic() < deadline:
            live, total = measure.live_streams(self.hub)
            if live == total:
                return
            self.supervisor.check()
            time.sleep(POLL_S)

    def figures(self, first_event_s: float | None) -> Figures:
        """Stop all tasks, let everything arrive, and read the figures."""
        streams, until = measure.live_streams(self.hub), datetime.now(UTC)
        measure.settle(self.hub)
        scene = score_events(
            self.hub.every("/api/v1/events"),
            rig=self.rig,
            kinds_by_task=self.kinds_by_task,
            since=self.since,
            until=until,
        )
        return measure.read(
            self.hub,
            streams=streams,
            first_event_s=first_event_s,
            restarts=measure.restarts(self.site),
            scene=scene,
        )

    def behave(self, camera: Camera, **behaviour: Any) -> None:
        """Let a virtual camera behave otherwise: `state="frozen"`, `loss=0.05` and so on, as the rig knows it."""
        control(self.site.rig_control, camera, behaviour)

    def bring_detector(self) -> None:
        """Let the detector that ships with the product look at every scripted camera, once the hub has tried it."""
        scripted = [camera for camera in self.rig.cameras if camera.truth_file is not None]
        if scripted:
            algorithm = wait_until(self._detector, within_s=READY_WITHIN_S, what="the hub offers the detector")
            provision.create_tasks(self.hub, provision.wishes_for_model(scripted, algorithm))

    def _detector(self) -> Any:
        found = self.hub.every("/api/v1/algorithms", text=DETECTOR)
        return next((item for item in found if item["id"] == DETECTOR), None)

    def banner(self) -> None:
        """Tell people where to look and how to sign in."""
        self.say("")
        self.say(f"  门户 Portal           {self.site.portal_url}")
        self.say("  用户 User             admin")
        self.say(f"  首次密码 Password     {self.site.first_password()}   (you then choose your own)")
        for profile in PROFILES:
            url = self.site.panel_url(profile)
            self.say(f"  面板 Panel            {url}   {provision.NODE_NAMES[profile]}")
        self.say(f"  日志 Logs             {self.site.logs}")
        self.say("  Ctrl-C ends everything.\n")


def prepare(
    options: Options, site: Site, supervisor: Supervisor, hub: HubConsole, say: Say
) -> tuple[Rig, dict[str, str]]:
    """Let the nodes join; make points and tasks for every virtual camera.

    Returns the cameras, and what each scripted task shall find.
    """
    package = _package(options, site, say)
    _wait_for_hub(site, hub)
    provision.invite_nodes(hub, site)
    rig = _wait_for_rig(site, supervisor)
    provision.create_points(hub, rig)
    return rig, provision.create_tasks(hub, _wishes(hub, rig, package))


def _wishes(hub: HubConsole, rig: Rig, package: Path | None) -> list[provision.Wish]:
    scripted = provision.wishes_for_scene(rig.cameras)
    if package is None:
        return scripted + provision.wishes_for_footage(rig.cameras)
    algorithm = hub.upload("/api/v1/algorithms", package)
    return scripted + provision.wishes_for_model(rig.cameras, algorithm)


def _package(options: Options, site: Site, say: Say) -> Path | None:
    if options.model is None:
        return None
    say(f"making an algorithm package of {options.model} …")
    target = site.root / "detector.algpkg"
    samples = [] if options.footage is None else ["--samples", str(options.footage)]
    command = [FENGSUI, "package", "from-onnx", str(options.model), *samples, "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise DemoError(done.stderr.strip() or "the model could not be made a package")
    return target


def _wait_for_hub(site: Site, hub: HubConsole) -> None:
    try:
        hub.wait_until_ready(within_s=READY_WITHIN_S)
    except NotReady as error:
        msg = "\n".join([str(error), site.last_words("hub"), site.last_words("broker")])
        raise NotReady(msg) from None


def _wait_for_rig(site: Site, supervisor: Supervisor) -> Rig:
    deadline = time.monotonic() + RIG_WITHIN_S
    while not site.rig_ready.exists():
        supervisor.check()
        if time.monotonic() > deadline:
            msg = f"the virtual cameras did not come up; see {site.logs / 'rig.log'}"
            raise NotReady(msg)
        time.sleep(POLL_S)
    return read_rig(site)


@contextmanager
def started(options: Options, say: Say) -> Iterator[Demo]:
    """Run a whole demo, with nodes, points and tasks, for as long as the context is open."""
    began = time.monotonic()
    with _root(options.keep) as root, reserved(6) as (spare, rig_port, node_port, *broker_ports):
        portal = choose_portal_port(options.port, otherwise=spare)
        first, second, third = broker_ports
        site = Site(
            root=root,
            portal_port=portal,
            node_port=node_port,
            broker_ports=(first, second, third),
            rig_port=rig_port,
        )
        site.write()
        say("starting the hub, three appliances and their cameras …")
        rig_command = _rig_command(site, options)
        with supervised(site, rig_command) as supervisor, HubConsole(site.console) as hub:
            rig, kinds_by_task = prepare(options, site, supervisor, hub, say)
            yield Demo(
                site=site,
                supervisor=supervisor,
                hub=hub,
                rig=rig,
                kinds_by_task=kinds_by_task,
                since=datetime.now(UTC),
                began=began,
                say=say,
            )


def run(options: Options, say: Say) -> Figures:
    """Run the demo until its time is over; return the figures. Ctrl-C ends all and goes on up."""
    with started(options, say) as demo:
        demo.banner()
        first_event_s = demo.first_event_s()
        if options.model is None:
            demo.bring_detector()
        demo.watch(options.for_s)
        return demo.figures(first_event_s)


def _rig_command(site: Site, options: Options) -> list[str]:
    secret = json.dumps({"username": "camera", "password": secrets.token_urlsafe(12)})
    descriptor = os.open(site.rig_credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret)
    source = ["--cameras", str(options.cameras)]
    if options.footage is not None:
        source = ["--footage", str(options.footage.resolve())]
    return [
        *(FENGSUI, "rig", "serve", "--port", str(site.rig_port), "--ready-file", str(site.rig_ready)),
        *("--credentials-file", str(site.rig_credentials), "--cache", str(options.cache)),
        *("--control-socket", str(site.rig_control), *source),
    ]


@contextmanager
def _root(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    root = Path(tempfile.mkdtemp(prefix="fengsui-"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)
