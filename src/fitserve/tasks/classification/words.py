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
