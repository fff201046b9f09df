"""Documents that people carry: JSON text with the signature of who made it (SM2 with SM3)."""

import base64
import binascii
import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from federation.crypto import BadKey, PublicKey, SigningKey, sm3_hex
from federation.exchange.errors import BadDocument
from federation.messages.wire import WireModel

LARGEST_BYTES = 4 << 20

Document = TypeVar("Document", bound=WireModel)


class _Signed(BaseModel):
    """The file: `document` is the very text that was signed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    document: str
    key: str = Field(max_length=4096, description="PEM of the signer's public key")
    signature: str = Field(max_length=200, description="Base64")


def sign(document: WireModel, key: SigningKey) -> str:
    """Return the content of a file that holds the document and its signature."""
    text = document.model_dump_json()
    signature = base64.b64encode(key.sign(text.encode())).decode()
    return _Signed(document=text, key=key.public.to_pem(), signature=signature).model_dump_json(indent=1) + "\n"


def read_signed(text: str | bytes, model: type[Document]) -> tuple[Document, PublicKey]:
    """Return the document and the key that signed it; whose key that is, the caller decides. Raises BadDocument."""
    if len(text) > LARGEST_BYTES:
        raise BadDocument("document_too_large", f"a signed document has at most {LARGEST_BYTES >> 20} MiB")
    try:
        signed = _Signed.model_validate(json.loads(text))
        key = PublicKey.from_pem(signed.key)
        if not key.verify(signed.document.encode(), base64.b64decode(signed.signature, validate=True)):
            raise BadDocument("document_changed", "the document was changed after it was signed")
        return model.model_validate_json(signed.document), key
    except (ValidationError, BadKey, binascii.Error, ValueError, RecursionError) as error:
        raise BadDocument(
            "document_unreadable", f"this is no signed document of the kind that is wanted here: {_reason(error)}"
        ) from error


def digest_of(text: str | bytes) -> str:
    """Return what names the document in a file: SM3 of the very text that was signed. Raises BadDocument."""
    try:
        return sm3_hex(_Signed.model_validate(json.loads(text)).document.encode())
    except (ValueError, RecursionError) as error:
        raise BadDocument("document_unreadable", f"this is no signed document: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return "it is not the text that was made"
