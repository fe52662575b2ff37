"""Bundle to Predictor. onnxruntime is imported here and nowhere else."""

from fitserve.prediction.loading import load
from fitserve.prediction.predictor import Predictor
from fitserve.prediction.record import Prediction, Subscriber

__all__ = ["Prediction", "Predictor", "Subscriber", "load"]
