"""What a package is examined for: every criterion has a stable code, a severity, and a hint for who made it."""

from dataclasses import dataclass
from typing import Literal

from federation.packages.texts import Text

Severity = Literal["error", "warning"]
Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One thing that a package must (error) or should (warning) fulfil; `hint` says how."""

    rule: int
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


def _criterion(rule: int, code: str, severity: Severity, zh: str, en: str) -> tuple[str, Criterion]:
    return code, Criterion(rule=rule, code=code, severity=severity, hint=Text(zh=zh, en=en))


CRITERIA: dict[str, Criterion] = dict(
    (
        _criterion(
            1,
            "bad_archive",
            "error",
            "用 fengsui package build 重新打包；包内只能有普通文件，不能有链接、绝对路径或 ..",
            "Pack it again with fengsui package build; plain files only, no links, no absolute paths, no ..",
        ),
        _criterion(
            2,
            "bad_manifest",
            "error",
            "按提示的字段修改 algorithm.yaml；fengsui package new 会生成一个完整示例",
            "Correct the named fields of algorithm.yaml; fengsui package new writes a whole example",
        ),
        _criterion(
            3,
            "bad_digests",
            "error",
            "文件在打包后被改动，请重新获取或重新打包",
            "Files were changed after packing; get the package anew or build it again",
        ),
        _criterion(
            4,
            "unsigned",
            "warning",
            "用 fengsui package sign 签名，并把公钥交给使用方",
            "Sign it with fengsui package sign and give your public key to its users",
        ),
        _criterion(
            4,
            "bad_signature",
            "error",
            "签名与内容不符，请向签名方重新获取算法包",
            "The signature is not of this content; get the package anew from who signed it",
        ),
        _criterion(
            5,
            "id_reserved",
            "error",
            "该标识属于内置算法，请更换 id",
            "The id belongs to a built-in algorithm; choose another",
        ),
        _criterion(
            5,
            "version_exists",
            "error",
            "该版本已入库且内容不同，请增大 version",
            "This version is in the repository with other content; raise version",
        ),
        _criterion(
            5,
            "interface_broken",
            "error",
            "同一 interface 只能增加事件和参数；有删改时请把 interface 加 1",
            "One interface may only gain events and parameters; raise interface by 1 where some go or change",
        ),
        _criterion(
            6,
            "event_code_taken",
            "error",
            "事件码在仓库内唯一，请改用自己的前缀",
            "Event codes are unique in the repository; use a prefix of your own",
        ),
        _criterion(
            7,
            "files_missing",
            "error",
            "把清单中写到的模型、示例图和图片放入算法包",
            "Put every model, sample and picture that the manifest names into the package",
        ),
        _criterion(
            7,
            "image_broken",
            "error",
            "用 skopeo copy … oci-archive:image.tar 重新导出镜像",
            "Export the image again: skopeo copy … oci-archive:image.tar",
        ),
        _criterion(
            8,
            "unsafe_model",
            "error",
            "用受支持的 opset 和标准算子重新导出 ONNX，权重须全部写入模型文件",
            "Export the ONNX again with a known opset and standard operators, all weights inside the file",
        ),
        _criterion(
            9,
            "trial_failed",
            "error",
            "模型须能在限定的内存和时间内加载并推理一张图片；请缩小模型或输入尺寸",
            "The model must load and judge a picture within the memory and time allowed; make it or its input smaller",
        ),
        _criterion(
            10,
            "tensors_differ",
            "error",
            "让 input 和 output 中的张量名、尺寸和数据类型与模型一致",
            "Make the tensor names, sizes and dtypes of input and output those of the model",
        ),
        _criterion(
            10,
            "features_differ",
            "error",
            "导出时让头部模型的每个输入与骨干模型的一个输出同名、同类型、同形状",
            "Export the head so that each of its inputs is an output of the backbone: same name, dtype and shape",
        ),
        _criterion(
            11,
            "output_differs",
            "error",
            "检查 decoder 的参数，以及 labels 的数量是否等于模型的类别数",
            "Check the fields of the decoder, and that there are as many labels as the model has classes",
        ),
        _criterion(
            12,
            "samples_differ",
            "error",
            "检查预处理（color、scale、resize）与示例图的预期结果",
            "Check the pre-processing (color, scale, resize) and what the samples expect",
        ),
        _criterion(
            12,
            "samples_few",
            "warning",
            "至少放入一张应检出和一张不应检出的示例图",
            "Add at least one sample that must be found and one that must stay silent",
        ),
        _criterion(
            13,
            "costs_more",
            "warning",
            "按实测值填写 runtime.platforms 的 ram_mb 和 runtime.capacity",
            "Say in ram_mb of runtime.platforms and in runtime.capacity what was measured",
        ),
        _criterion(
            14,
            "licence_unclear",
            "warning",
            "在 licence 中写明软件和权重的 SPDX 标识；AGPL 权重有传染性",
            "Say the SPDX identifiers of software and weights in licence; AGPL binds whoever offers the service",
        ),
        _criterion(
            15,
            "members_unknown",
            "error",
            "先导入组合包中的每个算法",
            "Import every algorithm of the bundle first",
        ),
        _criterion(
            15,
            "backbone_differs",
            "error",
            "清单中骨干模型的 sm3 须与文件一致，组合包内各算法须使用同一个骨干文件",
            "Make the sm3 of a backbone that of its file; all algorithms of a bundle hold the very same file",
        ),
        _criterion(
            15,
            "unlicensed",
            "warning",
            "向厂商申请授权；未授权的算法不能投入使用",
            "Ask the vendor for a licence; without it the algorithm may not be used",
        ),
        _criterion(
            16,
            "presentation_missing",
            "warning",
            "补充封面 cover、应用条件 conditions、场景说明 scenes 和算法声明 disclaimer",
            "Add cover, conditions, scenes and disclaimer",
        ),
    )
)
