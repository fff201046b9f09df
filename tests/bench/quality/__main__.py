"""How often the diagnosis of pictures is right, and its cost: python -m tests.bench.quality, or make bench-quality.

Learns each film's scene, lays every disturbance over it, and compares what is said. Prints a table and, as its last
line, one JSON object. The films are the rig's streets and, with --footage, those of a folder.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from appliance.quality import Watch
from federation.messages import PictureFault
from hil_tests.rig.footage.writer import Picture
from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.rig.scene.clips import render
from tests.bench.quality.episodes import START, Episode, episodes, pictures_of

FILMS = {".avi", ".mp4", ".mkv", ".mov"}
COST_PICTURES = 50


def main(argv: list[str]) -> int:
    """Measure; return 0."""
    parser = argparse.ArgumentParser(prog="bench-quality", description=__doc__)
    parser.add_argument("--footage", type=Path, help="folder of films")
    parser.add_argument("--streets", type=int, default=8, help="of the rig, 0 to 8")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "fengsui", help="of rendered streets")
    options = parser.parse_args(argv)
    files = [render(script, options.cache) for script in (scripted_cameras(options.streets) if options.streets else ())]
    files += sorted(file for file in (options.footage.iterdir() if options.footage else ()) if file.suffix in FILMS)
    cv2.setNumThreads(1)
    found: list[Episode] = []
    for file in files:
        found += episodes(file.stem, pictures_of(file))
        print(f"bench-quality: {file.name}", flush=True)
    figures = {"films": len(files), **_scores(found), "cost": _cost(pictures_of(files[-1]))}
    print(_table(figures))
    for wrong in (one for one in found if one.said != ((one.truth,) if one.truth else ())):
        print(f"not so: {wrong.source}: {wrong.truth or 'nothing'} was called {', '.join(wrong.said) or 'nothing'}")
    print(json.dumps(figures))
    return 0


def _scores(found: Sequence[Episode]) -> dict[str, Any]:
    faults: dict[str, Any] = {}
    for fault in PictureFault:
        hits = sum(one.truth is fault and fault in one.said for one in found)
        happened, said = sum(one.truth is fault for one in found), sum(fault in one.said for one in found)
        faults[fault] = {
            "episodes": happened,
            "precision": round(hits / said, 3) if said else None,
            "recall": round(hits / happened, 3) if happened else None,
        }
    good = [one for one in found if one.truth is None]
    return {"faults": faults, "good": len(good), "false_alarms": sum(bool(one.said) for one in good)}


def _cost(pictures: Sequence[Picture]) -> dict[str, float]:
    """Return the CPU time of one look at a key frame of 1080p."""
    large = [cv2.resize(picture, (1920, 1080)).astype(picture.dtype) for picture in pictures[:5]]
    watch = Watch()
    began_s = time.process_time()
    for number in range(COST_PICTURES):
        watch.look(large[number % len(large)], START)
    return {"ms_per_key_frame": round((time.process_time() - began_s) / COST_PICTURES * 1000, 2)}


def _table(figures: dict[str, Any]) -> str:
    lines = [f"\n{'fault':14}{'episodes':>9}{'precision':>11}{'recall':>9}"]
    for fault, score in figures["faults"].items():
        precision, recall = (
            f"{score[name]:.2f}" if score[name] is not None else "-" for name in ("precision", "recall")
        )
        lines.append(f"{fault:14}{score['episodes']:>9}{precision:>11}{recall:>9}")
    lines.append(f"{'good':14}{figures['good']:>9}   false alarms: {figures['false_alarms']}")
    lines.append(f"one look at 1080p: {figures['cost']['ms_per_key_frame']} ms of CPU\n")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
