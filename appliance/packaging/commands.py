"""The commands of `fengsui package` that people call, and what a hub runs to pack a bare model."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from appliance.packaging import checking, making
from appliance.packaging.errors import WrongCall
from appliance.packaging.proposal import CannotPropose
from federation.packages.description import AlgorithmId
from federation.packages.trial import MEMORY_BYTES, TIME_S

_ALGORITHM_ID: TypeAdapter[str] = TypeAdapter(AlgorithmId)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongCall(message)


def lines(argv: list[str]) -> Iterator[str]:
    """Yield what a command prints; raise WrongCall, PackageError, CryptoError or OSError where it cannot be done."""
    options = _parser().parse_args(argv)
    try:
        yield from options.command(options)
    except CannotPropose as error:
        raise WrongCall(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fengsui package", description="Make and check algorithm packages.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, call: Callable[[argparse.Namespace], Iterator[str]], text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=text)
        added.set_defaults(command=call)
        return added

    _add_making(command)
    _add_checking(command)
    return parser


def _id(text: str) -> str:
    try:
        return _ALGORITHM_ID.validate_python(text)
    except ValidationError as error:
        said = f"{text[:80]!r} is no id: it is of small letters, figures, dots, _ and -, 64 at most"
        raise argparse.ArgumentTypeError(said) from error


def _add_making(command: Callable[..., argparse.ArgumentParser]) -> None:
    new = command("new", making.new, "write a folder to start from")
    new.add_argument("folder", type=Path)
    new.add_argument("--id", type=_id, default="example.detector", help="id of the algorithm")
    build = command("build", making.build, "pack a folder with algorithm.yaml")
    build.add_argument("folder", type=Path)
    build.add_argument("-o", "--output", type=Path, required=True)
    sign = command("sign", making.sign, "sign a package with an SM2 key")
    sign.add_argument("file", type=Path)
    sign.add_argument("--key", type=Path, required=True, help="private SM2 key (PEM); it is made if there is none")
    licence = command("licence", making.licence, "write a licence for an algorithm, signed with an SM2 key")
    licence.add_argument("algorithm", help="id of the algorithm")
    licence.add_argument("--number", required=True, help="that nothing else has")
    licence.add_argument("--holder", required=True, help="who may use it")
    licence.add_argument("--ends", help="date and time with zone from which on it does not count (default: for good)")
    licence.add_argument("--tasks", type=int, help="how many tasks it allows (default: any number)")
    licence.add_argument("--key", type=Path, required=True, help="private SM2 key (PEM) that signs the packages too")
    licence.add_argument("-o", "--output", type=Path, required=True)
    bare = command("from-onnx", making.from_onnx, "make a package of a bare ONNX detector")
    bare.add_argument("model", type=Path)
    bare.add_argument(
        "--labels", help="coco, or a file with one label a line (default: what the model says, else coco)"
    )
    bare.add_argument("--samples", type=Path, help="folder of pictures or videos, or one of them")
    bare.add_argument("--half", action="store_true", help="add the model with numbers of 16 bits, for graphics cards")
    bare.add_argument("--id", type=_id, help="id of the algorithm (default: from the file's name)")
    bare.add_argument("-o", "--output", type=Path, required=True)
    pack = command("pack", making.pack, "what a hub runs in a process of its own to make a package of a bare model")
    pack.add_argument("folder", type=Path, help="with model.onnx, samples and perhaps labels")
    pack.add_argument("output", type=Path)
    pack.add_argument("id")
    pack.add_argument("memory_bytes", type=int)
    outside = command("from-endpoint", making.from_endpoint, "make packages of what an outside system offers")
    outside.add_argument("url", help="where its /algorithms is")
    outside.add_argument("folder", type=Path, help="where the packages go")
    outside.add_argument("--prefix", type=_id, default="outside", help="of the ids")
    outside.add_argument(
        "--system", type=_id, default="outside", help="what boxes call the system in their configuration"
    )
    _add_secret(outside)


def _add_checking(command: Callable[..., argparse.ArgumentParser]) -> None:
    verify = command("verify", checking.verify, "examine a package, trying its model in a process of its own")
    verify.add_argument("file", type=Path)
    verify.add_argument("--trust", type=Path, action="append", default=[], help="public SM2 key (PEM) of a signer")
    verify.add_argument("--beside", type=Path, action="append", default=[], help="a package that it must fit")
    verify.add_argument("--memory-mb", type=int, default=MEMORY_BYTES >> 20, help="that the trial may use")
    verify.add_argument("--time-s", type=float, default=TIME_S, help="that the trial may take")
    verify.add_argument("--json", action="store_true", help="a JSON object per criterion")
    _add_secret(verify)
    inspect = command("inspect", checking.inspect, "print the files and the manifest of a package")
    inspect.add_argument("file", type=Path)
    run = command(
        "run", checking.run, "show pictures to the model of a package, to those of a bundle, or to an outside system"
    )
    run.add_argument("file", type=Path)
    run.add_argument("pictures", type=Path, nargs="+")
    run.add_argument("--beside", type=Path, action="append", default=[], help="a package of an algorithm of the bundle")
    _add_secret(run)


def _add_secret(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--secret-file", type=Path, help="file with what the outside system wants to see")
