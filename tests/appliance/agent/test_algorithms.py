"""What a box knows of algorithms: names out of packages that are here, and licences as the hub tells them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.agent.algorithms import MOST_NAMES, Algorithms, EventNames
from appliance.local import LocalPackage
from federation.messages import LicenceTerm, PackageRef
from federation.packages import Text, shipped_packages, write_package

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SHIPPED = "fengsui.street_objects"


@pytest.fixture
def package(tmp_path: Path) -> LocalPackage:
    written = write_package(shipped_packages()[SHIPPED], tmp_path / "shipped.algpkg")
    return LocalPackage(algorithm_id=SHIPPED, version=written.manifest.version, path=written.path)


def test_names_of_algorithms_and_events_come_from_packages_and_unknown_ones_are_their_own_names(
    package: LocalPackage,
) -> None:
    known = Algorithms().learned([package, LocalPackage(algorithm_id="fengsui.smoke", version="1.0.0")], [])

    event = known.by_key[SHIPPED, package.version].manifest.events[0]
    assert known.name(SHIPPED, package.version).zh == "街面目标检测（演示）"
    assert known.event_name(event.code) == event.name
    assert known.name("gone.algorithm", "1.0.0").en == "gone.algorithm"
    assert known.event_name("gone/code").zh == "gone/code"
    assert known.by_key["fengsui.area_intrusion", "1.0.0"].built_in


def test_a_package_is_read_once_and_forgotten_when_it_is_needed_no_more(package: LocalPackage) -> None:
    assert package.path is not None
    known = Algorithms().learned([package], [])
    package.path.unlink()

    again = known.learned([package], [])
    later = again.learned([], [])

    assert (SHIPPED, package.version) in again.by_key
    assert (SHIPPED, package.version) not in later.by_key


def test_events_keep_their_names_when_their_package_leaves(package: LocalPackage) -> None:
    known = Algorithms().learned([package], [])
    event = known.by_key[SHIPPED, package.version].manifest.events[0]

    later = known.learned([], []).learned([], [])
    kept = later.event_names.model_dump_json()

    assert later.event_name(event.code) == event.name
    assert Algorithms(event_names=EventNames.model_validate_json(kept)).event_name(event.code) == event.name


def test_so_many_names_are_kept_those_of_the_newest_packages(package: LocalPackage) -> None:
    many = EventNames(by_code={f"old/{number}": Text(zh="旧", en="Old") for number in range(MOST_NAMES)})
    events = Algorithms().learned([package], []).event_names.by_code

    kept = Algorithms(event_names=many).learned([package], []).event_names.by_code

    assert len(kept) == MOST_NAMES
    assert next(iter(kept)) == f"old/{len(events)}"
    assert list(kept)[-len(events) :] == list(events)


def test_a_package_that_cannot_be_read_keeps_its_id_for_a_name(package: LocalPackage, tmp_path: Path) -> None:
    broken = package.model_copy(update={"path": tmp_path / "broken.algpkg"})
    (tmp_path / "broken.algpkg").write_bytes(b"none")

    known = Algorithms().learned([broken], [])

    assert known.name(SHIPPED, package.version).zh == SHIPPED


def test_how_an_algorithm_stands_with_its_vendor_follows_what_the_hub_told_as_time_passes(
    package: LocalPackage,
) -> None:
    term = LicenceTerm(number="V-1", begins=NOW, ends=NOW + timedelta(days=90))

    def states(licences: tuple[LicenceTerm, ...] | None) -> list[str]:
        wanted = PackageRef(algorithm_id=SHIPPED, version="2.0.0", licences=licences)  # its next version is on its way
        found = Algorithms().learned([package], [wanted]).by_key[SHIPPED, package.version]
        return [found.licence(NOW + timedelta(days=days))[0] for days in (-1, 0, 61, 90)]

    assert states(None) == ["free"] * 4
    assert states(()) == ["unlicensed"] * 4
    assert states((term,)) == ["unlicensed", "licensed", "expiring", "expired"]
