"""What is said of labels, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

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
        "classification.error": "error",
        "classification.summary": (
            "It predicts one of {n} labels ({labels:each|{item}|, }{more:if|, …|}) by the learner {learner!r}."
        ),
        "classification.positive": "The positive class is {positive!r}.",
        "classification.quality": (
            "It is right on {share:of 100} of 100 rows{ends:if| ({low:of 100} to {high:of 100})|}"
            "{compared:if|; without learning, on {baseline:of 100}|}."
        ),
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
        "classification.confusion": "Confusion matrix",
        "classification.confusion.note": (
            "Rows by their true and their predicted label; the darker, the larger the share of the true label's rows."
            "{some:if| The {shown} of {labels} labels that are confused most.|}"
        ),
        "classification.roc": "ROC curve",
        "classification.roc.note": (
            "The dashed line is guessing.{some:if| The six labels with the smallest areas, each against the rest.|}"
        ),
        "classification.precision_recall": "Precision and recall",
        "classification.precision_recall.note": (
            "What finding more costs in precision."
            "{some:if| The six labels with the smallest areas, each against the rest.|}"
        ),
        "classification.calibration": "Calibration",
        "classification.calibration.note": (
            "How often the {two:if|positive|predicted} label is right where it was given a probability, with 95 % "
            "intervals. On the dashed line it happens as often as it is said."
            "{known:if| Mean distance: {error:.3f}.|}"
        ),
        "classification.gain": "Gain",
        "classification.gain.note": "Who looks at so many rows finds so many positive ones.",
        "classification.lift": "Lift",
        "classification.lift.note": "How much richer in positive rows they are than all rows together.",
        "classification.thresholds": "Which threshold?",
        "classification.thresholds.note": (
            "A row is called {positive!r} from the threshold on; the model's own is {own:g}. Enter what a row called "
            "wrongly and a row missed cost you, in any unit; right answers cost nothing. The dashed line is the "
            "cheapest threshold on these rows."
        ),
    },
    "zh": {
        "classification.error": "错误率",
        "classification.summary": (
            "模型从 {n} 个标签（{labels:each|{item}|, }{more:if|, …|}）中预测一个，所用学习器为 `{learner}`。"
        ),
        "classification.positive": "正类是“{positive}”。",
        "classification.quality": (
            "每 100 行中预测正确 {share:of 100} 行{ends:if|（{low:of 100} 至 {high:of 100}）|}"
            "{compared:if|；不学习的基线为 {baseline:of 100} 行|}。"
        ),
        "classification.labels": "“{column}”是标签（{reason}）",
        "classification.two_numbers": "“{column}”是两个整数；--task regression 将其视为数量",
        "classification.few_numbers": "“{column}”只有 {distinct} 个整数；--task regression 将其视为数量",
        "classification.macro": "{metric} 用于两个标签，而这里有 {labels} 个：改用各标签的平均 {chosen}",
        "classification.one_label": "这些行只有一个标签，无从排序",
        "classification.confusion": "混淆矩阵",
        "classification.confusion.note": (
            "按真实标签与预测标签统计的行数；颜色越深，占该真实标签的比例越大。"
            "{some:if|只显示 {labels} 个标签中最易混淆的 {shown} 个。|}"
        ),
        "classification.roc": "ROC 曲线",
        "classification.roc.note": "虚线为随机猜测。{some:if|只显示面积最小的六个标签，各自与其余标签相比。|}",
        "classification.precision_recall": "精确率与召回率",
        "classification.precision_recall.note": (
            "找到更多正例时精确率的代价。{some:if|只显示面积最小的六个标签，各自与其余标签相比。|}"
        ),
        "classification.calibration": "校准",
        "classification.calibration.note": (
            "给出某一概率时{two:if|正类|预测}标签有多常正确，附 95 % 区间。虚线上，实际频率与所给概率相同。"
            "{known:if|平均差距：{error:.3f}。|}"
        ),
        "classification.gain": "累积增益",
        "classification.gain.note": "查看这么多行，能找到多少正例。",
        "classification.lift": "提升度",
        "classification.lift.note": "其中正例的比例是全部行的多少倍。",
        "classification.thresholds": "选择哪个阈值？",
        "classification.thresholds.note": (
            "概率达到阈值的行判为“{positive}”；模型自己的阈值是 {own:g}。请填入误报一行和漏报一行的代价，单位任意；"
            "判对没有代价。虚线是在这些行上代价最小的阈值。"
        ),
    },
}
"""What is told of labels, by language and code."""
