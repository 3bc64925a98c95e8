"""``ringsmith vectors train CORPUS --out FILE``: word vectors of your own texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ringsmith.cli._shell as _shell
from ringsmith._files import as_typed
from ringsmith._wording import plural
from ringsmith.cli._corpus import texts_of
from ringsmith.cli._progress import progress_bar
from ringsmith.errors import OptionError, UnknownName

if TYPE_CHECKING:
    from rich.console import Console

    from ringsmith.words.corpus import CorpusOptions
    from ringsmith.words.training import VectorsJob, VectorsResult

TEXT, MODEL, RUN = "The text", "The model", "The run"
METHODS = ("skipgram", "cbow", "glove")
NOT_OF_GLOVE = ("negative", "sample", "hierarchical", "subwords")
MEMORY = "Memory for reading, counting and glove's counts in training, e.g. 500MB or 2GB; what is more goes to disk. Default: 1GiB for reading, no bound for the rest."
COMPILING = "[bold]Compiling[/]  the inner loops for this processor: once, some seconds; later runs find them ready."
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


def train(
    corpus: Annotated[
        str, typer.Argument(metavar="CORPUS", help="A text file (also .gz, .xz, .zst, .bz2), a folder of them, a table (.csv, .jsonl, .parquet ...), or - for standard input.")
    ],
    out: Annotated[Path, typer.Option(help="File to write: .txt, .bin, .safetensors, .npy ... as for 'ringsmith vectors convert'.", rich_help_panel=RUN)],
    method: Annotated[str, typer.Option(help="skipgram, cbow or glove.", rich_help_panel=MODEL)] = "skipgram",
    dim: Annotated[int, typer.Option(help="Numbers of a vector.", rich_help_panel=MODEL)] = 100,
    window: Annotated[int | None, typer.Option(help="Words to either side that are looked at. Default: 5; glove: 10.", rich_help_panel=MODEL)] = None,
    negative: Annotated[int | None, typer.Option(help="Words drawn at random for each word that is told. Default: 5, or 0 with --hierarchical.", rich_help_panel=MODEL)] = None,
    sample: Annotated[float | None, typer.Option(help="Thin out words with a larger share of the text. Default: 0.001.", rich_help_panel=MODEL)] = None,
    hierarchical: Annotated[bool, typer.Option("--hierarchical", help="Hierarchical softmax over a Huffman tree.", rich_help_panel=MODEL)] = False,
    subwords: Annotated[str | None, typer.Option(help="Vectors of character n-grams as well, shortest-longest: 3-6.", rich_help_panel=MODEL)] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the text. Default: 5; glove: 15.", rich_help_panel=MODEL)] = None,
    rate: Annotated[float | None, typer.Option(help="Learning rate at the start. Default: 0.025; cbow and glove: 0.05.", rich_help_panel=MODEL)] = None,
    min_count: Annotated[int, typer.Option(help="Leave out words that occur less often.", rich_help_panel=TEXT)] = 5,
    max_vocab: Annotated[int | None, typer.Option(help="Keep at most so many words, the most frequent.", rich_help_panel=TEXT)] = None,
    phrases: Annotated[int, typer.Option(min=0, help="Join frequent pairs of words (new_york), so many times over.", rich_help_panel=TEXT)] = 0,
    lower: Annotated[bool, typer.Option("--lowercase", help="Small letters only.", rich_help_panel=TEXT)] = False,
    steps: Annotated[str | None, typer.Option(help="Prepare every line first: names of steps, comma separated (see ringsmith text).", rich_help_panel=TEXT)] = None,
    column: Annotated[str | None, typer.Option(help="Column with the text, where CORPUS is a table. Default: it is found.", rich_help_panel=TEXT)] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of a file that is not UTF-8: cp1250, koi8-r ... In a table found by itself where it is plain.", rich_help_panel=TEXT)
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help=_shell.DELIMITER, rich_help_panel=TEXT)] = None,
    memory: Annotated[str | None, typer.Option(help=MEMORY, rich_help_panel=RUN)] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all cores.", rich_help_panel=RUN)] = None,
    device: Annotated[
        str, typer.Option(help="Where word2vec is trained: cpu (compiled kernels), cuda or mps (large batches, by torch), or auto: a GPU if there is one.", rich_help_panel=RUN)
    ] = "cpu",
    on: Annotated[
        str, typer.Option(help="local, or ray: count (glove) or train (word2vec) on the Ray cluster at $RAY_ADDRESS, or on this machine.", rich_help_panel=RUN)
    ] = "local",
    workers: Annotated[int | None, typer.Option(help="With --on ray: word2vec trains in so many shards. Default: one on each machine.", rich_help_panel=RUN)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first vectors and of all that is drawn.", rich_help_panel=RUN)] = 0,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="The same bits in every run (word2vec then trains in one thread).", rich_help_panel=RUN)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RUN)] = False,
) -> None:
    """Train word vectors on your own texts: word2vec (skip-gram, CBOW) or GloVe.

    Ctrl-C while it trains saves the vectors so far and ends with exit code 3; before that nothing is written.
    """
    from ringsmith._kernels.cache import told_of_compiling
    from ringsmith.words.files import check_target
    from ringsmith.words.training import VectorsJob, make_vectors

    check_target(out, sources=[corpus])
    given = {"negative": negative, "sample": sample, "hierarchical": hierarchical or None, "subwords": lengths_of(subwords), "window": window, "epochs": epochs, "rate": rate}
    wanted = {name: value for name, value in given.items() if value is not None}
    ways = {**method_options(method, wanted, dim=dim, seed=seed, deterministic=deterministic, memory=memory), **phrase_options(phrases), **place_options(on, workers, method)}
    reading = corpus_options(min_count, max_vocab, lower=lower, steps=steps, memory=memory)
    console = _shell.people(as_json=as_json)
    with progress_bar(console) as report:
        texts = texts_of(corpus, column, encoding, delimiter, report)
    with progress_bar(console) as report, told_of_compiling(lambda: console.print(COMPILING)):
        job = VectorsJob(source=texts.source, out=out, corpus=replace(reading, column=texts.column), threads=threads, device=device, **ways)  # type: ignore[arg-type]
        result = make_vectors(job, report=report)
    result.notes = (*texts.notes, *result.notes)
    if as_json:
        _shell.print_json(as_content(result))
    else:
        show(console, job, result)
    if result.stopped:
        raise typer.Exit(_shell.STOPPED)


def corpus_options(min_count: int, max_vocab: int | None, *, lower: bool, steps: str | None, memory: str | None) -> CorpusOptions:
    """How the text is read."""
    from ringsmith.text import parse_steps
    from ringsmith.words.corpus import CorpusOptions

    names = ",".join(filter(None, ["lower" if lower else "", steps]))
    room = {} if memory is None else {"memory_bytes": bytes_of(memory)}
    return CorpusOptions(min_count=min_count, max_vocab=max_vocab, errors="few", **({"steps": parse_steps(names)} if names else {}), **room)  # type: ignore[arg-type]


def method_options(method: str, wanted: dict[str, Any], *, dim: int, seed: int, deterministic: bool, memory: str | None) -> dict[str, Any]:
    """What `VectorsJob` is told of the method.

    Raises:
        UnknownName: another method. OptionError: an option of the other one.
    """
    from ringsmith.words.cooccurrence import CooccurrenceOptions
    from ringsmith.words.glove import GloveOptions
    from ringsmith.words.options import Word2VecOptions

    if method not in METHODS:
        raise UnknownName.of("method", method, METHODS)
    if method != "glove":
        wanted = {"negative": 0} | wanted if "hierarchical" in wanted else wanted
        return {"word2vec": Word2VecOptions(method=method, dim=dim, seed=seed, deterministic=deterministic, **wanted)}  # type: ignore[arg-type]
    if alien := [f"--{name}" for name in NOT_OF_GLOVE if name in wanted]:
        raise OptionError(f"{' and '.join(alien)}: for skipgram and cbow only; got --method glove. Leave {'them' if len(alien) > 1 else 'it'} out.")
    names = {"epochs": "iterations", "rate": "eta"}
    counting = CooccurrenceOptions(memory_bytes=bytes_of(memory) if memory else None, window=wanted.get("window", CooccurrenceOptions.window))
    return {"glove": GloveOptions(dim=dim, seed=seed, **{names[name]: value for name, value in wanted.items() if name in names}), "counting": counting}


def phrase_options(passes: int) -> dict[str, Any]:
    """What `VectorsJob` is told of phrases."""
    from ringsmith.words.phrases import PhraseOptions

    return {"phrases": PhraseOptions(passes=passes)} if passes else {}


def place_options(on: str, workers: int | None, method: str) -> dict[str, Any]:
    """What `VectorsJob` is told of where the work is done.

    Raises:
        OptionError: workers where there are none.
    """
    from ringsmith.words.spread_training import SpreadOptions

    if workers is not None and (on != "ray" or method == "glove"):
        raise OptionError(f"--workers: for skipgram and cbow with --on ray only; got --method {method} --on {on}. Leave it out.")
    return {"on": on, "spread": SpreadOptions(workers=workers)}


def lengths_of(text: str | None) -> tuple[int, int] | None:
    """The two lengths in "3-6".

    Examples:
        >>> lengths_of("3-6")
        (3, 6)
    """
    if text is None:
        return None
    short, _, long = text.partition("-")
    if not (short.isdecimal() and long.isdecimal()):
        raise OptionError(f"'--subwords' must be two lengths such as 3-6; got {text!r}. Use 3-6, the usual ones.")
    return int(short), int(long)


def bytes_of(text: str) -> int:
    """A size in bytes.

    Examples:
        >>> bytes_of("2GB"), bytes_of("1.5 GiB")
        (2000000000, 1610612736)
    """
    number = text.strip().upper().rstrip("BKMGI ")
    unit = text.strip().upper()[len(number) :].strip()
    try:
        return int(float(number) * UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise OptionError(f"'--memory' must be a size such as 500MB or 2GB; got {text!r}. Leave it out for 1GiB.") from None


def as_content(result: VectorsResult) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "words": result.words,
        "vocabulary": result.vocabulary,
        "epochs": result.epochs,
        "device": result.device,
        "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
        "words_per_second": round(result.words_per_second),
        "losses": result.losses,
        "stopped": result.stopped,
        "ngrams": result.ngrams,
        "out": str(result.out),
        "notes": [*result.notes, *result.remarks],
    }


def show(console: Console, job: VectorsJob, result: VectorsResult) -> None:
    """Say what was read, trained and written."""
    seconds, options = result.seconds, job.word2vec or job.glove
    assert options is not None
    line(console, "Read", f"{result.words:,} words, {result.vocabulary:,} different ones (min_count {job.corpus.min_count}) · {seconds['read']:.1f} s")
    for note in result.notes:
        line(console, "", note)
    if job.glove is not None:
        line(console, "Counted", f"neighbours up to {job.counting.window} words away · {seconds['count']:.1f} s")
    loss = f" · loss {' -> '.join(dict.fromkeys(f'{value:.3g}' for value in (result.losses[0], result.losses[-1])))}" if result.losses else ""
    epochs = plural(result.epochs, "epoch")
    name = "glove" if job.word2vec is None else job.word2vec.method
    where = "" if result.device == "cpu" else f" on {result.device}"
    line(console, "Trained", f"{name}, {options.dim} dimensions, {epochs}{where} · {seconds['train']:.1f} s, {result.words_per_second / 1e6:.2f} M words/s{loss}")
    for remark in result.remarks:
        line(console, "", remark)
    spelt = f", with {result.ngrams:,} n-grams for words that are not in it" if result.ngrams else ""
    line(console, "Written", f"{result.out}{spelt} · {seconds['save']:.1f} s")
    if result.stopped:
        falling = ", and the learning rate had not fallen to its end" if job.word2vec else ""
        line(console, "Stopped", f"before the end: these are the vectors so far{falling}.")
    else:
        line(console, "Try", f"ringsmith vectors nearest {as_typed(str(result.out))} WORD")


def line(console: Console, label: str, text: str) -> None:
    """Print a line under a label."""
    console.print(f"[bold]{label:<10}[/]{_shell.escape(text)}", soft_wrap=True)
