"""What is said of labels, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "labels": "It predicts one of {n} labels ({labels}) by the learner {learner!r}.",
        "positive": "The positive class is {positive!r}.",
        "right": "It is right on {share} of 100 rows{within}{without}.",
        "without": "; without learning, on {share}",
        "between": " ({low} to {high})",
        "error": "error",
    },
    "zh": {
        "labels": "模型从 {n} 个标签（{labels}）中预测一个，所用学习器为 `{learner}`。",
        "positive": "正类是“{positive}”。",
        "right": "每 100 行中预测正确 {share} 行{within}{without}。",
        "without": "；不学习的基线为 {share} 行",
        "between": "（{low} 至 {high}）",
        "error": "错误率",
    },
}

PARTS: Mapping[str, str] = {
    "confusion": "Which labels are taken for which",
    "curves": "Curves",
    "calibration": "Whether probabilities can be believed",
    "gains": "Gain and lift",
    "thresholds": "Which threshold",
}
"""Titles of the parts of a report that labels have."""

MESSAGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "classification.error": WORDS["en"]["error"],
        "classification.labels": "{column!r} holds labels ({reason})",
        "classification.two_numbers": "{column!r} holds two whole numbers; --task regression takes them as amounts",
        "classification.few_numbers": (
            "{column!r} holds {distinct} whole numbers only; --task regression takes them as amounts"
        ),
        "classification.macro": (
            "{metric} is for two labels, and there are {labels}: {chosen}, the mean over them, chooses"
        ),
        "classification.only_in_test": (
            "{n:one|the label {first!r} is|the labels {labels:each|{item!r}|, } are} in the test part alone: learned "
            "from it in the end, but no score tells how well"
        ),
        "classification.one_label": "one label only among the rows, so there is nothing to rank",
    },
    "zh": {
        "classification.error": WORDS["zh"]["error"],
        "classification.labels": "“{column}”是标签（{reason}）",
        "classification.two_numbers": "“{column}”是两个整数；--task regression 将其视为数量",
        "classification.few_numbers": "“{column}”只有 {distinct} 个整数；--task regression 将其视为数量",
        "classification.macro": "{metric} 用于两个标签，而这里有 {labels} 个：改用各标签的平均 {chosen}",
        "classification.one_label": "这些行只有一个标签，无从排序",
    },
}
"""What is told of labels, by language and code."""
