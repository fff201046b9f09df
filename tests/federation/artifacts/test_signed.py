"""A signed manifest is the hub's word, whoever brings it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.artifacts import ArtifactManifest, BadManifest, OtherSigner, read_signed
from federation.desired import HubKey
from federation.testing.played_source import HUB_KEY, signed_by

DIGEST = "sha256:" + "ab" * 32
NAMES = ("0" * 64,)
MANIFEST = ArtifactManifest(digest=DIGEST, size_bytes=9, kind="dataset", name="街道", sha256=NAMES, sm3=NAMES)


def test_a_manifest_signed_by_the_hub_is_taken_as_it_came() -> None:
    content = signed_by(HUB_KEY, MANIFEST).content

    found = read_signed(content, digest=DIGEST)

    found.check(HUB_KEY.key.public)
    assert (found.manifest, found.content) == (MANIFEST, content)


def test_a_manifest_of_another_key_is_told_from_a_wrong_one() -> None:
    with pytest.raises(OtherSigner):
        signed_by(HubKey.generate(), MANIFEST).check(HUB_KEY.key.public)


@pytest.mark.parametrize("changed", ["text", "signature", "no base64"])
def test_a_manifest_that_was_changed_is_refused(changed: str) -> None:
    parts = json.loads(signed_by(HUB_KEY, MANIFEST).content)
    match changed:
        case "text":
            parts["text"] = parts["text"].replace('"size_bytes":9', '"size_bytes":8')
        case "signature":
            parts["signature"] = HUB_KEY.sign("another text").signature
        case _:
            parts["signature"] = "!"

    with pytest.raises(BadManifest, match="signature"):
        read_signed(json.dumps(parts).encode(), digest=DIGEST).check(HUB_KEY.key.public)


SHAPED = st.fixed_dictionaries({"text": st.text(), "key_id": st.text(), "signature": st.text()})


@given(st.binary(max_size=200) | SHAPED.map(json.dumps).map(str.encode))
def test_anything_else_is_no_signed_manifest(content: bytes) -> None:
    with pytest.raises(BadManifest):
        read_signed(content, digest=DIGEST)
