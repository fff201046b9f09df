"""What a package is examined for: every criterion has a stable code, a severity, and a hint for who made it."""

from dataclasses import dataclass
from typing import Literal

from federation.packages.texts import Text

Severity = Literal["error", "warning"]
Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One thing that a package must (error) or should (warning) fulfil; `hint` says how."""

    code: str
    severity: Severity
    hint: Text


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a package stands with one criterion; `detail` says what was found."""

    criterion: Criterion
    outcome: Outcome
    detail: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the package cannot be used because of this."""
        return self.outcome == "failed" and self.criterion.severity == "error"


def _criterion(code: str, severity: Severity, zh: str, en: str) -> tuple[str, Criterion]:
    return code, Criterion(code=code, severity=severity, hint=Text(zh=zh, en=en))


CRITERIA: dict[str, Criterion] = dict(
    (
        _criterion(
            "bad_archive",
            "error",
            "用 fengsui package build 重新打包；包内只能有普通文件，不能有链接、绝对路径或 ..",
            "Pack it again with fengsui package build; plain files only, no links, no absolute paths, no ..",
        ),
        _criterion(
            "bad_manifest",
            "error",
            "按提示的字段修改 algorithm.yaml；fengsui package new 会生成一个完整示例",
            "Correct the named fields of algorithm.yaml; fengsui package new writes a whole example",
        ),
        _criterion(
            "bad_digests",
            "error",
            "文件在打包后被改动，请重新获取或重新打包",
            "Files were changed after packing; get the package anew or build it again",
        ),
        _criterion(
            "unsigned",
            "warning",
            "用 fengsui package sign 签名，并把公钥交给使用方",
            "Sign it with fengsui package sign and give your public key to its users",
        ),
        _criterion(
            "unsafe_model",
            "error",
            "用受支持的 opset 和标准算子重新导出 ONNX，权重须全部写入模型文件",
            "Export the ONNX again with a known opset and standard operators, all weights inside the file",
        ),
        _criterion(
            "trial_failed",
            "error",
            "模型须能在限定的内存和时间内加载并推理一张图片；请缩小模型或输入尺寸",
            "The model must load and judge a picture within the memory and time allowed; make it or its input smaller",
        ),
        _criterion(
            "tensors_differ",
            "error",
            "让 input 和 output 中的张量名、尺寸和数据类型与模型一致",
            "Make the tensor names, sizes and dtypes of input and output those of the model",
        ),
        _criterion(
            "output_differs",
            "error",
            "检查 decoder 的参数，以及 labels 的数量是否等于模型的类别数",
            "Check the fields of the decoder, and that there are as many labels as the model has classes",
        ),
        _criterion(
            "samples_differ",
            "error",
            "检查预处理（color、scale、resize）与示例图的预期结果",
            "Check the pre-processing (color, scale, resize) and what the samples expect",
        ),
        _criterion(
            "samples_few",
            "warning",
            "至少放入一张应检出和一张不应检出的示例图",
            "Add at least one sample that must be found and one that must stay silent",
        ),
        _criterion(
            "licence_unclear",
            "warning",
            "在 licence 中写明软件和权重的 SPDX 标识；AGPL 权重有传染性",
            "Say the SPDX identifiers of software and weights in licence; AGPL binds whoever offers the service",
        ),
    )
)
