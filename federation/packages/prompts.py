"""A question to a vision language model (多模态大模型), asked of every picture of a task in words."""

import json

from pydantic import Field, JsonValue

from federation.packages.description import AlgorithmId, Word
from federation.packages.endpoints import AnswerReading, Auth, Endpoint, PictureRequest, ServiceUrl
from federation.packages.texts import ManifestPart


class Prompt(ManifestPart):
    """What is asked of a model that speaks OpenAI's chat completions; it tells labels apart, and where they are not."""

    system: AlgorithmId = Field(description="by this name a box's configuration says where it is, and its secret")
    url: ServiceUrl = Field(description="where its `/chat/completions` is; a box goes by its own configuration")
    model: Word = Field(description="what the system calls the model")
    text: str = Field(min_length=1, max_length=8000, description="what to look for, and what makes each label")
    auth: Auth | None = Auth()
    timeout_s: float = Field(default=60.0, gt=0, le=300, description="longest wait for one picture")
    at_once: int = Field(default=1, ge=1, le=32, description="pictures that it judges at one time")
    widest_px: int = Field(default=1024, ge=64, le=4096, description="wider pictures are made smaller")

    def endpoint(self, labels: tuple[str, ...]) -> Endpoint:
        """Return how the model is asked which of `labels` a picture shows."""
        return Endpoint(
            system=self.system,
            url=self.url,
            protocol="mapped",
            auth=self.auth,
            timeout_s=self.timeout_s,
            at_once=self.at_once,
            request=PictureRequest(
                path="/chat/completions",
                body="json",
                document={"model": self.model, "temperature": 0, "messages": [_message(self.text, labels)]},
                at="/messages/0/content/1/image_url/url",
                prefix="data:image/jpeg;base64,",
                widest_px=self.widest_px,
            ),
            answer=AnswerReading(
                text="/choices/0/message/content",
                items="/found",
                may_lack=False,
                label="/label",
                labels={label: label for label in labels},
                score="/score",
            ),
        )


def _message(text: str, labels: tuple[str, ...]) -> JsonValue:
    asked = f"{text}\n\n{_FORM} {json.dumps(labels, ensure_ascii=False)}"
    return {
        "role": "user",
        "content": [{"type": "text", "text": asked}, {"type": "image_url", "image_url": {"url": ""}}],
    }


_FORM = (
    "只用JSON回答，不要其他文字。 Answer with JSON only, and nothing else:"
    ' {"found": [{"label": LABEL, "score": 0..1}]}, an empty array where nothing of it is seen. LABEL is one of'
)
