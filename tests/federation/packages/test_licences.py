"""A vendor's licence: what its file holds against, and what it allows at which moment."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.crypto import SigningKey
from federation.packages import Manifest, builtin_manifests
from federation.packages.errors import BadLicence, UntrustedLicence
from federation.packages.licences import (
    LIMIT_BYTES,
    MOST_TERMS,
    SignedLicence,
    VendorLicence,
    authorisation,
    read_licence,
    standing,
    terms_of,
    vendors_of,
    write_licence,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = SigningKey.generate()


def licence(**more: Any) -> VendorLicence:
    given = {"number": "HK-2026-1", "algorithm": "example.smoke", "holder": "示范市城管局", "begins": NOW}
    return VendorLicence.model_validate({**given, **more})


def needing(**more: Any) -> Manifest:
    base = builtin_manifests()["fengsui.smoke"].model_dump(mode="json", exclude_defaults=True)
    terms = {"software": "proprietary", "activation": {"mode": "offline_file"}}
    return Manifest.model_validate({**base, "id": "example.smoke", "licence": terms, **more})


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (NOW - SECOND, "unlicensed"),
        (NOW, "licensed"),
        (NOW + timedelta(days=60) - SECOND, "licensed"),
        (NOW + timedelta(days=60), "expiring"),
        (NOW + timedelta(days=90) - SECOND, "expiring"),
        (NOW + timedelta(days=90), "expired"),
    ],
)
def test_a_licence_counts_from_its_beginning_warns_for_30_days_and_ends_at_its_end(at: datetime, state: str) -> None:
    found = authorisation(needing(), [licence(ends=NOW + timedelta(days=90))], at)

    assert (found.state, found.allows) == (state, state in {"licensed", "expiring"})


def test_a_box_is_told_of_the_licences_that_last_longest_and_comes_to_what_the_hub_says() -> None:
    given = [licence(number=f"N-{day}", ends=NOW + timedelta(days=day)) for day in range(1, MOST_TERMS + 2)]
    forever, other = licence(number="F"), licence(number="O", algorithm="example.other")

    told = terms_of(needing(), [*given, other]) or ()
    for_good = terms_of(needing(), [*given, forever, other]) or ()

    hub = authorisation(needing(), given, NOW)
    assert terms_of(builtin_manifests()["fengsui.smoke"], given) is None
    assert [term.number for term in told] == [f"N-{day}" for day in range(MOST_TERMS + 1, 1, -1)]
    assert standing(told, NOW) == (hub.state, hub.ends)
    assert (len(for_good), for_good[0].number) == (MOST_TERMS, "F")
    assert standing(for_good, NOW) == ("licensed", None)
    assert standing(terms_of(needing(), [other]), NOW) == ("unlicensed", None)


def test_what_licences_allow_adds_up_and_the_last_end_counts() -> None:
    one, two = (
        licence(ends=NOW + timedelta(days=40), tasks=2),
        licence(number="2", ends=NOW + timedelta(days=80), tasks=3),
    )

    both = authorisation(needing(), [one, two], NOW)
    later = authorisation(needing(), [one, two], NOW + timedelta(days=40))
    for_good = authorisation(needing(), [one, licence(number="3")], NOW)

    assert (both.tasks, both.ends, later.tasks) == (5, two.ends, 3)
    assert (for_good.tasks, for_good.ends) == (None, None)


def test_a_renewal_that_is_entered_ahead_ends_the_warning_if_there_is_no_day_between() -> None:
    ending = licence(ends=NOW + timedelta(days=9))
    renewal = licence(number="2", begins=NOW + timedelta(days=9), ends=NOW + timedelta(days=374))
    late = licence(number="3", begins=NOW + timedelta(days=9) + SECOND, ends=NOW + timedelta(days=374))
    later = licence(number="4", begins=NOW + timedelta(days=300))

    alone, renewed, gap, for_good = (
        authorisation(needing(), given, NOW)
        for given in ([ending], [ending, renewal], [ending, late], [later, renewal, ending])
    )

    assert (alone.state, alone.ends) == ("expiring", ending.ends)
    assert (renewed.state, renewed.ends) == ("licensed", renewal.ends)
    assert (gap.state, gap.ends) == ("expiring", ending.ends)
    assert (for_good.state, for_good.ends) == ("licensed", None)


def test_a_licence_is_for_one_algorithm_and_for_those_of_the_catalogue_that_have_its_model() -> None:
    given = [licence()]

    assert authorisation(needing(id="other.smoke"), given, NOW).state == "unlicensed"
    assert authorisation(needing(id="city.smoke_dust", model_of="example.smoke"), given, NOW).state == "licensed"
    assert authorisation(builtin_manifests()["fengsui.smoke"], [], NOW).state == "free"


def test_a_licence_is_read_back_as_it_was_signed_and_by_nobody_who_trusts_other_keys() -> None:
    content = write_licence(licence(ends="2027-01-01T00:00:00+08:00", tasks=7), KEY).encode()

    found, signer = read_licence(content, [SigningKey.generate().public, KEY.public])

    assert (found.tasks, signer) == (7, KEY.public)
    with pytest.raises(UntrustedLicence, match="trusted"):
        read_licence(content, [SigningKey.generate().public])


@pytest.mark.parametrize(
    ("versions", "vendors"),
    [
        ([], ""),
        ([""], ""),
        (["", "a"], "a"),
        (["a", "ab"], "a"),
        (["ab", "ab"], "ab"),
        (["a", "b"], ""),
        (["a", "", "b"], ""),
    ],
)
def test_an_algorithm_is_theirs_who_signed_every_signed_version(versions: list[str], vendors: str) -> None:
    assert vendors_of(versions) == set(vendors)


def test_a_licence_counts_if_the_vendor_signed_it_or_who_may_license_all() -> None:
    mine, of_all = (SignedLicence(licence=licence(), signer="a", of_all=of_all) for of_all in (False, True))

    assert [mine.counts({"a", "b"}), mine.counts({"b"}), mine.counts(())] == [True, False, False]
    assert [of_all.counts({"b"}), of_all.counts(())] == [True, True]


@pytest.mark.parametrize("change", [{"tasks": 1000}, {"ends": "2099-01-01T00:00:00Z"}, {"algorithm": "other.smoke"}])
def test_a_changed_licence_is_not_the_signed_one(change: dict[str, Any]) -> None:
    whole = json.loads(write_licence(licence(tasks=1), KEY))

    with pytest.raises(UntrustedLicence):
        read_licence(json.dumps({**whole, "licence": {**whole["licence"], **change}}).encode(), [KEY.public])


def test_a_licence_that_ends_before_it_begins_or_is_too_long_is_none() -> None:
    whole = json.loads(write_licence(licence(), KEY))
    whole["licence"]["ends"] = whole["licence"]["begins"]

    with pytest.raises(BadLicence, match="ends is not after begins"):
        read_licence(json.dumps(whole).encode(), [KEY.public])
    content = write_licence(licence(), KEY).encode()
    read_licence(content + b" " * (LIMIT_BYTES - len(content)), [KEY.public])
    with pytest.raises(BadLicence, match="at most"):
        read_licence(content + b" " * (LIMIT_BYTES + 1 - len(content)), [KEY.public])


@settings(max_examples=50)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_no_licence_is_refused_with_one_error(content: bytes) -> None:
    with pytest.raises(BadLicence):
        read_licence(content, [KEY.public])
