"""What is said of numbers, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

PARTS: Mapping[str, str] = {"residuals": "How far off it is"}
"""Titles of the parts of a report that numbers have."""

MESSAGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "regression.error": "mean error",
        "regression.summary": "It predicts a number by the learner {learner!r}.",
        "regression.quality": (
            "It is off by {value:number}{ends:if| ({low:number} to {high:number})|} on average; without learning, by "
            "{baseline:number}."
        ),
        "regression.numbers": "{column!r} holds {distinct} different numbers",
        "regression.no_numbers": "a target {column!r} that is no number ({examples:each|{item!r}|, })",
        "regression.no_numbers.advice": "give numbers, or --task classification takes all of them as labels",
        "regression.infinite": "an infinite target {column!r}",
        "regression.infinite.advice": "give a number",
        "regression.predicted_actual": "Predicted against actual",
        "regression.predicted_actual.note": "At most 500 rows; on the dashed line the prediction is right.",
        "regression.residuals": "Errors by prediction",
        "regression.residuals.note": (
            "The same rows. A funnel or a bow says that the errors have a rule of their own."
        ),
        "regression.residual_histogram": "How far off",
        "regression.residual_histogram.note": "What is beyond 99 % of the rows is in the outermost bars.",
        "regression.error_by_size": "Error by size of the truth",
        "regression.error_by_size.note": "Mean absolute error with 95 % intervals.",
    },
    "zh": {
        "regression.error": "平均误差",
        "regression.summary": "模型预测一个数值，所用学习器为 `{learner}`。",
        "regression.quality": (
            "平均误差为 {value:number}{ends:if|（{low:number} 至 {high:number}）|}；不学习的基线为 {baseline:number}。"
        ),
        "regression.numbers": "“{column}”有 {distinct} 个不同的数值",
        "regression.infinite": "目标“{column}”为无穷大",
        "regression.infinite.advice": "请给出数值",
        "regression.predicted_actual": "预测值与实际值",
        "regression.predicted_actual.note": "最多 500 行；虚线上的预测完全正确。",
        "regression.residuals": "误差与预测值",
        "regression.residuals.note": "同样的行。呈漏斗形或弓形，说明误差有自己的规律。",
        "regression.residual_histogram": "误差分布",
        "regression.residual_histogram.note": "超出 99 % 的行计入最外侧的柱。",
        "regression.error_by_size": "误差与真实值大小",
        "regression.error_by_size.note": "平均绝对误差，附 95 % 区间。",
    },
}
"""What is told of numbers, by language and code."""
