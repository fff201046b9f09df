"""Run and command a hub: the control plane and its portal."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from federation.cycles import look_seldom, undisturbed
from federation.identity.bundle import SUFFIX
from federation.private_files import write_private
from hub.config import HubConfig, read_config
from hub.errors import ConfigInvalid, HubError, NotRunning
from hub.fleet.broker_process import run_broker
from hub.fleet.signing_key import renew_key
from hub.supervision import programs

# What only some commands need is imported there: the broker starts in half a second, the hub takes three.
USAGE_ERROR = 2
NEW_CONFIG = """\
# The hub's configuration. Everything that can be set: docs/operator.md
name = "烽燧"
public_host = "127.0.0.1"      # under which nodes reach this hub
data_folder = {data_folder}

[http]
host = "127.0.0.1"
port = 8080

[nodes]                        # where boxes reach the hub; 0.0.0.0 listens everywhere
host = "127.0.0.1"
port = 8443

[broker]
host = "127.0.0.1"
port = 8883                    # of boxes
subscriber_port = 8884         # of bureaus
hub_port = 8885                # of the hub alone
"""


def main(argv: list[str]) -> int:
    """Run one command of the hub; return the exit status."""
    options = _parser().parse_args(argv)
    try:
        return int(options.command(options) or 0)
    except HubError as error:
        print(f"fengsui hub: {error}", file=sys.stderr)
        return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fengsui hub", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument("--config", type=Path, required=True, help="the hub's TOML file")

    init = commands.add_parser("init", parents=[configured], help="write a configuration file")
    init.add_argument("--data-folder", type=Path, default=Path("hub-data"), help="relative to the file")
    init.set_defaults(command=_init)
    commands.add_parser("run", parents=[configured], help="run the hub").set_defaults(command=_run)
    commands.add_parser("broker", parents=[configured], help="run its broker").set_defaults(command=_broker)
    renew = commands.add_parser(
        "renew-signing-key", parents=[configured], help="sign by a new key after the next start"
    )
    renew.set_defaults(command=_renew_signing_key)
    access = commands.add_parser(
        "broker-access", parents=[configured], help="write what somebody else's broker has to be told"
    )
    access.add_argument("--out", type=Path, required=True, help="folder for certificates, settings and definitions")
    access.add_argument("--installed-in", type=Path, help="where that folder lies on the broker's machines")
    access.set_defaults(command=_broker_access)
    commands.add_parser("openapi", help="print the OpenAPI document").set_defaults(command=_openapi)
    supervision = commands.add_parser("supervision", parents=[configured], help="print supervisord's sections")
    supervision.add_argument("--prefix", default="", help="what program names begin with")
    supervision.add_argument("--logs", type=Path, help="folder for the logs")
    supervision.set_defaults(command=_supervision)
    bundle = commands.add_parser("bundle", parents=[configured], help="make an enrolment bundle that lets one box in")
    bundle.add_argument("--name", required=True, help="name of the node to be")
    bundle.add_argument("--site", default="", help="place where the node will stand")
    bundle.add_argument("--profile", default="analysis", help="firmware profile of the box")
    bundle.add_argument("--valid-days", type=float, default=7.0, help="how long it may be used")
    bundle.add_argument("--out", type=Path, help=f"where to write it; default: NAME{SUFFIX} here")
    bundle.set_defaults(command=_bundle)
    _add_user_commands(commands.add_parser("user", help="accounts of a running hub"), configured)
    return parser


def _add_user_commands(parser: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    commands.add_parser("list", parents=[configured], help="list accounts").set_defaults(command=_list_users)
    add = commands.add_parser("add", parents=[configured], help="create an account; prints its first password")
    add.add_argument("username")
    add.add_argument("--name", required=True, help="name to show")
    add.add_argument("--role", default="viewer", help="administrator, operator, auditor or viewer")
    add.set_defaults(command=_add_user)
    reset = commands.add_parser("reset-password", parents=[configured], help="make a new first password and print it")
    reset.add_argument("username")
    reset.set_defaults(command=_reset_password)


def _init(options: argparse.Namespace) -> None:
    path: Path = options.config
    text = NEW_CONFIG.format(data_folder=json.dumps(str(options.data_folder), ensure_ascii=False))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigInvalid(f"{path} is there already; remove it first, or edit it") from error
    except OSError as error:
        raise ConfigInvalid(f"cannot write {path}: {error.strerror}") from error
    print(f"wrote {path}; now: fengsui hub broker --config {path}, fengsui hub run --config {path}")


def _run(options: argparse.Namespace) -> None:
    config = read_config(options.config)
    _log_to_stdout(config)
    asyncio.run(_serve(config))


async def _serve(config: HubConfig) -> None:
    with undisturbed():
        from hub.app import open_hub  # noqa: PLC0415 - see above

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with open_hub(config):
            look_seldom()
            await stopped.wait()
    except (OSError, ExceptionGroup) as error:
        cause = _first_of(error)
        if not isinstance(cause, OSError):
            raise
        raise ConfigInvalid(f"the hub cannot start: {cause.strerror or cause}") from error


def _first_of(error: Exception) -> Exception:
    """Return what went wrong first inside groups of tasks."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _broker(options: argparse.Namespace) -> None:
    run_broker(read_config(options.config))


def _renew_signing_key(options: argparse.Namespace) -> None:
    before, after = renew_key(read_config(options.config).signing_key_file)
    print(f"was  {before.id}")
    print(f"is   {after.id}")
    print("Start the hub anew: its nodes follow by the old key's word. Back the file up.")


def _broker_access(options: argparse.Namespace) -> None:
    from hub.fleet.broker_access import write_broker_access  # noqa: PLC0415 - see above

    out: Path = options.out.resolve()
    work = write_broker_access(read_config(options.config), out, installed_in=options.installed_in or out)
    for command in asyncio.run(work):
        print(command)


def _openapi(_options: argparse.Namespace) -> None:
    from hub.assembly import openapi_document  # noqa: PLC0415 - see above

    config = HubConfig(data_folder=Path("data"))
    print(json.dumps(openapi_document(config), ensure_ascii=False, indent=1))


def _supervision(options: argparse.Namespace) -> None:
    managed = read_config(options.config).broker.managed
    print(programs(options.config, options.prefix, managed=managed, logs=options.logs))


def _bundle(options: argparse.Namespace) -> None:
    draft = {"name": options.name, "site": options.site, "profile": options.profile}
    draft["valid_s"] = int(options.valid_days * 86400)
    out: Path = options.out or Path(f"{options.name.replace('/', '-')}{SUFFIX}")
    if out.exists():
        raise ConfigInvalid(f"{out} is there already; remove it first, or choose another name with --out")
    made = _ask(options, "POST", "/api/v1/enrolment-bundles", draft)
    try:
        write_private(out, json.dumps(made["bundle"], ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise ConfigInvalid(f"cannot write {out}: {error.strerror}") from error
    print(f"wrote {out}: it lets one box in until {made['bundle']['expires_at']}; keep it as you would keep a key")


def _list_users(options: argparse.Namespace) -> None:
    for user in _ask(options, "GET", "/api/v1/users")["items"]:
        print(f"{user['username']}\t{user['role']}\t{user['display_name']}\t{'disabled' if user['disabled'] else ''}")


def _add_user(options: argparse.Namespace) -> None:
    draft = {"username": options.username, "display_name": options.name, "role": options.role}
    print(_ask(options, "POST", "/api/v1/users", draft)["first_password"])


def _reset_password(options: argparse.Namespace) -> None:
    users = _ask(options, "GET", "/api/v1/users")["items"]
    found = [user["id"] for user in users if user["username"] == options.username]
    if not found:
        raise HubError(f"there is no user {options.username!r}")
    print(_ask(options, "POST", f"/api/v1/users/{found[0]}/password-reset")["first_password"])


def _ask(options: argparse.Namespace, method: str, path: str, body: Any = None) -> Any:
    """Return the running hub's answer over its console; raise HubError with its own words."""
    import httpx  # noqa: PLC0415 - see above

    console = read_config(options.config).console_socket
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(console)), base_url="http://hub", timeout=30) as client:
            answer = client.request(method, path, json=body)
    except httpx.TransportError as error:
        raise NotRunning(f"no hub answers at {console}; start it with: fengsui hub run") from error
    if not answer.is_success:
        raise HubError(answer.json().get("detail", answer.reason_phrase))
    return answer.json()


def _log_to_stdout(config: HubConfig) -> None:
    import structlog  # noqa: PLC0415 - see above

    as_json: Sequence[Any] = (
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    )
    as_text: Sequence[Any] = (structlog.dev.ConsoleRenderer(colors=False),)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *(as_json if config.log_format == "json" else as_text),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
