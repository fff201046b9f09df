"""Make and check algorithm packages: new, build, sign, licence, verify, inspect, run, from-onnx, from-endpoint."""

import sys
from collections.abc import Iterator

from appliance.packaging.errors import WrongCall
from federation.crypto import CryptoError
from federation.cycles import undisturbed
from federation.packages import PackageError

USAGE_ERROR = 2
TRIAL = "try"
"""What verify and the hub run in a process of its own."""


def main(argv: list[str]) -> int:
    """Run `fengsui package`; return 0, or 2 with one line about what is wrong."""
    try:
        for line in _lines(argv):
            print(line)
    except (WrongCall, PackageError, CryptoError) as error:
        print(f"fengsui package: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        raise  # nobody reads the lines any more; the dispatcher ends in silence
    except OSError as error:
        print(f"fengsui package: {error.filename}: {error.strerror}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _lines(argv: list[str]) -> Iterator[str]:
    with undisturbed():
        # What a trial does not need takes longer to load than most trials take.
        if argv[:1] == [TRIAL]:
            from appliance.packaging.attempt import lines  # noqa: PLC0415
        else:
            from appliance.packaging.commands import lines  # noqa: PLC0415
    return lines(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
