"""The words of a model's card, in English and in Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fitserve.data.few_rows import EQUAL_TOGETHER, EXPANDING, LEAVE_ONE_GROUP_OUT, LEAVE_ONE_OUT

LANGUAGES = ("en", "zh")

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
        "judged on": "Judged on {validation}.",
        "alike": "As good as {best} within chance: {names}.",
        "best": "{best} is better than every other learner by more than chance.",
        "left out": "## What could not be told",
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
        "findings": "训练时的提示（原文为英文）：",
        "reads": "## 读取哪些列",
        "column heads": "| 列 | 类型 | 原因（原文为英文） |",
        "not used": "未使用",
        "tried": "## 尝试过的学习器",
        "judged on": "评判方式：{validation}。",
        "alike": "与 {best} 的差别在偶然范围之内：{names}。",
        "best": "{best} 优于其他所有学习器，差别超出偶然范围。",
        "left out": "## 未能说明的部分（原文为英文）",
        "candidate heads": "| 学习器 | 参数 | {metric} |",
    },
}

# Which rows a model had seen that predicted others, where there are too few for a test part.
FEW_ROWS: Mapping[str, Mapping[str, str]] = {
    "en": {
        LEAVE_ONE_OUT: "Each row was predicted by a model that had seen all others.",
        EQUAL_TOGETHER: "Each row was predicted by a model that had seen all others but those equal to it.",
        LEAVE_ONE_GROUP_OUT: "The rows of each group were predicted by a model that had seen the other groups alone.",
        EXPANDING: "Each of these rows was predicted by a model that had seen earlier rows alone.",
    },
    "zh": {
        LEAVE_ONE_OUT: "每一行都由见过其余所有行的模型预测。",
        EQUAL_TOGETHER: "每一行都由见过其余所有行（与它相同的行除外）的模型预测。",
        LEAVE_ONE_GROUP_OUT: "每一组的行都由只见过其他各组的模型预测。",
        EXPANDING: "这些行中的每一行都由只见过更早各行的模型预测。",
    },
}

SCORES_ZH = {
    "roc_auc": "ROC 曲线下面积",
    "average_precision": "平均精确率",
    "log_loss": "对数损失",
    "brier": "Brier 分数",
    "accuracy": "准确率",
    "balanced_accuracy": "平衡准确率",
    "matthews_corrcoef": "马修斯相关系数",
    "f1": "F1 值",
    "precision": "精确率",
    "recall": "召回率",
    "f1_macro": "宏平均 F1 值",
    "precision_macro": "宏平均精确率",
    "recall_macro": "宏平均召回率",
    "rmse": "均方根误差",
    "mae": "平均绝对误差",
    "r2": "决定系数 R²",
    "median_absolute_error": "绝对误差中位数",
    "mape": "平均绝对百分比误差",
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
_TOO_FEW = r"(\d+) rows are too few for a test part; scores are by "
# What the training says in English about its rows, and how a part of them is called.
_PHRASES_ZH = (
    (r"the test part", "测试集"),
    (re.escape(LEAVE_ONE_OUT), "留一法"),
    (re.escape(EQUAL_TOGETHER), "留一法（相同的行一起留出）"),
    (re.escape(LEAVE_ONE_GROUP_OUT), "留一组法"),
    (re.escape(EXPANDING), "后一半行上的扩展窗口"),
    (r"(\d+)-fold cross-validation", r"\1 折交叉验证"),
    (r"a held-out fifth of the training rows", "训练数据中留出的五分之一"),
    (r"the last fifth of the training rows in time", "训练数据中时间最晚的五分之一"),
    (r"the last rows in time", "时间最晚的行"),
    (r"stratified by the target, seed (\d+), equal rows kept together", r"按目标分层，随机种子 \1，相同的行不拆开"),
    (r"stratified by the target, seed (\d+), groups kept together", r"按目标分层，随机种子 \1，同组的行不拆开"),
    (r"stratified by the target, seed (\d+)", r"按目标分层，随机种子 \1"),
    (r"random, seed (\d+)", r"随机划分，种子 \1"),
    (r"random, seed (\d+), equal rows kept together", r"随机划分，种子 \1，相同的行不拆开"),
    (r"random, seed (\d+), groups kept together", r"随机划分，种子 \1，同组的行不拆开"),
    (f"{_TOO_FEW}{re.escape(LEAVE_ONE_OUT)}", r"只有 \1 行，不足以留出测试集，改用留一法"),
    (f"{_TOO_FEW}{re.escape(EQUAL_TOGETHER)}", r"只有 \1 行，不足以留出测试集，改用留一法，相同的行一起留出"),
    (f"{_TOO_FEW}{re.escape(LEAVE_ONE_GROUP_OUT)}", r"只有 \1 行，不足以留出测试集，改用留一组法"),
    (f"{_TOO_FEW}{re.escape(EXPANDING)}", r"只有 \1 行，不足以留出测试集，改用后一半行上的扩展窗口"),
    (r"too many rows .* for a fair test part; .*", "相同或同组的行太多，无法公平地留出测试集，改用交叉验证"),
    (r"(\d+) rows are too few to look at parts of them", r"只有 \1 行，数据太少"),
    (r"length of `(.*)` up to (.*)", r"`\1` 的长度不超过 \2 "),
    (r"length of `(.*)` over (.*) up to (.*)", r"`\1` 的长度大于 \2 且不超过 \3 "),
    (r"length of `(.*)` over (.*)", r"`\1` 的长度大于 \2 "),
    (r"`(.*)` over (.*) up to (.*)", r"`\1` 大于 \2 且不超过 \3 "),
    (r"`(.*)` up to (.*)", r"`\1` 不超过 \2 "),
    (r"`(.*)` over (.*)", r"`\1` 大于 \2 "),
    (r"`(.*)` missing", r"`\1` 缺失"),
    (r"`(.*)` = '(.*)'", r"`\1` 为“\2”"),
    (r"`(.*)` = (.*)", r"`\1` 为 \2 "),
)


def phrase(text: str, language: str) -> str:
    """A short English phrase of the training in a language; as it is, where it is unknown."""
    if language != "zh":
        return text
    for pattern, chinese in _PHRASES_ZH:
        if found := re.fullmatch(pattern, text, flags=re.DOTALL):
            return found.expand(chinese)
    return text
