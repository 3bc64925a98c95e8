"""FITTED MODEL -> ANSWERS."""

from __future__ import annotations

from ringsmith.serve.predictor import Prediction, Predictor, load

__all__ = ["Prediction", "Predictor", "load"]
