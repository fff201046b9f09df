"""Run the process `vision` by itself: `python -m appliance.analysis --run-folder DIR`."""

import sys

from appliance.analysis.app import run
from appliance.local.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], run))
