"""The two files by which a box joins across a border, and any other signed document."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.crypto import SigningKey
from federation.exchange.errors import BadDocument
from federation.exchange.joining import JoinRequest, make_answer, make_request, read_answer, read_request
from federation.exchange.signed import LARGEST_BYTES, read_signed

BOX, HUB = SigningKey.generate(), SigningKey.generate()


def a_request() -> str:
    return make_request(BOX, serial="box-1", profile="analysis", software="0.1", two_way=True)


def an_answer(request: str, *, key: SigningKey = HUB) -> str:
    return make_answer(
        key, request, node_id="gate-1", hub_id="hub-1", hub_name="区平台", signing_key=HUB.public.to_pem()
    )


def test_a_request_and_its_answer_are_read_with_the_keys_that_signed_them() -> None:
    request = a_request()

    asked, box_key = read_request(request)
    answer, hub_key = read_answer(an_answer(request), request=request)

    assert (asked.serial, box_key, answer.node_id, hub_key) == ("box-1", BOX.public, "gate-1", HUB.public)


def test_an_answer_to_another_request_is_refused() -> None:
    with pytest.raises(BadDocument, match="another request"):
        read_answer(an_answer(a_request()), request=a_request())


def test_spaces_around_a_carried_text_do_no_harm() -> None:
    request = f"\n {a_request()} \n"

    assert read_answer(an_answer(request), request=request.strip())[0].node_id == "gate-1"


def test_a_document_that_was_changed_is_refused() -> None:
    text = a_request().replace("box-1", "box-2")

    with pytest.raises(BadDocument):
        read_request(text)


def test_a_document_signed_by_another_key_than_it_names_is_refused() -> None:
    body = json.loads(a_request())
    thief = SigningKey.generate()
    document = body["document"]
    forged = json.loads(make_request(thief, serial="x", profile="analysis", software="", two_way=True))
    forged["document"] = document

    with pytest.raises(BadDocument):
        read_request(json.dumps(forged))


def test_a_request_is_no_answer() -> None:
    request = a_request()

    with pytest.raises(BadDocument):
        read_answer(request, request=request)


@given(st.one_of(st.text(max_size=200), st.recursive(st.none() | st.text(), st.lists).map(json.dumps)))
def test_any_text_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadDocument) as refused:
        read_signed(text, JoinRequest)

    assert "\n" not in str(refused.value)


def test_a_text_beyond_the_limit_is_not_read() -> None:
    with pytest.raises(BadDocument, match="MiB"):
        read_signed("x" * (LARGEST_BYTES + 1), JoinRequest)
