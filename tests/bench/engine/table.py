"""The figures as people read them, each with the bar that it is held against."""

from collections.abc import Iterator
from typing import Any

# figure of a model on a card, what it is, unit, bar
CARD_LINES = (
    ("alone_per_s", "bare onnxruntime, one by one", "/s", ""),
    ("batched_per_s", "bare onnxruntime, in batches", "/s", ""),
    ("engine_per_s", "engine, 256 sources", "/s", ""),
    ("times_alone", "of one by one", "x", "≥ 2"),
    ("share_percent", "of batches", "%", "≥ 80"),
    ("batch_mean", "pictures in a batch", "", ""),
    ("cpu_ms", "CPU time of a picture", "ms", ""),
    ("p50_ms", "at 70 % load, with its turn", "ms", ""),
    ("p95_ms", "95 of 100", "ms", ""),
)

# scenario, figure, what it is, unit, bar
LINES = (
    ("throughput", "run_only_per_s", "bare onnxruntime, ready tensors", "/s", ""),
    ("throughput", "bare_per_s", "bare onnxruntime, picture to boxes", "/s", ""),
    ("throughput", "engine_per_s", "engine, 32 sources", "/s", ""),
    ("throughput", "share_percent", "of the bare loop", "%", "≥ 95"),
    ("throughput", "share_of_run_only_percent", "of the model alone", "%", ""),
    ("throughput", "bare_cpu_ms", "CPU time of a picture in the bare loop", "ms", ""),
    ("throughput", "engine_cpu_ms", "in the engine, both processes", "ms", ""),
    ("throughput", "bare_p50_ms", "a picture in the bare loop", "ms", ""),
    ("throughput", "bare_p95_ms", "95 of 100", "ms", ""),
    ("throughput", "engine_p50_ms", "in the engine at 70 % load, with its turn", "ms", ""),
    ("throughput", "engine_p95_ms", "95 of 100", "ms", ""),
    ("cameras", "memory_mb_before", "analysis of the first cameras, with children", "MB", ""),
    ("cameras", "memory_mb_per_camera", "each camera more, 1080p key frames", "MB", "≤ 5"),
    ("cameras", "frames_per_s", "key frames judged meanwhile", "/s", ""),
    ("packages", "memory_mb", "64 packages at work at once", "MB", ""),
    ("packages", "loaded_s", "until all were loaded", "s", ""),
    ("packages", "answers_per_s", "answers of all of them", "/s", ""),
    ("packages", "dropped", "frames that one did not see", "", "0"),
    ("packages", "known_checked_s", "1,024 packages read and checked", "s", ""),
    ("bundle", "algorithms", "algorithms that judge every picture", "", ""),
    ("bundle", "apart_per_s", "each with a whole model of its own", "/s", ""),
    ("bundle", "bundle_per_s", "all as heads over one backbone", "/s", ""),
    ("bundle", "gain", "so many times the pictures", "x", ""),
    ("bundle", "apart_cpu_ms", "CPU time of a picture, whole models", "ms", ""),
    ("bundle", "bundle_cpu_ms", "as a bundle", "ms", ""),
    ("bundle", "cpu_gain", "so many times less", "x", ""),
    ("bundle", "backbone_ms", "of which the backbone, once", "ms", ""),
    ("bundle", "head_runs_per_backbone_run", "heads computed for each of its runs", "", ""),
    ("bundle", "apart_memory_mb", "memory of the whole models", "MB", ""),
    ("bundle", "bundle_memory_mb", "of the bundle", "MB", ""),
    ("scene", "happenings", "happenings on the scripted street", "", ""),
    ("scene", "recall_percent", "reported of them, end to end", "%", ""),
    ("scene", "precision_percent", "reports that are true", "%", ""),
    *(
        ("scene", f"{kind}_{figure}_percent", f"{kind}: {figure}", "%", "")
        for kind in ("area_intrusion", "left_object", "illegal_stop", "smoke")
        for figure in ("recall", "precision")
    ),
    ("counting", "frames_equal_percent", "vtest.avi: people as in direct detection", "%", "100"),
    ("counting", "people_mean_direct", "people in the mean, every frame direct", "", ""),
    ("counting", "people_mean_engine", "every frame by the engine", "", ""),
    ("counting", "people_mean_key_frames", "key frames alone, every 2 s", "", ""),
    ("counting", "key_frames_off_percent", "off by", "%", ""),
    ("graphics", "unmeasured", "cards unmeasured:", "", ""),
    ("graphics", "card", "card", "", ""),
    *(
        ("graphics", f"{model}_{name}", f"{model}: {words}", unit, bar)
        for model in ("deep", "half", "nano")
        for name, words, unit, bar in CARD_LINES
    ),
    ("graphics", "decoded_cores_per_s", "frames of 1080p decoded by the cores", "/s", ""),
    ("graphics", "decoded_cores_cpu_ms", "CPU time of one", "ms", ""),
    ("graphics", "decoded_card_per_s", "decoded by the card", "/s", ""),
    ("graphics", "decoded_card_cpu_ms", "CPU time of one", "ms", ""),
)


def rows(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table; what was not measured is left out."""
    yield f"\n{'':54}{'measured':>12} {'':6} bar"
    for scenario, name, words, unit, bar in LINES:
        value = figures.get(scenario, {}).get(name)
        if value is not None:
            yield f"{scenario:11}{words:43}{value:>12} {unit:6} {bar}"
    yield ""
