"""Brings packages to work, several at once: what hangs while it loads keeps nobody else from loading."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from appliance.analysis.engine.declaration import HeadOf, ModelOf, declared_by
from appliance.analysis.engine.host import HostLost, ModelFails
from appliance.analysis.engine.loaded import LoadedModels
from appliance.analysis.engine.packages import PackageKey, Ready, Unusable
from appliance.analysis.outside.calling import Bound
from appliance.analysis.outside.system import HEAD, OutsideSystem, called
from federation.packages import Manifest, PackageError, open_package
from federation.packages.endpoints import Endpoint


class Loader:
    """Reads packages in the order in which they are asked for, so that memory is given in it; then each loads alone."""

    def __init__(self, models: LoadedModels, systems: Mapping[str, Bound]) -> None:
        """Load into these models; `systems` are those of others by their names."""
        self._models = models
        self._systems = systems
        self._reading = asyncio.Lock()

    async def state_of(self, key: PackageKey, path: Path) -> Ready | Unusable:
        """Return what has become of a package. Cancelled, it ends what it was loading."""
        try:
            async with self._reading:
                package = await asyncio.to_thread(open_package, path)
                endpoint = package.manifest.outside
                kinds = {device.kind for device in self._models.devices}
                asked = await asyncio.to_thread(declared_by, package, kinds) if endpoint is None else endpoint
            if isinstance(asked, Endpoint):
                return await self._attached(key, package.manifest, asked)
            return await self._held(key, package.manifest, *asked)
        except (HostLost, ModelFails) as error:
            return Unusable(reason=_reason(error))
        except (PackageError, ValueError) as error:
            return Unusable(reason=f"package_unusable: {str(error).splitlines()[0][:200]}")

    async def _held(self, key: PackageKey, manifest: Manifest, model: ModelOf, head: HeadOf) -> Ready | Unusable:
        """Have the model of a package loaded, where there is room for it."""
        short = await self._models.hold(key, model, head)
        return Unusable(reason=short) if short else Ready(manifest=manifest, network=model.network, head=head.id)

    async def _attached(self, key: PackageKey, manifest: Manifest, endpoint: Endpoint) -> Ready | Unusable:
        """Have a system of others asked; packages that ask it the same share the answer."""
        bound = self._systems.get(endpoint.system)
        if bound is None:
            return Unusable(
                reason=f"system_unbound: the box's configuration has no [[analysis.systems]] {endpoint.system}"
            )
        name = called(endpoint, manifest.labels)
        try:
            await self._models.attach(name, key, HEAD, lambda: OutsideSystem(name, endpoint, bound, manifest.labels))
        except OSError as error:
            return Unusable(reason=f"system_refuses: {error}")
        return Ready(manifest=manifest, network=name, head=HEAD)


def _reason(error: HostLost | ModelFails) -> str:
    if isinstance(error, HostLost):
        return f"model_crashed: {error}"
    code = error.code if error.code in {"memory_short", "card_fails"} else "package_unusable"
    return f"{code}: {error}"
