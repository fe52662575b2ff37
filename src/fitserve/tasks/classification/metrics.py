"""The scores of labels by name, and which of them chooses."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fitserve.metrics import Metric, named

METRICS: Mapping[str, Metric] = named(
    Metric("roc_auc", True, "How often a row of the class ranks above one of another.", 0.0, "ROC 曲线下面积"),
    Metric("average_precision", True, "Precision averaged over the recall it is held at.", 0.0, "平均精确率"),
    Metric("log_loss", False, "Mean surprise at the true class, in nats.", math.inf, "对数损失"),
    Metric("brier", False, "Mean squared error of the probabilities.", 2.0, "Brier 分数"),
    Metric("accuracy", True, "Share of rows predicted right.", 0.0, "准确率"),
    Metric("balanced_accuracy", True, "Mean over the classes of their share found.", 0.0, "平衡准确率"),
    Metric("matthews_corrcoef", True, "Correlation of true and predicted class.", -1.0, "马修斯相关系数"),
    Metric("f1", True, "Harmonic mean of precision and recall; two classes only.", 0.0, "F1 值"),
    Metric("precision", True, "Share of called positives that are; two classes only.", 0.0, "精确率"),
    Metric("recall", True, "Share of positives that are found; two classes only.", 0.0, "召回率"),
    Metric("f1_macro", True, "Mean F1 over the classes.", 0.0, "宏平均 F1 值"),
    Metric("precision_macro", True, "Mean precision over the classes.", 0.0, "宏平均精确率"),
    Metric("recall_macro", True, "Mean recall over the classes.", 0.0, "宏平均召回率"),
)
MACRO = "_macro"
