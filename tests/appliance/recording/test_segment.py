"""Segment files after crashes: at most the fragment that was being written is lost."""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.recording.segment import Entry, pack_entries, recover, unpack_entries
from appliance.streams.access_unit import Codec
from tests.appliance.coded import coded
from tests.appliance.footage import assembled, decoded, probed, write_segment

CUTS = 40


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_wherever_a_crash_cuts_only_the_open_fragment_is_lost(codec: Codec, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    sizes = write_segment(whole, assembled(coded(codec, b_frames=2)))
    content = whole.read_bytes()
    edges = {cut for size in sizes for cut in (size - 1, size, size + 1, size + 30)}
    cuts = sorted(edges | set(range(0, len(content), len(content) // CUTS)))

    for cut in (cut for cut in cuts if cut <= len(content)):
        path = tmp_path / "cut.mp4"
        path.write_bytes(content[:cut])
        kept = sum(size <= cut for size in sizes) - 1  # the first is the init segment

        found = recover(path)

        if kept < 1:
            assert found is None
            assert not path.exists()
            continue
        assert found is not None
        assert len(found.entries) == kept
        assert found.cut_bytes == cut - sizes[kept]
        assert path.stat().st_size == sizes[kept]
        if cut in edges:
            assert len(decoded(path)) == 10 * kept


@pytest.mark.parametrize("torn", [b"\0" * 5000, b"\xff" * 5000])
def test_a_fragment_whose_bytes_never_reached_the_disk_is_cut_off(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    sizes = write_segment(path, assembled(coded()))
    content = path.read_bytes()
    path.write_bytes(content[: sizes[3] + 2000] + (torn * 100)[: len(content) - sizes[3] - 2000])

    found = recover(path)

    assert found is not None
    assert len(found.entries) == 3
    assert probed(path).frames == 30


def test_a_file_can_be_played_while_it_grows(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.mp4", tmp_path / "growing.mp4"
    sizes = write_segment(whole, assembled(coded()))
    content = whole.read_bytes()

    path.write_bytes(content[: sizes[2]])

    assert probed(path).frames == 20
    assert probed(path).complaints == ""
    # In the middle of an append: the head comes last.
    path.write_bytes(content[: sizes[2]] + b"\0" * 900 + content[sizes[2] + 900 : sizes[3] - 5])
    assert len(decoded(path)) == 20
    assert probed(path).complaints == ""


def test_a_disk_that_takes_no_more_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    program = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from appliance.recording.segment import SegmentFile
from tests.appliance.coded import coded
from tests.appliance.footage import assembled
fragments = assembled(coded())
file = SegmentFile(Path({str(tmp_path / "a.mp4")!r}), fragments[0].track.init_segment())
limit = file.size_bytes + fragments[0].size_bytes + fragments[1].size_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
taken = []
for fragment in fragments:
    head = fragment.head(sequence=1, decode_ticks=fragment.start_ticks, at_us=fragment.at_us).to_bytes()
    try:
        file.append(head, fragment.pieces())
    except OSError as error:
        print("refused", error.errno, file.size_bytes)
        break
    taken.append(file.size_bytes)
print("size", Path({str(tmp_path / "a.mp4")!r}).stat().st_size, taken[-1])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    refused, size = done.stdout.splitlines()
    assert refused.startswith("refused 27 ")  # EFBIG, as a full disk says ENOSPC
    assert size.split()[1] == size.split()[2] == refused.split()[2]


def test_entries_are_packed_into_few_bytes() -> None:
    entries = tuple(Entry(duration_ticks=180_000 + n, size_bytes=1_000_000 * n, key=n % 2 == 0) for n in range(30))

    packed = pack_entries(entries)

    assert unpack_entries(packed) == entries
    assert len(packed) <= 8 * len(entries)
