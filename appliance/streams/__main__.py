"""Run the process `streams` by itself: `python -m appliance.streams --run-folder DIR`."""

import sys

from appliance.local.process import main
from appliance.streams.app import run

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], run))
