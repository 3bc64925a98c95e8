"""``ringsmith vectors nearest | analogy | evaluate | compare | convert | view``: what can be done with files of word vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import ringsmith.cli._shell as _shell
from ringsmith.cli._progress import progress_bar
from ringsmith.cli.vectors_train import train
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from ringsmith.records import Report
    from ringsmith.words.files import ReadOptions
    from ringsmith.words.quantise import Loss
    from ringsmith.words.spaces import SpaceComparison
    from ringsmith.words.vectors import Neighbour, WordVectors

app = typer.Typer(help="Train, ask, judge, compare, convert and draw word vectors: word2vec, GloVe, fastText, safetensors ...", no_args_is_help=True)
app.command()(train)

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="Word vectors: word2vec text or binary, GloVe, fastText .vec or .bin, .safetensors, .npy, or a folder; packed ones too.")
]
Count = Annotated[int, typer.Option("-n", help="How many words.")]
Form = Annotated[str | None, typer.Option("--form", help="Form of FILE, where its content could mislead: word2vec-text, word2vec-binary, glove, fasttext ...")]
Errors = Annotated[str, typer.Option("--errors", help="Words that are not UTF-8: 'refuse' the file, or 'replace' the broken bytes.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def nearest(
    file: File,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="One word or several.")],
    n: Count = 10,
    among: Annotated[int | None, typer.Option(min=1, help="Look only among so many of the first (most frequent) words.")] = None,
    form: Form = None,
    errors: Errors = "refuse",
    as_json: AsJson = False,
) -> None:
    """The nearest words of one word or several, by cosine."""
    with opened(file, form, errors, as_json=as_json) as (vectors, console, _):
        found = vectors.nearest(words, n, among=None if among is None else vectors.words[:among])
        say_spelt(vectors, words)
    if as_json:
        return _shell.print_json([{"word": word, "nearest": as_pairs(line)} for word, line in zip(words, found, strict=True)])
    for word, line in zip(words, found, strict=True):
        if len(words) > 1:
            console.print(f"[bold]{_shell.escape(word)}[/]")
        show_neighbours(console, line)
    return None


@app.command()
def analogy(
    file: File,
    a: Annotated[str, typer.Argument(metavar="A", help="man")],
    b: Annotated[str, typer.Argument(metavar="B", help="king")],
    c: Annotated[str, typer.Argument(metavar="C", help="woman")],
    n: Count = 10,
    method: Annotated[str, typer.Option(help="3cosadd, or 3cosmul.")] = "3cosadd",
    form: Form = None,
    errors: Errors = "refuse",
    as_json: AsJson = False,
) -> None:
    """A is to B as C is to what? man king woman: queen, if all is well."""
    with opened(file, form, errors, as_json=as_json) as (vectors, console, _):
        found = vectors.analogy([b, c], [a], n, method=method)  # type: ignore[arg-type]
        say_spelt(vectors, [a, b, c])
    return _shell.print_json(as_pairs(found)) if as_json else show_neighbours(console, found)


@app.command()
def evaluate(
    file: File,
    sets: Annotated[
        list[Path], typer.Argument(metavar="SET...", help="Analogies (questions-words.txt), pairs with human judgements, or sets with outliers: files, or folders of such files.")
    ],
    method: Annotated[str, typer.Option(help="How analogies are answered: 3cosadd, or 3cosmul.")] = "3cosadd",
    most: Annotated[int, typer.Option(min=1, help="Answer analogies from so many of the first words.")] = 300_000,
    exact: Annotated[bool, typer.Option("--exact-case", help="Capital letters matter.")] = False,
    form: Form = None,
    errors: Errors = "refuse",
    as_json: AsJson = False,
) -> None:
    """Analogies, likeness as people see it, and outliers; every score with the share of its set that is covered."""
    from ringsmith.words.intrinsic import evaluate_questions
    from ringsmith.words.questions import question_sets

    questions = [each for path in sets for each in question_sets(path).items()]
    with opened(file, form, errors, as_json=as_json) as (vectors, console, report):
        scores = [
            {"set": name, **evaluate_questions(vectors, each, method=method, most=most, fold=not exact, report=report)}  # type: ignore[arg-type]
            for name, each in questions
        ]
    return _shell.print_json(scores) if as_json else show_scores(console, scores)


@app.command()
def compare(
    one: File,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="The vectors to compare FILE with.")],
    most: Annotated[int, typer.Option(min=2, help="Compare so many shared words, the first of FILE.")] = 20_000,
    neighbours: Annotated[int, typer.Option(min=1, help="Compare so many neighbours of each word.")] = 10,
    moved: Annotated[int, typer.Option(min=1, help="Show so many of the words whose neighbours changed most.")] = 25,
    errors: Errors = "refuse",
    as_json: AsJson = False,
) -> None:
    """What two spaces have in common, and whose neighbours changed most."""
    from ringsmith.words.spaces import compare_spaces

    with opened(one, None, errors, as_json=as_json) as (left, console, report):
        right = open_one(other, None, errors, report)
        result = compare_spaces(left, right, most=most, neighbours=neighbours, moved=moved, report=report)
    return _shell.print_json(asdict(result)) if as_json else show_comparison(console, result)


@app.command()
def convert(
    file: File,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help=".txt, .vec, .bin, .glove (also .gz, .xz, .zst), .safetensors, .npy, or no suffix: a folder for sentence-transformers.")
    ],
    to: Annotated[str | None, typer.Option("--to", help="Form of OUT, where its suffix does not say it.")] = None,
    precision: Annotated[str | None, typer.Option(help="float16 or int8 (in .safetensors); what it costs is measured and said.")] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Only so many of the first words.")] = None,
    form: Form = None,
    errors: Errors = "refuse",
    as_json: AsJson = False,
) -> None:
    """Write vectors in another form, smaller if you like."""
    from ringsmith.words.files import check_target, keeps_ngrams, save_vectors
    from ringsmith.words.quantise import quantise

    if precision == "int8" and out.suffix != ".safetensors" and to != "safetensors":
        raise OptionError(f"'--precision int8' needs a .safetensors file, which keeps the scales; got {str(out)!r}. Name such a file, or leave --precision out.")
    check_target(out, to, sources=[file])
    with opened(file, form, errors, as_json=as_json, most=most) as (vectors, console, report):
        loss = None
        if precision is not None:
            vectors, loss = quantise(vectors, precision)  # type: ignore[arg-type]
        written = save_vectors(vectors, out, to, report=report)
        if vectors.ngrams is not None and not keeps_ngrams(out, to):
            say("Vectors of n-grams, for words that are not in the file, are kept in a .safetensors file only; they were left out.")
    if as_json:
        return _shell.print_json({"out": str(written), "words": len(vectors), "dimensions": vectors.dimensions, "loss": asdict(loss) if loss else None})
    console.print(f"Written   {_shell.escape(str(written))} · {len(vectors):,} words x {vectors.dimensions}", soft_wrap=True)
    if loss is not None:
        show_loss(console, loss)
    return None


@app.command()
def view(
    file: File,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("words.html"),
    words: Annotated[str | None, typer.Option(help="These words, separated by commas; without it the first ones of FILE.")] = None,
    most: Annotated[int, typer.Option("--most", "-n", min=2, help="So many of the first words, where none are named.")] = 300,
    groups: Annotated[int, typer.Option(min=1, max=8, help="At most so many groups of words.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the map.")] = 0,
    form: Form = None,
    errors: Errors = "refuse",
    as_json: AsJson = False,
) -> None:
    """Draw a map of words (t-SNE) as one HTML page."""
    from ringsmith._version import version
    from ringsmith.report.wordmap import write_wordmap
    from ringsmith.words.wordmap import map_words

    _shell.check_page(out)
    named = None if words is None else [word for part in words.split(",") if (word := part.strip())]
    with opened(file, form, errors, as_json=as_json) as (vectors, console, report):
        drawn = map_words(vectors, named, most=most, groups=groups, seed=seed, report=report)
        notes = [f"Without a vector: {', '.join(drawn.unknown)}."] if drawn.unknown else []
        page = write_wordmap(out, title=file.name, words=drawn.words, points=drawn.points, groups=drawn.groups.tolist(), method=drawn.method, version=version(), notes=notes)
    if as_json:
        points = zip(drawn.words, drawn.points.round(5).tolist(), drawn.groups.tolist(), strict=True)
        return _shell.print_json({"out": str(page), "method": drawn.method, "words": [{"word": word, "x": x, "y": y, "group": group} for word, (x, y), group in points]})
    console.print(f"Written   {_shell.escape(str(page))} · {len(drawn.words):,} words", soft_wrap=True)
    for note in notes:
        console.print(f"          {_shell.escape(note)}", soft_wrap=True)
    return None


@contextmanager
def opened(file: Path, form: str | None, errors: str, *, as_json: bool, most: int | None = None) -> Iterator[tuple[WordVectors, Console, Report]]:
    """The vectors, the console for people, and where to report to while the block lasts; what was found while reading is said."""
    console = _shell.people(as_json=as_json)
    with progress_bar(console) as report:
        vectors = open_one(file, form, errors, report, most)
        for note in vectors.notes:
            say(note)
        yield vectors, console, report


def say(note: str) -> None:
    """Print a note beside the result, not into it."""
    _shell.people(as_json=True).print(_shell.escape(note), soft_wrap=True)


def say_spelt(vectors: WordVectors, words: Sequence[str]) -> None:
    """Say which words are known by their spelling alone."""
    if spelt := [repr(word) for word in dict.fromkeys(words) if word not in vectors]:
        say(f"Not in the file, vector from the spelling: {', '.join(spelt)}.")


def open_one(file: Path, form: str | None, errors: str, report: Report, most: int | None = None) -> WordVectors:
    """The vectors of one file, or those of the catalogue that have this name (``zoo-word2vec``)."""
    from ringsmith.words.files import ReadOptions, open_vectors

    options: ReadOptions = ReadOptions(most=most, errors=errors, report=report)  # type: ignore[arg-type]
    return open_vectors(_in_catalogue(str(file)) or file, form, options=options)


def _in_catalogue(name: str) -> Path | None:
    """Where vectors of the catalogue lie; None for what is no short name, or that of another kind of model."""
    if Path(name).exists():
        return None
    from ringsmith.catalogue import entries, resolve

    if name not in entries():
        return None
    found = resolve(name, offline=True)
    return Path(found.folder) if found.kind == "vectors" else None


def as_pairs(found: Sequence[Neighbour]) -> list[dict[str, Any]]:
    """Neighbours as JSON types."""
    return [{"word": word, "similarity": round(similarity, 6)} for word, similarity in found]


def show_neighbours(console: Console, found: Sequence[Neighbour]) -> None:
    """Print one word a line with its cosine."""
    for word, similarity in found:
        console.print(f"{similarity:7.4f}  {_shell.escape(word)}", soft_wrap=True)


def show_scores(console: Console, scores: Sequence[dict[str, Any]]) -> None:
    """Print a line for each set, and for each section of analogies."""
    table = _table("set", "score", "95 % interval", "covered", "what")
    for score in scores:
        table.add_row(_shell.escape(score["set"]), _figure(score["score"]), _interval(score), f"{score['known']:,} of {score['asked']:,}", score["what"])
        for section in score.get("sections", []):
            table.add_row(f"  {_shell.escape(section['section'])}", _figure(section["accuracy"]), "", f"{section['known']:,} of {section['asked']:,}", "")
    console.print(table)
    for score in scores:
        if not score["known"]:
            console.print(f"{_shell.escape(score['set'])}: nothing of it has vectors. Are its words of the language of FILE, one word in each place?", soft_wrap=True)


def show_comparison(console: Console, result: SpaceComparison) -> None:
    """Print the figures, then the words whose neighbours changed most."""
    before = "" if result.cosine_before is None else f" ({result.cosine_before:.3f} as they stand)"
    console.print(f"Words      {result.words_one:,} and {result.words_other:,}, {result.shared:,} in both; the first {result.compared:,} of these compared")
    console.print(f"Neighbours {result.overlap:.1%} of the {result.neighbours} nearest are the same")
    console.print(f"Rotation   mean cosine {result.cosine:.3f} after the best rotation{before}\n")
    table = _table("changed most", "the same", "cosine", "nearest in the one", "in the other")
    for word in result.moved:
        table.add_row(_shell.escape(word.word), f"{word.overlap:.0%}", f"{word.cosine:.2f}", *(_shell.escape(" ".join(side[:5])) for side in (word.one, word.other)))
    console.print(table)


def show_loss(console: Console, loss: Loss) -> None:
    """Print what a smaller precision cost."""
    console.print(
        f"          {loss.precision}: {loss.bytes_before / 1e6:,.1f} -> {loss.bytes_after / 1e6:,.1f} MB · cosine with the original {loss.cosine_mean:.5f} on average, "
        f"{loss.cosine_worst:.5f} at worst · {loss.neighbours_kept:.1%} of the 10 nearest kept ({loss.words_probed:,} words)",
        soft_wrap=True,
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(score: dict[str, Any]) -> str:
    return "" if score.get("low") is None else f"{score['low']:.3f} to {score['high']:.3f}"


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in ("score", "covered", "the same", "cosine") else "left",
            no_wrap=heading in ("set", "score", "95 % interval", "covered", "what", "changed most"),
        )
    return table
