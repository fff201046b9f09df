import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.discovery import BadService, Service
from federation.discovery.service import LONGEST_TXT_BYTES, heard_service, read_properties, write_properties


def heard(
    *,
    name: str = "box-1",
    port: int | None = 8443,
    addresses: tuple[str, ...] = ("192.0.2.7",),
    txt: bytes = b"\x05hub=h",
    loopback: bool = False,
) -> Service:
    return heard_service(
        kind="_fsart._tcp", name=name, port=port, addresses=addresses, txt=txt, required=["hub"], loopback=loopback
    )


def test_properties_come_back_as_they_were_written() -> None:
    given = {"hub": "city-hub", "serial": "fs-01", "place": "门卫室"}

    assert read_properties(write_properties(given)) == given


@pytest.mark.parametrize(
    ("txt", "reason"),
    [
        (b"\x09hub=h", "cut off"),
        (b"\x06hub=\xff\xfe", "UTF-8"),
        (b"\x02=x", "key"),
        (b"\x04h\xffb=", "key"),
        (b"\x01a" * (LONGEST_TXT_BYTES // 2 + 1), "1300 bytes"),
        (b"".join(bytes([len(f"k{n}=")]) + f"k{n}=".encode() for n in range(33)), "32 properties"),
    ],
)
def test_a_hostile_txt_record_is_refused(txt: bytes, reason: str) -> None:
    with pytest.raises(BadService, match=reason):
        read_properties(txt)


@given(st.binary(max_size=1500))
def test_any_bytes_are_properties_or_refused(txt: bytes) -> None:
    try:
        found = read_properties(txt)
    except BadService:
        return
    assert all(key and key == key.lower() for key in found)


def test_of_a_repeated_key_the_first_counts() -> None:
    assert read_properties(b"\x05hub=a\x05HUB=b\x04flag\x00") == {"hub": "a", "flag": ""}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"txt": b"\x07other=1"}, "property hub is missing"),
        ({"port": None}, "no port"),
        ({"port": 0}, "no port"),
        ({"port": 70000}, "no port"),
        ({"addresses": ()}, "no address"),
        ({"addresses": ("0.0.0.0", "224.0.0.251", "127.0.0.1", "nonsense")}, "no address"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "长" * 22}, "63"),
    ],
)
def test_what_a_stranger_lacks_is_named(changed: dict[str, object], reason: str) -> None:
    with pytest.raises(BadService, match=reason):
        heard(**changed)  # type: ignore[arg-type]


def test_loopback_is_an_address_only_where_loopback_is_spoken() -> None:
    assert heard(addresses=("127.0.0.1",), loopback=True).addresses == ("127.0.0.1",)


def test_a_stranger_with_many_addresses_keeps_sixteen() -> None:
    assert len(heard(addresses=tuple(f"192.0.2.{n}" for n in range(1, 40))).addresses) == 16


@pytest.mark.parametrize(
    "wrong",
    [
        Service(kind="fsart", name="box", port=1),
        Service(kind="_a-very-long-kind-of-it._tcp", name="box", port=1),
        Service(kind="_fsart._tcp", name="", port=1),
        Service(kind="_fsart._tcp", name="box", port=0),
        Service(kind="_fsart._tcp", name="box", port=1, properties={"Key": "v"}),
        Service(kind="_fsart._tcp", name="box", port=1, properties={"k": "v" * 254}),
        Service(kind="_fsart._tcp", name="box", port=1, properties={f"k{n}": "v" * 250 for n in range(6)}),
    ],
)
def test_what_cannot_stand_in_dns_is_not_advertised(wrong: Service) -> None:
    with pytest.raises(BadService):
        wrong.checked()
