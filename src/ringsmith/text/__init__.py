"""STRING -> TOKENS, pure functions: normalise, tokenise, stem, lemmatise, stop words, and the ordered steps that a model is saved with."""

from __future__ import annotations

from ringsmith.text.lemmatise import lemmatise
from ringsmith.text.normalise import normalise
from ringsmith.text.stem import stem
from ringsmith.text.steps import STEPS, Step, TextSteps, parse_steps
from ringsmith.text.stopwords import stopwords
from ringsmith.text.tokenise import tokenise
from ringsmith.text.trace import Change, StepTrace, trace

__all__ = ["STEPS", "Change", "Step", "StepTrace", "TextSteps", "lemmatise", "normalise", "parse_steps", "stem", "stopwords", "tokenise", "trace"]
