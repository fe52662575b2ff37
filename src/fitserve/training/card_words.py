"""The words of a model's card, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from fitserve.data.few_rows import EQUAL_TOGETHER, EXPANDING, LEAVE_ONE_GROUP_OUT, LEAVE_ONE_OUT
from fitserve.messages import AnyMessage, Message

_FEW_ROWS = {
    each.code: f"{each.code}.predicted" for each in (LEAVE_ONE_OUT, EQUAL_TOGETHER, LEAVE_ONE_GROUP_OUT, EXPANDING)
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "# A model for {target!r}",
        "good": "## How good it is",
        "measured": "Measured on {on}, {rows} rows ({split}). Intervals are those of 95 %.",
        "few": (
            " {how} With so few rows these scores are rough: another sample of the same size may give quite different "
            "ones."
        ),
        "score heads": "| score | model | interval | without learning | better is |",
        "chosen": " (chosen by)",
        "higher": "higher",
        "lower": "lower",
        "undefined": "undefined",
        "bad": "## Where it is bad",
        "slice": "- Rows with {where}: {error} {mean}, elsewhere {rest}, {rows} rows.",
        "none bad": "No part of the rows was found that is worse than chance explains.",
        "not looked": "Parts of the rows were not looked at: {reason}.",
        "and": " and ",
        "relies": "## What it relies on",
        "importance": "By how much {metric} gets worse when the values of a column are shuffled:",
        "trained": "## What it was trained on",
        "data": "{rows} rows; content hash {sha256}.",
        "findings": "",
        "reads": "## What it reads",
        "column heads": "| column | kind | why |",
        "not used": "not used",
        "tried": "## What was tried",
        "evaluated on": "Evaluated on {validation}.",
        "alike": "As good as {best} within chance: {names}.",
        "best": "{best} is better than every other learner by more than chance.",
        "left out": "## What is missing",
        "candidate heads": "| learner | parameters | {metric} |",
    },
    "zh": {
        "title": "# 预测“{target}”的模型",
        "good": "## 效果如何",
        "measured": "评估数据：{on}，共 {rows} 行（{split}）。区间均为 95% 置信区间。",
        "few": "{how}数据这么少，分数只能作粗略参考：换一批同样大小的数据，结果可能大不相同。",
        "score heads": "| 指标 | 模型 | 区间 | 不学习的基线 | 更好的方向 |",
        "chosen": "（选择依据）",
        "higher": "越高越好",
        "lower": "越低越好",
        "undefined": "无定义",
        "bad": "## 在哪里表现较差",
        "slice": "- {where}的行：{error} {mean}，其余 {rest}，共 {rows} 行。",
        "none bad": "没有发现哪一部分数据的误差超出偶然所能解释的范围。",
        "not looked": "未能分部分考察：{reason}。",
        "and": "，且 ",
        "relies": "## 依据哪些列",
        "importance": "把某一列的值打乱之后，{metric} 变差多少：",
        "trained": "## 训练数据",
        "data": "共 {rows} 行；内容哈希为 {sha256}。",
        "findings": "训练时的提示：",
        "reads": "## 读取哪些列",
        "column heads": "| 列 | 类型 | 原因（原文为英文） |",
        "not used": "未使用",
        "tried": "## 尝试过的学习器",
        "evaluated on": "评判方式：{validation}。",
        "alike": "与 {best} 的差别在偶然范围之内：{names}。",
        "best": "{best} 优于其他所有学习器，差别超出偶然范围。",
        "left out": "## 未能说明的部分",
        "candidate heads": "| 学习器 | 参数 | {metric} |",
    },
}

KINDS_ZH = {
    "number": "数值",
    "boolean": "布尔值",
    "category": "类别",
    "datetime": "日期时间",
    "text": "文本",
    "identifier": "标识符",
    "constant": "常量",
}


def who_predicted(on: AnyMessage) -> Message | None:
    """Which rows a model had seen that predicted others, where there are too few for a test part; None elsewhere."""
    if not isinstance(on, Message) or on.code not in _FEW_ROWS:
        return None
    return Message(_FEW_ROWS[on.code])
