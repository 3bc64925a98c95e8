"""Choose, adapt and ship the pre-trained text model that fits your data and your budget.

The public face, imported lazily: ``import ringsmith`` loads no torch and takes a fraction of a second.

    import ringsmith as rs

    result = rs.compare("reviews.csv", budget="10m")    # result.leaderboard, result.best, result.ties
    tuned = rs.tune("minilm", "reviews.csv", budget="30m")   # other settings of one candidate: tuned.trials, tuned.importance
    model = rs.load("runs/reviews/best")                # model.predict([...]), model.predict_proba([...]), model.embed([...])
    w2v = rs.Word2Vec(sentences, vector_size=100)       # gensim's own call: w2v.wv["word"], w2v.wv.most_similar("word")
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringsmith.api import DecodingOptions as DecodingOptions
    from ringsmith.api import Predictor as Predictor
    from ringsmith.api import Result as Result
    from ringsmith.api import RingsmithError as RingsmithError
    from ringsmith.api import TextSteps as TextSteps
    from ringsmith.api import compare as compare
    from ringsmith.api import generate as generate
    from ringsmith.api import load as load
    from ringsmith.api import read_table as read_table
    from ringsmith.api import report as report
    from ringsmith.api import translate as translate
    from ringsmith.api import tune as tune
    from ringsmith.pretrain.face import PretrainOptions as PretrainOptions
    from ringsmith.pretrain.face import pretrain as pretrain
    from ringsmith.visible.face import inspect as inspect
    from ringsmith.visible.face import inspect_word as inspect_word
    from ringsmith.words.corpus import CorpusOptions as CorpusOptions
    from ringsmith.words.corpus import read_corpus as read_corpus
    from ringsmith.words.files import open_vectors as open_vectors
    from ringsmith.words.files import save_vectors as save_vectors
    from ringsmith.words.gensim import FastText as FastText
    from ringsmith.words.gensim import Word2Vec as Word2Vec
    from ringsmith.words.glove import GloveOptions as GloveOptions
    from ringsmith.words.glove import train_glove as train_glove
    from ringsmith.words.keyed import KeyedVectors as KeyedVectors
    from ringsmith.words.options import Word2VecOptions as Word2VecOptions
    from ringsmith.words.vectors import WordVectors as WordVectors
    from ringsmith.words.word2vec import train_word2vec as train_word2vec

__all__ = [
    "CorpusOptions", "DecodingOptions", "FastText", "GloveOptions", "KeyedVectors", "Predictor", "PretrainOptions", "Result", "RingsmithError", "TextSteps", "Word2Vec",
    "Word2VecOptions", "WordVectors", "__version__", "compare", "generate", "inspect", "inspect_word", "load", "open_vectors", "pretrain", "read_corpus", "read_table",
    "report", "save_vectors", "train_glove", "train_word2vec", "translate", "tune",
]  # fmt: skip
HOMES = {
    "CorpusOptions": "words.corpus", "FastText": "words.gensim", "GloveOptions": "words.glove", "KeyedVectors": "words.keyed", "PretrainOptions": "pretrain.face",
    "Word2Vec": "words.gensim", "Word2VecOptions": "words.options", "WordVectors": "words.vectors", "open_vectors": "words.files", "pretrain": "pretrain.face",
    "read_corpus": "words.corpus", "save_vectors": "words.files", "inspect": "visible.face", "inspect_word": "visible.face", "train_glove": "words.glove",
    "train_word2vec": "words.word2vec",
}  # fmt: skip
"""Where a name lives; the others live in `api`. Each module is imported when its name is first asked for."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from ringsmith._version import version

        return version()
    if name in __all__:
        return getattr(import_module(f"ringsmith.{HOMES.get(name, 'api')}"), name)
    raise AttributeError(f"module 'ringsmith' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Face(ModuleType):
    """This module, in which `compare` and `report` stay functions: importing the packages of the same names would put these in their place."""

    compare = property(lambda _: __getattr__("compare"), lambda *_: None)
    pretrain = property(lambda _: __getattr__("pretrain"), lambda *_: None)
    report = property(lambda _: __getattr__("report"), lambda *_: None)


sys.modules[__name__].__class__ = _Face
