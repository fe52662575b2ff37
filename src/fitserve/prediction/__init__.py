"""Bundle to Predictor. onnxruntime is imported here and nowhere else."""

from fitserve.prediction.loading import load
from fitserve.prediction.predictor import Predictor

__all__ = ["Predictor", "load"]
