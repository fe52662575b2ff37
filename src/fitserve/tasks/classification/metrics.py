"""The scores of labels by name, and which of them chooses."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fitserve.metrics import Metric, named

METRICS: Mapping[str, Metric] = named(
    Metric("roc_auc", True, "How often a row of the class ranks above one of another.", 0.0),
    Metric("average_precision", True, "Precision averaged over the recall it is held at.", 0.0),
    Metric("log_loss", False, "Mean surprise at the true class, in nats.", math.inf),
    Metric("brier", False, "Mean squared error of the probabilities.", 2.0),
    Metric("accuracy", True, "Share of rows predicted right.", 0.0),
    Metric("balanced_accuracy", True, "Mean over the classes of their share found.", 0.0),
    Metric("matthews_corrcoef", True, "Correlation of true and predicted class.", -1.0),
    Metric("f1", True, "Harmonic mean of precision and recall; two classes only.", 0.0),
    Metric("precision", True, "Share of called positives that are; two classes only.", 0.0),
    Metric("recall", True, "Share of positives that are found; two classes only.", 0.0),
    Metric("f1_macro", True, "Mean F1 over the classes.", 0.0),
    Metric("precision_macro", True, "Mean precision over the classes.", 0.0),
    Metric("recall_macro", True, "Mean recall over the classes.", 0.0),
)
MACRO = "_macro"
