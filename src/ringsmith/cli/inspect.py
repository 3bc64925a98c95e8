"""``ringsmith inspect MODEL TEXT``: what a transformer makes of a text; with ``--word``, of one word in many sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ringsmith.cli._shell as _shell
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from ringsmith.inspection import Head, Inspection


def inspect(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A short name, a hub name, a folder, or the folder of a fitted model (runs/reviews/best).")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What it reads: in quotes, a file, or '-' for standard input. With --word: a file with one sentence a line.")],
    pair: Annotated[str | None, typer.Option(help="A second text, read with the first.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write it all, with pictures, as one page: look.html.")] = None,
    layer: Annotated[int | None, typer.Option(help="Show the heads of this layer, from 1.")] = None,
    head: Annotated[int | None, typer.Option(help="Show this head, from 1; of every layer, or of --layer.")] = None,
    word: Annotated[str | None, typer.Option(help="Show one word in many sentences, in capital or small letters: the senses it has.")] = None,
    layers: Annotated[str | None, typer.Option(help="With --word: the layers its vectors are from: last (the usual), last4, all or a number.")] = None,
    column: Annotated[str | None, typer.Option("--text", help="With --word: column of the sentences, where they stand in a table. Found by itself where it is plain.")] = None,
    encoding: Annotated[str | None, typer.Option(help="With --word: encoding of a file that is not UTF-8: cp1250, koi8-r ... Found by itself where it is plain.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="With --word: what stands between the cells of a table: ';', tab, '^' ... Found by itself where it is plain.")] = None,
    vectors: Annotated[Path | None, typer.Option(help="With --word: a file of word vectors to take its one static vector from.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all cores.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON; the weights of attention for --layer and --head only.")] = False,
) -> None:
    """Look into a transformer: tokens, attention, predictions, parameters; or a word's senses."""
    _shell.check_page(out)
    console = _shell.people(as_json=as_json)
    if word is not None:
        refuse_together("--word", {"--pair": pair, "--layer": layer, "--head": head})
        from ringsmith.cli._senses import show_word

        given = {"layers": layers, "column": column, "encoding": encoding, "delimiter": delimiter}
        return show_word(console, model, word, text, **given, vectors=vectors, out=out, threads=threads, offline=offline, as_json=as_json)
    refuse_alone("--word", {"--layers": layers, "--text": column, "--encoding": encoding, "--delimiter": delimiter, "--vectors": vectors})
    from ringsmith.cli.generate import read_text
    from ringsmith.visible.face import inspect as look_into

    with _shell.while_waiting(console, "Looking ..."):
        look = look_into(model, read_text(text), pair, threads=threads, offline=offline)
    asked = wanted(look, layer, head)
    if out is not None:  # before anything is printed: who reads may stop reading
        from ringsmith._version import version
        from ringsmith.report.lookpage import write_look

        write_look(out, look, version=version(), asked=asked)
    if as_json:
        _shell.print_json(as_content(look, asked))
    else:
        from ringsmith.cli._look import show_look
        from ringsmith.report.lookpage import telling

        show_look(console, look, asked or telling(look.heads)[:2])
    if out is not None:
        console.print(f"\nWritten   {_shell.escape(str(out))}", soft_wrap=True)
    return None


def refuse_together(name: str, others: dict[str, Any]) -> None:
    """Refuse options that mean nothing beside `name`."""
    if given := [other for other, value in others.items() if value is not None]:
        raise OptionError(f"{' and '.join(given)} must go without {name}, which looks at a word and not at heads; got both. Leave one of them out.")


def refuse_alone(name: str, others: dict[str, Any]) -> None:
    """Refuse options that mean nothing without `name`."""
    if given := [other for other, value in others.items() if value is not None]:
        raise OptionError(f"{' and '.join(given)} must go with {name}; got no {name}. Add {name} WORD, and name a file of sentences.")


def wanted(look: Inspection, layer: int | None, head: int | None) -> Sequence[Head]:
    """The heads that were asked for."""
    for name, number, most in (("layer", layer, look.layers), ("head", head, look.attention.shape[1])):
        if number is not None and not 1 <= number <= most:
            raise OptionError(f"--{name} must be 1 to {most}, as many as {look.model} has; got {number}. Leave it out to see all of them.")
    if layer is None and head is None:
        return ()
    return tuple(one for one in look.heads if layer in (None, one.layer) and head in (None, one.head))


def as_content(look: Inspection, asked: Sequence[Head]) -> dict[str, Any]:
    """The record as JSON types; of the attention the heads that were asked for, as there are millions of weights in a long text."""
    content = look.to_json()
    maps = content.pop("attention")
    content["attention"] = [{"layer": one.layer, "head": one.head, "weights": maps[one.layer - 1][one.head - 1]} for one in asked]
    return {**content, "parameters": look.parameters, "perplexity": look.perplexity}
