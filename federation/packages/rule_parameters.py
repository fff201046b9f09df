"""The parameters that rules have, as fields of the form at a point."""

from collections.abc import Mapping

from federation.packages.parameters import Option, Parameter
from federation.packages.texts import Text

DAY_S = 86_400.0

PARAMETERS: Mapping[str, Parameter] = {
    "min_conf": Parameter(
        type="number",
        label=Text(zh="置信度", en="Confidence"),
        help=Text(zh="低于该置信度的目标不参与判断", en="What is less sure than this does not count"),
        default=0.4,
        minimum=0.01,
        maximum=1,
    ),
    "min_size": Parameter(
        type="number",
        label=Text(zh="最小目标高度占比", en="Least height of a target"),
        help=Text(zh="目标外接框高度占画面高度的比例", en="Of its box, as a share of the picture's height"),
        default=0.0,
        minimum=0,
        maximum=1,
    ),
    "count": Parameter(
        type="integer",
        label=Text(zh="目标数量", en="How many"),
        help=Text(zh="同时满足条件的目标数", en="Targets that meet the conditions at the same time"),
        default=1,
        minimum=1,
        maximum=1000,
    ),
    "compare": Parameter(
        type="string",
        label=Text(zh="比较方式", en="Comparison"),
        default="at_least",
        options=(
            Option(value="at_least", label=Text(zh="不少于", en="At least")),
            Option(value="at_most", label=Text(zh="不多于", en="At most")),
        ),
    ),
    "dwell_s": Parameter(
        type="number",
        unit="s",
        label=Text(zh="停留时间", en="Time of stay"),
        help=Text(
            zh="单个目标持续满足条件超过该时间才告警",
            en="A target is reported once it has met the conditions for so long",
        ),
        default=10.0,
        minimum=0,
        maximum=DAY_S,
    ),
    "still": Parameter(
        type="number",
        label=Text(zh="静止容差", en="Stillness"),
        help=Text(
            zh="位移小于目标自身大小的该比例视为未移动",
            en="Moving less than this share of its own size is standing still",
        ),
        default=0.25,
        minimum=0.01,
        maximum=2,
    ),
    "share": Parameter(
        type="number",
        label=Text(zh="面积占比", en="Share of the area"),
        help=Text(zh="占分析区域的比例达到该值才告警", en="Reported from this share of the region on"),
        default=0.1,
        minimum=0.001,
        maximum=1,
    ),
    "sensitivity": Parameter(
        type="number",
        label=Text(zh="灵敏度", en="Sensitivity"),
        help=Text(zh="越高越容易告警；光照变化大时请调低", en="Higher reports more; lower it where the light changes"),
        default=0.6,
        minimum=0,
        maximum=1,
    ),
    "learn_s": Parameter(
        type="number",
        unit="s",
        label=Text(zh="基准学习时间", en="Time to learn the reference"),
        help=Text(
            zh="任务启动后以这段时间的画面作为基准", en="The scene of the first so many seconds is the reference"
        ),
        default=10.0,
        minimum=0,
        maximum=3600,
    ),
    "distance": Parameter(
        type="number",
        label=Text(zh="邻近距离", en="Distance"),
        help=Text(
            zh="两个目标外接框间隙与其平均大小之比，0 表示必须相接",
            en="Gap between two boxes over their mean size; 0: they touch",
        ),
        default=0.5,
        minimum=0,
        maximum=10,
    ),
    "hold_s": Parameter(
        type="number",
        unit="s",
        label=Text(zh="持续时间", en="Held for"),
        help=Text(zh="条件持续成立超过该时间才告警", en="Reported once the conditions have held for so long"),
        default=0.0,
        minimum=0,
        maximum=DAY_S,
    ),
    "snapshots": Parameter(
        type="integer",
        label=Text(zh="确认次数", en="Confirmed by"),
        help=Text(zh="最近若干幅画面中至少有多少幅成立", en="So many of the latest pictures must meet the conditions"),
        default=1,
        minimum=1,
        maximum=50,
    ),
    "of": Parameter(
        type="integer",
        label=Text(zh="确认画面数", en="Of the latest pictures"),
        default=1,
        minimum=1,
        maximum=50,
    ),
    "dedupe_s": Parameter(
        type="number",
        unit="s",
        label=Text(zh="去重时间", en="Silent for"),
        help=Text(
            zh="同一目标或同一区域在该时间内不重复告警", en="The same thing or place is not reported again for so long"
        ),
        default=60.0,
        minimum=0,
        maximum=DAY_S,
    ),
    "repeat": Parameter(
        type="boolean",
        label=Text(zh="持续存在时重复告警", en="Report again while it lasts"),
        help=Text(zh="关闭后，须消失满去重时间才会再次告警", en="If not, it must have been gone for that time before"),
        default=True,
    ),
}
"""Every parameter of every kind of rule. `snapshots` above `of` means all of them."""
