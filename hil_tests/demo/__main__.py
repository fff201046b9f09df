"""Start the whole system on this machine: a hub, three appliances, virtual cameras."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import NoReturn

from hil_tests.demo.errors import DemoError
from hil_tests.demo.figures import Figures
from hil_tests.demo.measure import table
from hil_tests.demo.run import Options, run

VIDEO_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".ts")


def main(argv: list[str]) -> int:
    """Run `fengsui demo`; return 0 when all was well, 1 when not, 2 for a wrong call."""
    try:
        options = _options(argv)
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job is born with SIGINT ignored
            signal.signal(number, signal.default_int_handler)
        result = run(options, _silent if "--json" in argv else _print)
        return _report(result, as_json="--json" in argv)
    except DemoError as error:
        print(f"fengsui demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def _report(result: Figures, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(result.as_json(), ensure_ascii=False), flush=True)
    else:
        print("\n".join([*table(result), *result.complaints()]), flush=True)
    return 1 if result.complaints() else 0


def _print(line: str) -> None:
    print(line, flush=True)


def _silent(_line: str) -> None:
    """Say nothing: a headless run prints its figures only."""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise DemoError(message)


def _options(argv: list[str]) -> Options:
    parser = _Parser(prog="fengsui demo", description=__doc__)
    parser.add_argument("--footage", type=Path, help="make a camera of every video file in a folder")
    parser.add_argument("--model", type=Path, help="bind this ONNX detector to every camera")
    parser.add_argument("--for", dest="for_s", type=float, help="end after so many seconds and report")
    parser.add_argument("--json", action="store_true", help="print one JSON object as last line")
    parser.add_argument("--port", type=int, help="the portal's port; 0 takes a free one (default: 8080 if free)")
    parser.add_argument("--cameras", type=int, default=8, help="scripted cameras, 1 to 8")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path.home() / ".cache" / "fengsui",
        help="where rendered clips are kept between runs",
    )
    parser.add_argument("--keep", type=Path, help="keep all data and logs in this folder")
    given = parser.parse_args(argv)
    _check(given)
    return Options(
        footage=given.footage,
        model=given.model,
        for_s=given.for_s,
        port=given.port,
        cameras=given.cameras,
        cache=given.cache,
        keep=given.keep,
    )


def _check(given: argparse.Namespace) -> None:
    if given.for_s is not None and not 0 < given.for_s <= 86400:
        raise DemoError("--for takes seconds from 1 to 86400")
    if given.json and given.for_s is None:
        raise DemoError("--json needs an end: add --for SECONDS")
    if given.port is not None and not 0 <= given.port <= 65535:
        raise DemoError("--port takes a number from 0 to 65535")
    if not 1 <= given.cameras <= 8:
        raise DemoError("--cameras takes a number from 1 to 8")
    if given.footage is not None and not _has_video(given.footage):
        raise DemoError(f"--footage: {given.footage} is no folder with {', '.join(VIDEO_SUFFIXES)}")
    if given.model is not None and not given.model.is_file():
        raise DemoError(f"--model: there is no file {given.model}")


def _has_video(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in VIDEO_SUFFIXES for path in folder.iterdir())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
