"""What the panel does with cameras."""

import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from appliance.agent.plan import LOCAL_PREFIX
from appliance.agent.state import AgentState
from appliance.errors import ProcessAway
from appliance.local import CameraTrial
from appliance.local.trial_client import TrialClient
from appliance.local.vision_client import VisionClient
from appliance.panel.cameras import model
from appliance.store import documents
from appliance.store.results import Doer, record
from federation.http import Page, Problem
from federation.http.drawing import require_scene_drawn
from federation.http.problem import conflict, invalid, not_found
from federation.messages import CameraReport, CameraSpec, CameraState, PictureFault, Scene
from federation.viewing.recordings import RecordingDraft

MOST_LOCAL = 2000
MOST_SCENES = 64


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """The cameras of this box: those that the hub wants, and those that were added here."""

    state: AgentState

    def page(self) -> Page[model.Camera]:
        """Return all cameras with their health."""
        reports = self._reports()
        return Page(items=tuple(self._shown(spec, reports) for spec in self.state.wishes.all_cameras))

    async def add(self, draft: model.CameraDraft, doer: Doer) -> model.Camera:
        """Add a camera on this box."""
        spec = _spec(LOCAL_PREFIX + draft.id, draft, None)
        if self._local(spec.point_id) is not None:
            raise conflict("exists", f"There is a camera {spec.point_id!r} already; change it, or remove it first.")
        await self._keep([spec], doer, "camera.add")
        return self._shown(spec, {})

    async def change(self, point_id: str, draft: model.CameraChange, doer: Doer) -> model.Camera:
        """Change a camera that was added here; an absent password stays as it is."""
        present = self._local(point_id)
        if present is None:
            raise not_found("camera of this box", point_id)
        spec = _spec(point_id, draft, present)
        await self._keep([spec], doer, "camera.change")
        return self._shown(spec, self._reports())

    async def take_in(self, drafts: Sequence[model.CameraDraft], doer: Doer) -> model.Imported:
        """Add or replace cameras of this box, all or none; an absent password of a known one stays as it is."""
        specs = [_spec(LOCAL_PREFIX + draft.id, draft, self._local(LOCAL_PREFIX + draft.id)) for draft in drafts]
        replaced = sum(self._local(spec.point_id) is not None for spec in specs)
        await self._keep(specs, doer, "camera.import")
        return model.Imported(added=len(specs) - replaced, replaced=replaced)

    async def remove(self, point_id: str, doer: Doer) -> None:
        """Remove a camera that was added here; refused while a local task needs it."""
        if any(task.point_id == point_id for task in self.state.wishes.tasks):
            raise conflict("in_use", "A task of this box uses the camera; remove the task first.")

        def work(db: sqlite3.Connection) -> None:
            if not documents.remove_local_camera(db, point_id):
                raise not_found("camera of this box", point_id)
            record(db, doer, "camera.remove", f"camera:{point_id}")

        await self.state.commit(work)
        cameras = tuple(item for item in self.state.wishes.cameras if item.point_id != point_id)
        await self.state.change_local(cameras=cameras)

    async def attempt(self, draft: model.CameraTry) -> model.Tried:
        """Try a camera without adding it, and return its first picture or why there is none."""
        present = self._local(draft.point_id) if draft.point_id else None
        change = model.CameraChange(name="trial", **draft.model_dump(exclude={"point_id"}))
        spec = _spec(present.point_id if present else "trial", change, present)
        try:
            tried = await TrialClient(self.state.config.run_folder).attempt(spec)
        except ProcessAway as error:
            raise Problem(503, "process_away", f"{str(error).capitalize()}.") from error
        return await self._tried(tried)

    async def set_recording(self, point_id: str, draft: RecordingDraft, doer: Doer) -> model.Camera:
        """Say what of a camera is recorded; refused where the hub says it."""
        state = self.state
        camera = next((item for item in state.wishes.all_cameras if item.point_id == point_id), None)
        if camera is None:
            raise not_found("camera", point_id)
        if camera.recording is not None:
            raise conflict("set_by_hub", "The hub says how this camera is recorded; change it in the portal.")
        spec = draft.spec

        def work(db: sqlite3.Connection) -> None:
            documents.put_local_recording(db, point_id, spec)
            record(db, doer, "recording.set", f"camera:{point_id}", spec.model_dump(mode="json"))

        await state.commit(work)
        await state.change_local(recordings={**state.wishes.recordings, point_id: spec})
        return self._shown(camera, self._reports())

    def scenes(self, point_id: str) -> Page[Scene]:
        """Return what was drawn here on what a camera shows."""
        self._known(point_id)
        return Page(items=self.state.wishes.scenes.get(point_id, ()))

    async def set_scene(self, point_id: str, scene: Scene, doer: Doer) -> Scene:
        """Keep what was drawn on one view of a camera; tasks of the point that it changes begin anew."""
        self._known(point_id)
        require_scene_drawn(scene, field="body")
        state = self.state
        others = tuple(each for each in state.wishes.scenes.get(point_id, ()) if each.preset != scene.preset)
        if len(others) >= MOST_SCENES:
            raise conflict("too_many_scenes", f"Draw for at most {MOST_SCENES} views of a camera; clear one first.")

        def work(db: sqlite3.Connection) -> None:
            documents.put_local_scene(db, point_id, scene)
            record(db, doer, "scene.set", f"camera:{point_id}", scene.model_dump(mode="json"))

        await state.commit(work)
        drawn = others if scene.is_empty else (*others, scene)
        await state.change_local(scenes={**state.wishes.scenes, point_id: drawn})
        return scene

    def view(self, point_id: str) -> model.CameraView:
        """Return where a camera looks, as far as that is known."""
        self._known(point_id)
        view = self.state.views.view(point_id)
        if view is None:
            return model.CameraView(turning=False, preset=None)
        return model.CameraView(turning=view.turning, preset=view.preset or None)

    def _known(self, point_id: str) -> None:
        if all(camera.point_id != point_id for camera in self.state.wishes.all_cameras):
            raise not_found("camera", point_id)

    async def picture(self, point_id: str) -> bytes:
        """Return the newest picture of a camera as JPEG."""
        if all(camera.point_id != point_id for camera in self.state.outcome.plan.cameras):
            raise not_found("camera", point_id)
        try:
            content = await VisionClient(self.state.config.run_folder).snapshot(point_id)
        except ProcessAway as error:
            raise Problem(503, "process_away", "The vision process is starting; try again.") from error
        if content is None:
            raise Problem(503, "no_picture", "No picture has arrived from this camera yet.")
        return content

    async def _keep(self, specs: Sequence[CameraSpec], doer: Doer, action: str) -> None:
        """Store cameras of this box, new or changed, and pull them."""
        fresh = {spec.point_id: spec for spec in specs}
        cameras = {camera.point_id: camera for camera in self.state.wishes.cameras} | fresh
        if len(cameras) > MOST_LOCAL:
            raise conflict("too_many_cameras", f"A box takes at most {MOST_LOCAL} cameras of its own.")

        def work(db: sqlite3.Connection) -> None:
            for spec in specs:
                documents.put_local_camera(db, spec)
                record(db, doer, action, f"camera:{spec.point_id}", {"name": spec.name, "url": spec.url})

        await self.state.commit(work)
        await self.state.change_local(cameras=tuple(cameras.values()))

    async def _tried(self, tried: CameraTrial) -> model.Tried:
        picture: bytes | None = None
        faults: tuple[PictureFault, ...] = ()
        if tried.key_frame:
            vision, unit = VisionClient(self.state.config.run_folder), b64decode(tried.key_frame)
            try:
                picture = await vision.jpeg(tried.codec, unit)
                faults = await vision.first_look(tried.codec, unit)
            except ProcessAway as error:
                raise Problem(503, "process_away", "The vision process is starting; try again.") from error
        undecodable = bool(tried.key_frame) and picture is None
        return model.Tried(
            code="undecodable" if undecodable else tried.code,
            detail="a key frame came, and no decoder can show it" if undecodable else tried.detail,
            codec=tried.codec,
            width_px=tried.width_px,
            height_px=tried.height_px,
            transport=tried.transport,
            certificate=tried.certificate,
            faults=faults,
            picture=b64encode(picture).decode() if picture else None,
        )

    def _local(self, point_id: str) -> CameraSpec | None:
        return next((camera for camera in self.state.wishes.cameras if camera.point_id == point_id), None)

    def _reports(self) -> dict[str, CameraReport]:
        return {report.point_id: report for report in self.state.camera_reports()}

    def _shown(self, spec: CameraSpec, reports: Mapping[str, CameraReport]) -> model.Camera:
        unknown = CameraReport(point_id=spec.point_id, state=CameraState.CONNECTING)
        own = self.state.wishes.recordings.get(spec.point_id)
        decoding = self.state.decoding.get(spec.point_id)
        return model.Camera(
            point_id=spec.point_id,
            name=spec.name,
            url=spec.url,
            username=spec.username,
            transport=spec.transport,
            trust=spec.trust,
            pull=spec.pull,
            onvif_url=spec.onvif_url,
            turns=spec.turns,
            still=spec.still,
            local=spec.point_id.startswith(LOCAL_PREFIX),
            report=reports.get(spec.point_id, unknown),
            decoding=None
            if decoding is None
            else model.Decoding.model_validate(decoding.model_dump(include={"level", "decoded", "failed"})),
            recording=spec.recording or own or self.state.default_recording,
            recording_set_by="hub" if spec.recording else "box" if own else "profile",
        )


def _spec(point_id: str, draft: model.CameraChange, present: CameraSpec | None) -> CameraSpec:
    """Return the camera of `draft`; an absent password is that of the `present` camera, which goes to no other host."""
    password = draft.password
    if password is None and present is not None and present.password:
        if (urlsplit(present.url).hostname, present.username) != (urlsplit(draft.url).hostname, draft.username):
            raise invalid("body.password", "give the password again: it was given for another host or user")
        password = present.password
    return CameraSpec(
        point_id=point_id,
        name=draft.name,
        url=draft.url,
        username=draft.username,
        password=password or "",
        transport=draft.transport,
        trust=draft.trust,
        pull=draft.pull,
        onvif_url=draft.onvif_url,
        turns=draft.turns,
        still=draft.still,
    )
