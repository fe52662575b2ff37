"""What is said of numbers, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "a number": "It predicts a number by the learner {learner!r}.",
        "off": "It is off by {value}{within} on average{without}.",
        "without": "; without learning, by {value}",
        "between": " ({low} to {high})",
        "error": "mean error",
    },
    "zh": {
        "a number": "模型预测一个数值，所用学习器为 `{learner}`。",
        "off": "平均误差为 {value}{within}{without}。",
        "without": "；不学习的基线为 {value}",
        "between": "（{low} 至 {high}）",
        "error": "平均误差",
    },
}

PARTS: Mapping[str, str] = {"residuals": "How far off it is"}
"""Titles of the parts of a report that numbers have."""

MESSAGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "regression.error": WORDS["en"]["error"],
        "regression.numbers": "{column!r} holds {distinct} different numbers",
        "regression.no_numbers": "a target {column!r} that is no number ({examples:each|{item!r}|, })",
        "regression.no_numbers.advice": "give numbers, or --task classification takes all of them as labels",
        "regression.infinite": "an infinite target {column!r}",
        "regression.infinite.advice": "give a number",
    },
    "zh": {
        "regression.error": WORDS["zh"]["error"],
        "regression.numbers": "“{column}”有 {distinct} 个不同的数值",
        "regression.infinite": "目标“{column}”为无穷大",
        "regression.infinite.advice": "请给出数值",
    },
}
"""What is told of numbers, by language and code."""
