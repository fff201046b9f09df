"""Virtual cameras over RTSP: scripted street scenes with their ground truth, or footage from a folder.

fengsui rig serve     serve cameras until it is ended
fengsui rig control   let a camera freeze, lose packets, refuse the password …, or cut its connections
fengsui rig prepare   render or convert clips into the cache
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from hil_tests.rig.cameras import new_credentials
from hil_tests.rig.control import ACTIONS, ask
from hil_tests.rig.errors import FootageError, RigError, SettingError
from hil_tests.rig.footage.conversion import convert, find_footage
from hil_tests.rig.rtsp.challenge import Credentials
from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.rig.scene.clips import render
from hil_tests.rig.station import Settings, Source, run_station

CAMERA_LIMIT = 8
COPIES_LIMIT = 2000


def main(argv: list[str]) -> int:
    """Run `fengsui rig`; return 0, or 2 after one line on stderr for a wrong call."""
    try:
        options = _parser().parse_args(argv)
        match options.command:
            case "serve":
                asyncio.run(_serve(_settings(options)))
            case "prepare":
                _prepare(options)
            case "control":
                print(json.dumps(_control(options), ensure_ascii=False))
    except BrokenPipeError:
        raise  # nobody reads the lines any more; the dispatcher ends in silence
    except (RigError, OSError) as error:
        print(f"fengsui rig: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise SettingError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fengsui rig", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    serve = commands.add_parser("serve", help="serve cameras until it is ended")
    what = serve.add_mutually_exclusive_group()
    what.add_argument("--cameras", type=_count, default=CAMERA_LIMIT, help="scripted cameras, 1 to 8")
    what.add_argument("--footage", type=Path, help="a camera for every video file of this folder")
    serve.add_argument("--copies", type=_copies, default=1, help="cameras for every video file, 1 to 2000")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen at")
    serve.add_argument("--port", type=_port, default=0, help="RTSP port; 0 takes a free one")
    serve.add_argument("--credentials-file", type=Path, required=True, help='JSON: {"username": …, "password": …}')
    serve.add_argument("--cache", type=Path, required=True, help="folder that keeps rendered and converted clips")
    serve.add_argument("--ready-file", type=Path, help="JSON file that tells the port and the cameras")
    serve.add_argument("--control-socket", type=Path, help="Unix socket to make for `fengsui rig control`")
    control = commands.add_parser("control", help="change a camera's behaviour, or cut its connections")
    control.add_argument("--control-socket", type=Path, required=True)
    control.add_argument("action", choices=ACTIONS)
    control.add_argument("camera", nargs="?")
    control.add_argument("behaviour", nargs="*", type=_change, help="for `set`: state=frozen loss=0.05 …")
    prepare = commands.add_parser("prepare", help="render or convert clips into the cache")
    prepare.add_argument("--cache", type=Path, required=True)
    prepare.add_argument("--camera", action="append", default=[], help="a scripted camera, cam1 to cam8")
    prepare.add_argument("--file", action="append", default=[], help="NAME=PATH of a video file")
    return parser


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _control(options: argparse.Namespace) -> dict[str, Any]:
    return ask(options.control_socket, options.action, options.camera, dict(options.behaviour) or None)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= CAMERA_LIMIT:
        raise argparse.ArgumentTypeError(f"must be 1 to {CAMERA_LIMIT}")
    return int(text)


def _copies(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= COPIES_LIMIT:
        raise argparse.ArgumentTypeError(f"must be 1 to {COPIES_LIMIT}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("must be 0 to 65535")
    return int(text)


def _settings(options: argparse.Namespace) -> Settings:
    sources = _footage(options.footage, options.copies) if options.footage else _scripted(options.cameras)
    return Settings(
        sources=sources,
        host=options.host,
        port=options.port,
        credentials=_credentials(options.credentials_file),
        cache=options.cache.resolve(),
        ready_file=options.ready_file.resolve() if options.ready_file else None,
        control_socket=options.control_socket,
    )


def _scripted(count: int) -> tuple[Source, ...]:
    return tuple(
        Source(name=script.name, name_zh=script.name_zh, name_en=script.name_en, script=script)
        for script in scripted_cameras(count)
    )


def _footage(folder: Path, copies: int) -> tuple[Source, ...]:
    return tuple(
        Source(name=f"cam{number}", name_zh=path.stem, name_en=path.stem, footage=path.resolve(), copies=copies)
        for number, path in enumerate(find_footage(folder), start=1)
    )


def _credentials(path: Path) -> Credentials:
    example = new_credentials().username
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        username, password = told["username"], told["password"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingError(f'{path} must hold JSON like {{"username": "{example}", "password": "…"}}') from error
    if not (isinstance(username, str) and isinstance(password, str) and username and len(password) >= 8):
        raise SettingError(f"{path}: user name and password must be text, the password of 8 characters or more")
    if ":" in username or '"' in username:
        raise SettingError(f"{path}: the user name must hold neither colon nor quotation mark")
    return Credentials(username=username, password=password)


def _prepare(options: argparse.Namespace) -> None:
    """Prepare clip after clip, and print one JSON line for each: its path, or why there is none."""
    scripts = {script.name: script for script in scripted_cameras()}
    for name in options.camera:
        if name not in scripts:
            raise SettingError(f"no scripted camera is called {name!r}")
        print(json.dumps({"name": name, "clip": str(render(scripts[name], options.cache))}), flush=True)
    for entry in options.file:
        name, _, path = entry.partition("=")
        try:
            done = {"name": name, "clip": str(convert(Path(path), options.cache))}
        except FootageError as error:
            done = {"name": name, "error": str(error)}
        print(json.dumps(done), flush=True)


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_station(settings, stop, _say)


def _say(line: str) -> None:
    print(f"fengsui rig: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
