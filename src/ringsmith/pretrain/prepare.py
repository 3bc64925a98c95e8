"""From a corpus to its numbers: the vocabulary (a model's, or learnt here) and the token file, both used again where they fit.

Both lie in a folder of the cache, named by what they were made from: several objectives on one corpus read it once. What is learnt from standard
input or from an iterator, which give their text only once, is written to a scratch file first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ringsmith._paths import cache_folder
from ringsmith._wording import plural
from ringsmith.adapt.folder import new_folder
from ringsmith.backbones.load import read_plain_tokeniser
from ringsmith.errors import ModelError, OptionError, UsageError
from ringsmith.pretrain.documents import Corpus, Pass, spool, unspool
from ringsmith.pretrain.objective import Objective
from ringsmith.pretrain.options import PIECES, PretrainOptions
from ringsmith.pretrain.tokenfile import MadeFrom, TokenFile, find_tokens, hash_tokeniser, tokeniser_threads, write_tokens
from ringsmith.pretrain.vocabulary import read_pieces, save_vocabulary, train_vocabulary
from ringsmith.records import Progress, Report
from ringsmith.words.sources import told_of

VERSION = 2
LEARNT_FROM = 200_000_000
"""Bytes of text a vocabulary is learnt from, about; of a larger corpus every second, third ... document."""
UNKNOWN = 0.001
"""Share of unknown pieces from which on it is told."""
BYTES = "The objectives clm, mlm-dynamic and modern learn pieces of bytes, which know every text."
Say = Callable[[str, str], None]
"""Is told what happens: a label and a sentence."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A corpus ready to learn from.

    Attributes:
        tokeniser: of transformers.
        file: the corpus in numbers.
    """

    tokeniser: Any
    file: TokenFile

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know of the vocabulary, a sentence each."""
        share = self.file.counts.unknown / self.file.counts.tokens
        return () if share < UNKNOWN else (f"{share:.1%} of the pieces are unknown to the vocabulary, and what stands there is neither read nor learnt. {BYTES}",)


def prepare(corpus: Corpus, objective: type[Objective], known: Path | None, options: PretrainOptions, *, threads: int, report: Report, say: Say) -> Prepared:
    """Vocabulary and token file of a corpus.

    Args:
        corpus: what is read.
        objective: decides what kind of vocabulary is learnt.
        known: a model folder whose vocabulary is taken; None to learn one.
        options: the vocabulary's size, the share held out, the folder to keep things in.
        threads: of the library `tokenizers`.
        report: is told how far it is.
        say: is told what was found.
    """
    folder = (options.work or cache_folder() / "pretrain").expanduser()
    with _readable_twice(corpus, known, folder, report) as corpus_again:
        tokeniser = read_plain_tokeniser(known) if known else _vocabulary(corpus_again, objective, options, folder, threads, report, say)
        end = read_pieces(tokeniser).end
        made_from = MadeFrom(corpus_again.stamp, hash_tokeniser(tokeniser), end, options.held_out)
        path = folder / f"{_name(made_from.stamp or corpus.name, made_from.tokeniser, end, options.held_out)}.safetensors"
        found = find_tokens(path, made_from)
        file = found or write_tokens(path, corpus_again.read(), tokeniser, made_from, threads=threads, total=corpus_again.size, report=report)
    again = f"in numbers from an earlier run: {path}" if found else f"kept in numbers: {path} ({path.stat().st_size / 1e6:,.0f} MB)"
    say("Read", f"{corpus.name}: {file.counts.text_bytes / 1e6:,.1f} MB, {plural(file.counts.documents, 'document')}, {file.counts.tokens:,} pieces; {again}")
    if others := corpus.no_texts:
        say("", told_of(others))
    if file.counts.skipped:
        say("", f"{plural(file.counts.skipped, 'line')} left out: not UTF-8")
    prepared = Prepared(tokeniser, file)
    for note in prepared.notes:
        say("", note)
    return prepared


@contextmanager
def _readable_twice(corpus: Corpus, known: Path | None, folder: Path, report: Report) -> Iterator[Corpus]:
    """The corpus, or a copy on disk of one that gives its text only once and must be read for the vocabulary first."""
    if known is not None or corpus.can_be_read_again:
        yield corpus
        return
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "corpus.jsonl"
        once = corpus.read()
        spool(_told(once, "read", report), path)
        copy = Corpus(_Again(path), corpus.reading)
        copy.name, copy.skipped = corpus.name, once.skipped
        yield copy


class _Again:
    """The documents of a scratch file, as often as they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[str]:
        return unspool(self.path)


def _told(documents: Pass, stage: str, report: Report) -> Iterator[str]:
    """The documents, progress told every megabyte or so."""
    last = 0
    for document in documents:
        yield document
        if documents.text_bytes - last > 1 << 20:
            last = documents.text_bytes
            report(Progress(stage, documents.done, documents.corpus.size, "bytes"))


def _vocabulary(corpus: Corpus, objective: type[Objective], options: PretrainOptions, folder: Path, threads: int, report: Report, say: Say) -> Any:
    """The vocabulary of this corpus, learnt once.

    Raises:
        OptionError: a size was asked for that the corpus does not give.
    """
    size = options.vocabulary or PIECES
    place = None if corpus.stamp is None else folder / _name(corpus.stamp, objective.architecture, size, options.lowercase)
    if place is not None and (known := _known(place)) is not None:
        return known
    with tokeniser_threads(threads):
        learnt = train_vocabulary(_some(_told(corpus.read(), "vocabulary", report), corpus.size), objective.architecture, size, lowercase=options.lowercase)
    pieces = len(learnt.tokeniser)
    if options.vocabulary is not None and pieces < size:
        raise OptionError(
            f"'vocabulary' must not be larger than the corpus allows: it gives {pieces:,} pieces; got {size:,}. Use {pieces}, or leave it out for as many as there are."
        )
    say("Pieces", f"{pieces:,} ({objective.vocabulary}), learnt from {corpus.name}")
    if place is not None:
        with suppress(UsageError), new_folder(place) as scratch:  # another process may have been faster
            save_vocabulary(learnt.tokeniser, scratch)
    return learnt.tokeniser


def _known(place: Path) -> Any:
    """The vocabulary that an earlier run kept; None where there is none."""
    if not place.is_dir():
        return None
    try:
        return read_plain_tokeniser(place)
    except ModelError:
        return None


def _some(documents: Iterable[str], size: int | None) -> Iterator[str]:
    """All documents, or every n-th one of a corpus that is larger than a vocabulary needs."""
    every = 1 if size is None else max(1, round(size / LEARNT_FROM))
    for number, document in enumerate(documents):
        if number % every == 0:
            yield document


def _name(*made_from: Any) -> str:
    """A name for what was made from this."""
    return hashlib.blake2b(json.dumps([VERSION, *made_from]).encode(), digest_size=12).hexdigest()
