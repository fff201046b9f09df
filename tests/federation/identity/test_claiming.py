"""A hub's end of a claim, whatever the box answers: it is read, or the claim has failed with a code."""

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from pydantic import BaseModel

from federation.identity.claim import ClaimChallenge, ClaimOutcome, ClaimProof, ClaimTicket, new_code, new_nonce
from federation.identity.claiming import CLAIMS, CODE, LONGEST_DETAIL, open_claim, read_answer
from federation.identity.errors import ClaimFailed, ClaimRefused, WrongPeer
from federation.testing.mutation import json_mutations

MUTATIONS = 10_000
OVER_THE_NETWORK = 60
SEED = 20_261_130
CHALLENGE = ClaimChallenge(claim_id="a" * 32, nonce=new_nonce(), serial="sn-1", profile="analysis", software="0.1")
ANSWERS = (CHALLENGE, ClaimProof(proof="b" * 64), ClaimOutcome(joined=False, code="hub_unreachable", reason="no route"))
REFUSAL = b'{"status": 403, "code": "code_wrong", "detail": "The code is not the one that this box shows now."}'
TICKET = ClaimTicket(serial="sn-1", url="https://box", fingerprint="ab" * 32, code=new_code())


def outcome_of(status: int, content: bytes, model: type[BaseModel]) -> str:
    """Return what the answer is, or the code of what is wrong with it."""
    try:
        return type(read_answer(status, content, model)).__name__
    except ClaimFailed as error:
        return error.code if CODE.fullmatch(error.code) and len(str(error)) <= LONGEST_DETAIL else "unbounded"


@pytest.mark.parametrize("whole", ANSWERS, ids=["challenge", "proof", "outcome"])
def test_ten_thousand_mutations_of_an_answer_are_read_or_come_from_no_box(whole: BaseModel) -> None:
    model = type(whole)
    wrong = json_mutations((whole.model_dump_json().encode(),), count=MUTATIONS, seed=SEED)

    assert {outcome_of(200, content, model) for content in wrong} == {model.__name__, WrongPeer.code}


def test_ten_thousand_mutations_of_a_refusal_are_a_refusal_or_come_from_no_box() -> None:
    outcomes = [outcome_of(403, each, ClaimProof) for each in json_mutations((REFUSAL,), count=MUTATIONS, seed=SEED)]

    assert {"code_wrong", "claim_refused", WrongPeer.code} <= {*outcomes}
    assert not {ClaimProof.__name__, "unbounded"} & {*outcomes}


@pytest.mark.parametrize(
    "said",
    [
        {"serial": "a\0b"},
        {"serial": "x" * 65},
        {"profile": "no such thing"},
        {"claim_id": "../../elsewhere"},
        {"nonce": "short"},
    ],
)
def test_what_a_box_may_not_be_called_ends_the_claim(said: dict[str, str]) -> None:
    content = CHALLENGE.model_copy(update=said).model_dump_json().encode()

    with pytest.raises(WrongPeer):
        read_answer(201, content, ClaimChallenge)


async def test_a_claim_of_a_box_that_talks_nonsense_fails_and_no_other() -> None:
    wrong = json_mutations((CHALLENGE.model_dump_json().encode(),), count=OVER_THE_NETWORK, seed=SEED)
    refused = 0

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=next(wrong, REFUSAL), status=201)

    app = web.Application()
    app.router.add_post(CLAIMS, answer)
    async with TestServer(app) as box, ClientSession(box.make_url("/")) as session:
        for _ in range(OVER_THE_NETWORK):
            try:
                await open_claim(session, TICKET)
            except ClaimFailed:
                refused += 1
    assert refused > OVER_THE_NETWORK // 2


def test_the_code_of_a_refusal_is_the_boxs_where_it_is_one() -> None:
    with pytest.raises(ClaimRefused) as refused:
        read_answer(403, REFUSAL, ClaimProof)

    assert refused.value.code == "code_wrong"
