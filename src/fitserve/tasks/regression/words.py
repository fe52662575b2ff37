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
