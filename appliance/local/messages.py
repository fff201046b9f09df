"""The messages between agent, streams and vision.

The agent serves HTTP on `agent.sock`:

- `GET /plan?after=N` answers the `Plan` once its version exceeds N, or 204 after 20 s.
- `GET /views?after=N` answers the `Views` once their version is another than N, or 204 after 20 s.
- `POST /events` takes up to 100 events with their pictures, as `appliance.local.parcel` packs them; 200 means that
  they are committed in one transaction, so the sender may forget them, but for those that its body, an `Answer`,
  names as refused. A repeat of the same id changes nothing. 507: the disk is full; the sender keeps them and comes
  again.
- `POST /report/streams` takes a `StreamsReport`, `POST /report/vision` a `VisionReport`; 204.

The streams process speaks frames on `streams.sock`. A client sends JSON lines
`{"subscribe": point_id, "level": "keyframe"|"full"|"demux", "credits": n}` (again for the same point:
the level changes, the credit stays), `{"credit": point_id, "n": n}` and `{"unsubscribe": point_id}`. It
gets, per access unit, two big-endian uint32 (length of header, length of payload), a `FrameHeader` as
JSON and the payload. Without credit an access unit is dropped and counted; above level `keyframe`
nothing more comes then until a key frame.

It also serves HTTP on `recorder.sock`: `POST /triggers/{point_id}` says that something happened there now;
`PUT /bookmarks` takes a `Bookmark` (appliance.recording.bookmarks), `DELETE /bookmarks/{id}` lets it go; 204, or 503
while nothing can be recorded.

It also serves HTTP on `trial.sock`: `POST /trials` takes a `CameraSpec`, pulls that camera once, whether it is in the
plan or not, and answers a `CameraTrial`; 429 while too many are being tried.

The vision process serves HTTP on `vision.sock`: `GET /snapshot/{point_id}` answers a JPEG of the
newest key frame, 404 for an unknown point, 503 with a reason while there is no picture; `POST /jpeg?codec=h264`
answers the JPEG of the key access unit in its body, with `full=1` in full resolution, or then of the `region` that a
`Box` as JSON names; `POST /look?codec=h264` a `FirstLook` at its picture; 422 if it cannot be decoded.
`POST /picture?algorithm=&version=` takes a picture file and answers a `PictureVerdict` of that package's model, before
the cameras' frames with `person=1` and else after them; 404 for a model that is not loaded. `POST /film` with `path`
and `every_s` besides answers one a line for pictures of a film on this box, with `after_s` those after that time.
"""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field

from federation.messages import (
    CameraReport,
    CameraSpec,
    Detection,
    PictureFault,
    PictureReport,
    Polygon,
    PresetToken,
    Scenes,
    Slug,
    TaskReport,
    TaskSpec,
    WireModel,
)
from federation.messages.geometry import Share


class DecodeLevel(StrEnum):
    """What a consumer does with a camera's access units, and so which it gets: key frames, or all."""

    DEMUX = "demux"  # all, and none is decoded: recording, live view
    KEYFRAME = "keyframe"
    FULL = "full"


class LocalPackage(WireModel):
    """An algorithm package that is ready on this box; built-in ones have no path."""

    algorithm_id: str
    version: str
    path: Path | None = None
    for_pictures: bool = Field(default=False, description="a snapshot plan needs its model, whatever tasks need")


class Plan(WireModel):
    """What streams and vision shall do; `version` grows with every change."""

    version: int = Field(ge=0)
    cameras: tuple[CameraSpec, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    packages: tuple[LocalPackage, ...] = ()
    scenes: dict[Slug, Scenes] = Field(default_factory=dict, description="what was drawn for a point, beside its tasks")

    @property
    def points_with_presets(self) -> frozenset[str]:
        """The points at which something is drawn for a preset: where their cameras look has to be known."""
        of_points = {point for point, scenes in self.scenes.items() if any(scene.preset for scene in scenes)}
        return frozenset(of_points | {task.point_id for task in self.tasks if task.scenes})


class View(WireModel):
    """What a camera shows since a moment: a preset, or one of the other places at which it has rested, by number."""

    since: AwareDatetime
    turning: bool = False
    preset: str = Field(default="", description="empty: another place, or not known")
    place: int = Field(default=0, ge=0)


class Views(WireModel):
    """Where the cameras look that this box has turned, or that are watched; `version` is another with every change.

    A camera that is not named is where it has always been, as far as anybody knows.
    """

    version: int = Field(ge=0)
    views: dict[Slug, View] = Field(default_factory=dict)


class FrameHeader(WireModel):
    """What stands before an access unit."""

    point_id: Slug
    codec: Literal["h264", "h265", "mjpeg"]
    key: bool
    sequence: int = Field(ge=0, description="of the camera's access units since streams started")
    rtp_time: int = Field(ge=0, description="90 kHz, unwrapped since the session began")
    session: int = Field(ge=1, description="grows with every reconnect of the camera")
    received_at: AwareDatetime
    sent_at: AwareDatetime | None = Field(default=None, description="by the camera's own clock")
    width_px: int = Field(default=0, ge=0, description="of the shown picture, 0 while unknown")
    height_px: int = Field(default=0, ge=0)
    dropped: int = Field(default=0, ge=0, description="access units dropped for want of credit")


class LocalPicture(WireModel):
    """Size of one evidence picture."""

    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)


class LocalEvent(WireModel):
    """An event on its way from vision to the agent, which adds node and evidence references."""

    id: str = Field(description="UUIDv7, made by vision: a repeat is the same event")
    type: str
    time: AwareDatetime = Field(description="when the frame reached the appliance")
    detected_at: AwareDatetime
    point_id: Slug
    task_id: str
    generation: int
    algorithm_id: str
    algorithm_version: str
    score: Share
    detections: tuple[Detection, ...] = ()
    region: Polygon | None = None
    preset: PresetToken | None = Field(default=None, description="at which preset the picture was taken, if at one")
    dwell_s: float = 0.0
    pictures: tuple[LocalPicture, ...] = ()


class Answer(WireModel):
    """What became of a parcel of events: those refused by their place in it, with the reason; the rest is kept."""

    refused: dict[int, str] = Field(default_factory=dict)


class StreamsReport(WireModel):
    """Health of cameras, every second or so and on change: of all, or of those of which there is something new."""

    pid: int
    whole: bool = True
    cameras: tuple[CameraReport, ...]


class CameraDecoding(WireModel):
    """How much of a camera is decoded: every frame where key frames are too rare to judge by."""

    point_id: Slug
    level: DecodeLevel
    gop_s: float = Field(default=0.0, ge=0, description="seconds between key frames, 0 while unknown")
    decoded: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0, description="access units that no decoder could use")


class CameraTrial(WireModel):
    """What one try of a camera brought: a key access unit, or why none came."""

    code: str = Field(default="", description="stable reason, empty where a key frame came")
    detail: str = ""
    codec: str = ""
    width_px: int = 0
    height_px: int = 0
    transport: str = ""
    certificate: str = Field(default="", description="of a camera that is not trusted: sha256: and its fingerprint")
    key_frame: str = Field(default="", repr=False, description="in Base64")


class FirstLook(WireModel):
    """What is suspected of a camera's picture when nothing else is known of it."""

    faults: tuple[PictureFault, ...]


class PartReport(WireModel):
    """A part of a loaded model that is computed by itself, and what it costs: `runs` counts how often it was."""

    role: Literal["model", "backbone", "head", "stage"]
    network: str = Field(description="what the part is: the beginning of a digest")
    packages: tuple[str, ...] = Field(default=(), description="algorithm and version of all that need it")
    declared_mb: int = 0
    runs: int = 0
    ms_per_run: float = 0.0


class ModelReport(WireModel):
    """One loaded model: who shares it, what it costs on this box, and what waits for it."""

    network: str = Field(description="what the model is: the beginning of a digest")
    device: str
    pid: int = Field(default=0, description="its process, 0 while there is none")
    packages: tuple[str, ...] = Field(default=(), description="algorithm and version of all that share it")
    reason: str = Field(default="", description="empty while it works, else a stable code with words")
    memory_mb: float = 0.0
    card_memory_mb: float = Field(default=0.0, description="of the graphics card that it runs on")
    declared_mb: int = 0
    pictures: int = 0
    pictures_per_s: float = 0.0
    ms_per_picture: float = 0.0
    batch_most: int = 1
    batch_mean: float = 0.0
    parts: tuple[PartReport, ...] = Field(default=(), description="the model itself, or a backbone and its heads")
    waiting: int = 0
    oldest_s: float = 0.0
    dropped: dict[str, int] = Field(default_factory=dict, description="frames that it never saw, by reason")
    restarts: int = 0
    provider: str = Field(default="", description="what computes it: CPU, CUDA or TensorRT")
    plain: str = Field(
        default="", description="why it does not run by TensorRT though that is here: a stable code with words"
    )
    gave_up: int = Field(default=0, description="how often it went back from TensorRT to CUDA")


class CardReport(WireModel):
    """One graphics card of this box as its driver describes it now, and what the engine does there."""

    device: str
    name: str
    is_used: bool = Field(description="whether models run on it; if not, why is in the log of vision")
    memory_mb: int
    used_mb: int = Field(description="by everything that uses the card")
    busy_percent: int
    models: int = 0
    failing: int = Field(default=0, description="how many of its models do not work now")
    pictures_per_s: float = 0.0


class EngineReport(WireModel):
    """What the engine holds, and what became of packages that it does not hold."""

    devices: tuple[str, ...] = ()
    cards: tuple[CardReport, ...] = ()
    memory_mb: int = Field(default=0, description="what all models may take together")
    models: tuple[ModelReport, ...] = ()
    loading: tuple[str, ...] = ()
    unusable: dict[str, str] = Field(default_factory=dict, description="reason by algorithm and version")
    next_tries_s: dict[str, float] = Field(
        default_factory=dict, description="in how many seconds those are tried again by themselves; others never are"
    )


class VisionReport(WireModel):
    """State of every task, what decoding and judging cost, and what was found at pictures since the last report."""

    pid: int
    tasks: tuple[TaskReport, ...]
    frames_decoded: int = 0
    frames_dropped: int = 0
    events_dropped: int = Field(default=0, description="events that the agent did not take in time")
    decoding: tuple[CameraDecoding, ...] = ()
    pictures: dict[Slug, PictureReport] = Field(default_factory=dict, description="by camera")
    engine: EngineReport = EngineReport()
