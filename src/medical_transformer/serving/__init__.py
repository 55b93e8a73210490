"""A trained model answering on raw scans."""

from medical_transformer.serving.answered import Answered
from medical_transformer.serving.predict import Predicted, predict
from medical_transformer.serving.predictor import Predictor

__all__ = ["Answered", "Predicted", "Predictor", "predict"]
