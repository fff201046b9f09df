"""Run the process `streams` by itself: `python -m appliance.streams --run-folder DIR`."""

import sys

from appliance.local.process import main
from appliance.streams.app import run
from federation.cycles import look_seldom

if __name__ == "__main__":
    look_seldom()
    sys.exit(main(sys.argv[1:], run))
