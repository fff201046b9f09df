"""A peer that shares no code with us: GStreamer's RTSP server, run by Debian's own Python, which alone can load it."""

import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hil_tests.rig.errors import FootageError
from hil_tests.rig.rtsp.challenge import Credentials

SYSTEM_PYTHON = "/usr/bin/python3"
_END_WITHIN_S = 10.0


@dataclass(frozen=True, kw_only=True)
class ForeignServer:
    """A running server: rtsp://127.0.0.1:`port`/NAME."""

    port: int
    credentials: Credentials

    def url(self, name: str) -> str:
        """Return the address of a camera, without user and password."""
        return f"rtsp://127.0.0.1:{self.port}/{name}"


@contextmanager
def foreign_server(files: Mapping[str, Path]) -> Iterator[ForeignServer]:
    """Serve MP4 files once each from their beginning while the body runs; blocks until it listens.

    A name that holds `265` is one of H.265; one that holds `inband` repeats its parameter sets in the stream.
    """
    account = Credentials(username="viewer", password=secrets.token_hex(8))
    entries = [f"{name}={path}" for name, path in files.items()]
    program = Path(__file__).with_name("gst_rtsp_server.py")
    with subprocess.Popen(
        [SYSTEM_PYTHON, str(program), account.username, account.password, *entries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.strip().isdigit():
                raise FootageError("GStreamer's RTSP server does not start; is gir1.2-gst-rtsp-server-1.0 installed?")
            yield ForeignServer(port=int(line), credentials=account)
        finally:
            process.terminate()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
