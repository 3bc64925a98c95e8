"""gensim's face over `train_word2vec`: ``Word2Vec`` and ``FastText`` with the names, arguments and defaults of gensim 4.4.

    from ringsmith import Word2Vec                       # the only line that changes

    model = Word2Vec(sentences, vector_size=100, window=5, min_count=1, workers=4)
    model.wv["word"], model.wv.key_to_index, model.wv.most_similar("word")

Departures, each on purpose:
    - The corpus is read once, not once for each epoch: an iterator that can be gone through only once will do.
    - A sentence may also be a string, which is cut at white space (gensim takes its letters for words).
    - The learning rate falls over the words that are really there, with ``corpus_file`` too; `total_examples` and `total_words` are not needed.
    - ``corpus_file`` may be packed (.gz, .xz, .zst, .bz2) or a folder; its ``corpus_count`` counts sentences that have a known word.
    - ``save`` writes safetensors, never a pickle. Arguments that are not taken are refused, those without effect warned about.
    - The loss is told from one centre word in sixteen, times sixteen.
    - Words of equal counts stand in the order in which they first occur.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, ClassVar

from ringsmith.words.gensim_base import SAVED, Sentences, Trained
from ringsmith.words.gensim_terms import check_arguments


class Word2Vec(Trained):
    """word2vec with gensim's call; see the module's docstring for where it departs.

    Args:
        sentences: lists of words, or strings; None to call `build_vocab` and `train` later.
        corpus_file: or a file, a sentence in each line.
        vector_size: numbers of a vector.
        alpha: learning rate at the start.
        window: words to either side that are looked at, at most.
        min_count: words that occur less often are left out.
        max_vocab_size: None.
        sample: words with a larger share of the corpus are thinned out.
        seed: of the first vectors and all that is drawn.
        workers: threads; with 1 every run gives the same bits.
        min_alpha: learning rate at the end.
        sg: 1 for skip-gram, 0 for CBOW.
        hs: 1 for hierarchical softmax.
        negative: negatives for each word; 0 for none.
        ns_exponent: negatives are drawn by count ** ns_exponent.
        cbow_mean: 1 for the mean of the context, 0 for the sum.
        hashfxn: left out.
        epochs: passes over the corpus.
        null_word: 0.
        trim_rule: None.
        sorted_vocab: 1.
        batch_words: without effect.
        compute_loss: keep the loss for `get_latest_training_loss`.
        callbacks: objects with ``on_train_begin``, ``on_epoch_begin``, ``on_epoch_end``, ``on_train_end``.
        comment: kept as an attribute.
        max_final_vocab: at most so many words, the most frequent ones.
        shrink_windows: draw the window anew for each word, from 1 to `window`.

    Raises:
        OptionError: a value outside its range, or an argument that is not taken. InputError: nothing to train on.

    Examples:
        >>> model = Word2Vec([["cat", "say", "meow"], ["dog", "say", "woof"]], vector_size=8, min_count=1, workers=1)
        >>> model.wv["cat"].shape, model.wv.key_to_index["say"], len(model.wv.most_similar("cat", topn=3))
        ((8,), 0, 3)
    """

    def __init__(
        self,
        sentences: Sentences | None = None,
        corpus_file: str | PathLike[str] | None = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 1e-4,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Any = hash,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: None = None,
        sorted_vocab: int = 1,
        batch_words: int = 10_000,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        comment: str | None = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ) -> None:
        check_arguments(max_vocab_size=max_vocab_size, hashfxn=hashfxn, null_word=null_word, trim_rule=trim_rule, sorted_vocab=sorted_vocab, batch_words=batch_words)
        self._keep(locals())
        self._begin(sentences, corpus_file, callbacks, compute_loss)
        self.comment = comment


class FastText(Trained):
    """word2vec with vectors of character n-grams, with gensim's call: words that were never seen have vectors too.

    Args:
        sentences: lists of words, or strings; None to call `build_vocab` and `train` later.
        corpus_file: or a file, a sentence in each line.
        sg: 1 for skip-gram, 0 for CBOW.
        hs: 1 for hierarchical softmax.
        vector_size: numbers of a vector.
        alpha: learning rate at the start.
        window: words to either side that are looked at, at most.
        min_count: words that occur less often are left out.
        max_vocab_size: None.
        word_ngrams: 1.
        sample: words with a larger share of the corpus are thinned out.
        seed: of the first vectors and all that is drawn.
        workers: threads; with 1 every run gives the same bits.
        min_alpha: learning rate at the end.
        negative: negatives for each word; 0 for none.
        ns_exponent: negatives are drawn by count ** ns_exponent.
        cbow_mean: 1 for the mean of the context, 0 for the sum.
        hashfxn: left out.
        epochs: passes over the corpus.
        null_word: 0.
        min_n: characters of the shortest n-gram.
        max_n: characters of the longest one; less than `min_n` for none.
        sorted_vocab: 1.
        bucket: n-grams are hashed to so many vectors.
        trim_rule: None.
        batch_words: without effect.
        callbacks: as for `Word2Vec`.
        max_final_vocab: at most so many words, the most frequent ones.
        shrink_windows: draw the window anew for each word, from 1 to `window`.

    Raises:
        OptionError: a value outside its range, or an argument that is not taken. InputError: nothing to train on.

    Examples:
        >>> model = FastText([["king", "queen"], ["kings", "queens"]], vector_size=8, min_count=1, workers=1, bucket=100)
        >>> "kingdom" in model.wv.key_to_index, model.wv["kingdom"].shape
        (False, (8,))
    """

    saved: ClassVar[tuple[str, ...]] = (*SAVED, "min_n", "max_n", "bucket")
    min_n: int
    max_n: int
    bucket: int

    def __init__(
        self,
        sentences: Sentences | None = None,
        corpus_file: str | PathLike[str] | None = None,
        sg: int = 0,
        hs: int = 0,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: None = None,
        word_ngrams: int = 1,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 1e-4,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Any = hash,
        epochs: int = 5,
        null_word: int = 0,
        min_n: int = 3,
        max_n: int = 6,
        sorted_vocab: int = 1,
        bucket: int = 2_000_000,
        trim_rule: None = None,
        batch_words: int = 10_000,
        callbacks: Iterable[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ) -> None:
        check_arguments(
            max_vocab_size=max_vocab_size, word_ngrams=word_ngrams, hashfxn=hashfxn, null_word=null_word, sorted_vocab=sorted_vocab, trim_rule=trim_rule, batch_words=batch_words
        )
        self._keep(locals())
        self._begin(sentences, corpus_file, callbacks, compute_loss=False)

    def _subwords(self) -> tuple[tuple[int, int] | None, int]:
        return (None, 1) if self.max_n < self.min_n else ((self.min_n, self.max_n), self.bucket)
