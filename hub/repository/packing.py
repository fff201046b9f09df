"""The desk at which bare models become packages 模型封装: a file and some pictures come, and a package is proposed.

What needs the model runs in a child with bounded memory and time, one at a time. Nothing is kept before a person has
said what the algorithm is called; what is left alone for an hour is forgotten, and so is all of it when the hub ends.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from federation.http import Problem
from federation.http.problem import conflict, invalid, not_found
from federation.messages import new_id
from federation.packages import Manifest, PackageError, open_package
from federation.packages.packing import Packing, pack_model
from hub.repository.chunks import chunks_of
from hub.repository.drafting import finished, proposed
from hub.repository.examiner import Examiner
from hub.repository.model import Algorithm, BareModel, PackageDraft, Recognition
from hub.repository.pictures import media_type
from hub.repository.service import Repository
from hub.repository.templates import packed
from hub.security.audit import Actor
from hub.storage import ContentStore, NoRoom, TooLarge

MOST_MODELS = 4
MOST_WAITING = 64
MOST_PICTURES = 24
LARGEST_PICTURE_BYTES = 16 << 20
IDLE_S = 3600.0
_PACKAGE = "proposed.algpkg"


@dataclass(kw_only=True)
class _Model:
    """A bare model with its folder, which goes with `stack`."""

    id: str
    file_name: str
    size_bytes: int
    folder: Path
    stack: AsyncExitStack
    touched_s: float
    pictures: int = 0
    state: Literal["open", "waiting", "looking", "proposed", "refused"] = "open"
    began_s: float = 0.0
    packing: Packing = field(default_factory=Packing)
    manifest: Manifest | None = None

    def shown(self, now_s: float) -> BareModel:
        """Return it as it goes over the wire."""
        return BareModel(
            id=self.id,
            file_name=self.file_name,
            size_bytes=self.size_bytes,
            pictures=self.pictures,
            state=self.state,
            for_s=round(now_s - self.began_s, 1) if self.state == "looking" else 0.0,
            code=self.packing.code or "",
            detail=self.packing.detail,
            proposed=None if self.manifest is None else proposed(self.manifest, self.packing),
        )


class PackingDesk:
    """Takes bare models in, has them recognised, and makes packages of them."""

    def __init__(self, repository: Repository, store: ContentStore, examiner: Examiner) -> None:
        """Put packages into `repository`; models wait beside those of `store`. `examiner` says whose turn it is."""
        self._repository = repository
        self._store = store
        self._examiner = examiner
        self._models: dict[str, _Model] = {}
        self._arriving = 0
        self._queue: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)  # those that were dropped stand in it still
        self._looking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Look at the models that wait, one after the other, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    model = self._models.get(await self._queue.get())
                    if model is not None and model.state == "waiting":
                        self._looking = group.create_task(self._look(model), name=f"look at model {model.id}")
                        await asyncio.wait([self._looking])
        finally:
            for model_id in list(self._models):
                await self._forget(model_id)

    async def take(self, file_name: str, chunks: AsyncIterator[bytes]) -> BareModel:
        """Keep the file of a model for an hour; raise Problem when it is too large or too many wait."""
        await self._tidy()
        if len(self._models) + self._arriving >= MOST_MODELS:
            raise conflict("too_many_models", f"{MOST_MODELS} models wait to be packed; finish or drop one first.")
        self._arriving += 1
        try:
            model = await self._kept(file_name, chunks)
            self._models[model.id] = model
        finally:
            self._arriving -= 1
        return self._shown(model)

    async def add_picture(self, model_id: str, chunks: AsyncIterator[bytes]) -> BareModel:
        """Add a sample picture, which shows what the model finds; raise Problem for what is no picture."""
        model = self._found(model_id, "open", "refused", "proposed")
        if model.pictures >= MOST_PICTURES:
            raise conflict("too_many_pictures", f"At most {MOST_PICTURES} pictures are looked at.")
        model.pictures += 1
        path = model.folder / "samples" / f"{new_id()}.jpg"  # in order of arrival
        try:
            await self._write(chunks, path, LARGEST_PICTURE_BYTES)
            media_type(await asyncio.to_thread(_beginning, path))
        except BaseException:
            model.pictures -= 1
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        return self._shown(model)

    async def recognise(self, model_id: str, known: Recognition) -> BareModel:
        """Have a model looked at as soon as those before it are done; ask for it by `get`."""
        model = self._found(model_id, "open", "refused", "proposed")
        labels = [label for label in known.labels if label]
        if any("\n" in label for label in labels):
            raise invalid("body.labels", "a label is one line")
        path = model.folder / "labels"
        await asyncio.to_thread(_write_labels, path, labels)
        try:
            self._queue.put_nowait(model.id)
        except asyncio.QueueFull as error:
            raise conflict("too_many_models", "Too many models wait to be looked at; try again in a minute.") from error
        model.state, model.packing, model.manifest = "waiting", Packing(), None
        return self._shown(model)

    async def get(self, model_id: str) -> BareModel:
        """Return how far a model is; raise Problem when it is not here, or no longer."""
        return self._shown(self._found(model_id))

    async def drop(self, model_id: str) -> None:
        """Forget a model, also while it is looked at; raise Problem when it is not here."""
        if self._found(model_id).state == "looking" and self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._forget(model_id)

    async def pack(self, model_id: str, draft: PackageDraft, actor: Actor) -> Algorithm:
        """Make a package of a model that was recognised, and enter it; raise Problem where it cannot be used."""
        model = self._found(model_id, "proposed")
        assert model.manifest is not None  # noqa: S101 - so it is once it is proposed
        try:
            manifest = finished(model.manifest, draft, datetime.now(UTC).date())
        except ValueError as error:
            raise Problem(422, "bad_manifest", f"This makes no package: {error}"[:500]) from error
        path = await asyncio.to_thread(packed, model.folder / _PACKAGE, manifest, model.folder)
        made = await self._repository.add(chunks_of(path), actor)
        await self._forget(model_id)
        return made

    async def _look(self, model: _Model) -> None:
        model.state, model.began_s = "looking", time.monotonic()
        path = model.folder / _PACKAGE
        try:
            async with self._examiner.turn:
                model.packing = await pack_model(model.folder, path, "model")
            if model.packing.code is None:
                model.manifest = (await asyncio.to_thread(open_package, path)).manifest
        except (OSError, PackageError) as error:
            model.packing = Packing(code="packing_failed", detail=str(error)[:2000])
        model.touched_s = time.monotonic()
        model.state = "refused" if model.manifest is None else "proposed"

    async def _kept(self, file_name: str, chunks: AsyncIterator[bytes]) -> _Model:
        stack = AsyncExitStack()
        try:
            folder = await stack.enter_async_context(self._store.workplace())
            size_bytes = await self._write(chunks, folder / "model.onnx", self._store.limit_bytes)
            await asyncio.to_thread((folder / "samples").mkdir)
        except BaseException:
            await stack.aclose()
            raise
        return _Model(
            id=new_id(),
            file_name=file_name,
            size_bytes=size_bytes,
            folder=folder,
            stack=stack,
            touched_s=time.monotonic(),
        )

    async def _write(self, chunks: AsyncIterator[bytes], path: Path, limit_bytes: int) -> int:
        """Write what comes to `path` and return its size; raise Problem."""
        try:
            async with self._store.writing() as writing:
                async for chunk in chunks:
                    if writing.size_bytes + len(chunk) > limit_bytes:
                        raise Problem(413, "too_large", f"This file has more than {limit_bytes} bytes.")
                    await writing.feed(chunk)
                await writing.flush()
                await asyncio.to_thread(os.link, writing.path, path)
                return writing.size_bytes
        except TooLarge as error:
            raise Problem(413, "too_large", f"A model has at most {limit_bytes} bytes.") from error
        except NoRoom as error:
            raise Problem(507, "disk_full", "The disk of the hub is nearly full; make room first.") from error

    def _found(self, model_id: str, *states: str) -> _Model:
        model = self._models.get(model_id)
        if model is None:
            raise not_found("model", model_id[:80])
        if states and model.state not in states:
            raise conflict("model_busy", f"This model is {model.state}; wait until it has been looked at.")
        model.touched_s = time.monotonic()
        return model

    def _shown(self, model: _Model) -> BareModel:
        return model.shown(time.monotonic())

    async def _tidy(self) -> None:
        oldest_s = time.monotonic() - IDLE_S
        for model in list(self._models.values()):
            if model.touched_s < oldest_s and model.state not in {"waiting", "looking"}:
                await self._forget(model.id)

    async def _forget(self, model_id: str) -> None:
        model = self._models.pop(model_id, None)
        if model is not None:
            await model.stack.aclose()


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _write_labels(path: Path, labels: list[str]) -> None:
    if labels:
        path.write_text("\n".join(labels), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)
