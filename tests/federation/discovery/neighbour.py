"""A box of its own for tests: advertises `KIND NAME`, or browses `KIND` and prints what it knows as JSON."""

import asyncio
import json
import sys

from federation.discovery import Service, open_mdns


async def advertise(kind: str, name: str) -> None:
    service = Service(kind=kind, name=name, port=8443, properties={"hub": "city"})
    async with open_mdns(look_every_s=0.2) as mdns, mdns.advertise(service):
        await asyncio.to_thread(sys.stdin.readline)


async def browse(kind: str) -> None:
    async with open_mdns() as mdns, mdns.browse(kind) as seen:
        while True:
            known = seen.changes
            print(json.dumps({service.name: service.addresses for service in seen.services}), flush=True)
            while not await seen.changed(known, within_s=60):
                pass


if __name__ == "__main__":
    asyncio.run(browse(sys.argv[2]) if sys.argv[1] == "browse" else advertise(sys.argv[2], sys.argv[3]))
