"""Run and command an appliance: pulls cameras, runs algorithms, keeps its own record."""

import argparse
import importlib
import json
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from appliance.config import Config, example, load
from appliance.errors import ApplianceError, BadConfiguration
from appliance.local.process import run_until_signal
from appliance.supervision import configuration, programs
from federation.cycles import look_seldom, undisturbed
from federation.identity.bundle import read_bundle
from federation.identity.errors import BundleUnusable, IdentityError
from federation.private_files import write_private

USAGE_ERROR = 2


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise BadConfiguration(message)


def main(argv: list[str]) -> int:
    """Run one command of the appliance; return the exit status."""
    try:
        options = _parser().parse_args(argv)
        return int(options.command(options) or 0)
    except (ApplianceError, IdentityError) as error:
        print(f"fengsui appliance: {error}", file=sys.stderr)
        return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fengsui appliance", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    configured = _Parser(add_help=False)
    configured.add_argument("--config", type=Path, required=True, help="the appliance's TOML file")

    init = commands.add_parser("init", parents=[configured], help="write a configuration file")
    init.add_argument("--profile", default="analysis", help="firmware profile")
    init.add_argument("--data-folder", type=Path, default=Path("appliance-data"))
    init.set_defaults(command=_init)
    for name in ("agent", "streams", "vision"):
        process = commands.add_parser(name, parents=[configured], help=f"run the process {name}")
        process.set_defaults(command=_run_process, process=name)
    run = commands.add_parser("run", parents=[configured], help="run all under supervisord")
    run.set_defaults(command=_run)
    enrol = commands.add_parser("enrol", parents=[configured], help="let the box join a hub by an enrolment bundle")
    enrol.add_argument("--bundle", type=Path, required=True, help="the file that the hub has made")
    enrol.set_defaults(command=_enrol)
    commands.add_parser("openapi", help="print the OpenAPI document").set_defaults(command=_openapi)
    supervision = commands.add_parser("supervision", parents=[configured], help="print supervisord's sections")
    supervision.add_argument("--prefix", default="", help="what program names begin with")
    supervision.add_argument("--logs", type=Path, help="folder for the logs")
    supervision.set_defaults(command=_supervision)
    return parser


def _init(options: argparse.Namespace) -> None:
    path: Path = options.config
    data: Path = options.data_folder
    text = example(profile=options.profile, data_folder=data, run_folder=data / "run", panel_port=8090)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadConfiguration(f"{path} is there already; remove it first, or edit it") from error
    except OSError as error:
        raise BadConfiguration(f"cannot write {path}: {error.strerror}") from error
    load(path)
    print(f"wrote {path}; now: fengsui appliance run --config {path}")


def _run_process(options: argparse.Namespace) -> None:
    config = load(options.config)
    _prepare(config)
    # Each process loads only what it needs: streams must never load a decoder.
    if options.process == "agent":
        agent = _load("appliance.app")
        run_until_signal(lambda: agent.run(config))
        return
    if options.process == "streams":
        streams = _load("appliance.streams.app")
        recordings = _load("appliance.recording.recorder").Settings.of(config)
        look_seldom()
        run_until_signal(
            lambda: streams.run(run_folder=config.run_folder, footage=config.footage_folder, recordings=recordings)
        )
        return
    vision = _load("appliance.analysis.app")
    settings = _load("appliance.analysis.settings").Settings.of(config)
    run_until_signal(lambda: vision.run(run_folder=config.run_folder, settings=settings))


def _load(module: str) -> ModuleType:
    with undisturbed():
        return importlib.import_module(module)


def _run(options: argparse.Namespace) -> NoReturn:
    config = load(options.config)
    _prepare(config)
    path = config.run_folder / "supervisord.conf"
    path.write_text(configuration(options.config, config.run_folder), encoding="utf-8")
    os.execv(sys.executable, [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(path)])  # noqa: S606


def _enrol(options: argparse.Namespace) -> None:
    config = load(options.config)
    try:
        bundle = read_bundle(options.bundle.read_bytes())
    except OSError as error:
        raise BadConfiguration(f"cannot read {options.bundle}: {error.strerror}") from error
    except BundleUnusable as error:
        raise BadConfiguration(f"{options.bundle}: {error}") from error
    if bundle.profile != config.profile:
        raise BadConfiguration(f"the bundle is for a box of the profile {bundle.profile!r}, this is {config.profile!r}")
    if config.identity_file.exists():
        raise BadConfiguration("the box has joined a hub; use the panel to join another")
    write_private(config.pending_bundle_file, bundle.to_text())
    print(f"the box joins {bundle.hub_name} as soon as it reaches {bundle.hub_url}; its panel says how far it is")


def _openapi(_options: argparse.Namespace) -> None:
    document = _load("appliance.app").openapi_document()
    print(json.dumps(document, ensure_ascii=False, indent=1))


def _supervision(options: argparse.Namespace) -> None:
    load(options.config)
    print(programs(options.config, options.prefix, logs=options.logs))


def _prepare(config: Config) -> None:
    logging.basicConfig(
        level=config.logging.level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stdout,
    )
    try:
        for folder in (config.data_folder, config.run_folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadConfiguration(f"cannot make a folder: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
