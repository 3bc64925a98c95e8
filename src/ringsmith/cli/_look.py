"""What `ringsmith inspect MODEL TEXT` shows in the terminal: a summary to read, heat maps in blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringsmith._wording import plural
from ringsmith.cli._shell import escape
from ringsmith.inspection import PATTERNS, Floats, Guess, Head, Inspection, Pattern

BLOCKS = " ░▒▓█"
SIGNS: dict[Pattern, tuple[str, str]] = {
    "previous": ("<", "bold blue"),
    "next": (">", "bold cyan"),
    "self": ("o", "bold magenta"),
    "first": ("1", "bold yellow"),
    "separator": ("|", "bold red"),
    "broad": ("~", "green"),
    "mixed": ("·", "dim"),
}
"""How each pattern is drawn in the grid of heads."""
FULL_BLOCK, EIGHTHS = "█", " ▏▎▍▌▋▊▉"
MOST_GUESSES, MOST_SOURCES, LETTERS = 12, 8, 12


def show_look(console: Console, look: Inspection, asked: Sequence[Head]) -> None:
    """Print all of it, a part after the other."""
    console.print(
        f"[bold]{escape(look.model)}[/]  {look.architecture} · {look.parameters:,} parameters · {plural(look.layers, 'layer')}, {plural(look.attention.shape[1], 'head')} each",
        soft_wrap=True,
    )
    for note in look.notes:
        console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    console.print(f"\n[bold]Tokens[/]  {len(look.tokens)}" + (f" of at most {look.max_tokens:,}" if look.max_tokens else ""))
    show_tokens(console, look)
    if look.labels:
        console.print("\n[bold]Label[/]")
        show_bars(console, look.labels[:MOST_SOURCES])
    if look.replaced:
        console.print("\n[bold]Put there by a generator[/]")
        show_bars(console, [(look.shown(token.piece), chance) for token, chance in zip(look.tokens, look.replaced, strict=True)][:MOST_GUESSES])
    if look.guesses:
        show_guesses(console, look)
    show_heads(console, look)
    for head in asked:
        show_map(console, look, head)
    show_sources(console, look)
    show_places(console, look)


def show_tokens(console: Console, look: Inspection) -> None:
    """Print pieces with their numbers below, as many on a line as fit."""
    line, below = Text(), Text()
    for token in look.tokens:
        piece = look.shown(token.piece)
        width = max(cell_len(piece), len(str(token.id))) + 1
        if line.cell_len + width > console.width:
            console.print(line, below, sep="\n", soft_wrap=True)
            line, below = Text(), Text()
        line.append(set_cell_size(piece, width), style="dim" if token.special else "bold" if token.begins_word else "")
        below.append(str(token.id).ljust(width), style="dim")
    console.print(line, below, sep="\n", soft_wrap=True)


def show_bars(console: Console, values: Sequence[tuple[str, float]], *, width: int = 30) -> None:
    """Print name, bar and share, a line each."""
    longest = min(24, max(len(name) for name, _ in values))
    for name, value in values:
        console.print(f"{escape(name[:24].ljust(longest))}  {bar(value, width)} {share(value):>6}", soft_wrap=True)


def share(value: float) -> str:
    """A part of the whole in per cent.

    Examples:
        >>> share(0.1234), share(0.0001), share(0.0)
        ('12.3%', '< 0.1%', '0.0%')
    """
    return "< 0.1%" if 0 < value < 0.001 else f"{value:.1%}"


def bar(value: float, width: int) -> str:
    """A bar in eighths of a letter.

    Examples:
        >>> bar(0.5, 4), bar(0.28, 4)
        ('██  ', '█▏  ')
    """
    eighths = round(max(0.0, min(1.0, value)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return (FULL_BLOCK * whole + (EIGHTHS[rest] if rest else "")).ljust(width)


def show_guesses(console: Console, look: Inspection) -> None:
    """Print what stands at each place, how likely it was to the model, and what was likelier; the most surprising places of a long text."""
    console.print(f"\n[bold]Expected[/]  {look.guessed}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("#", "stands there", "probability", "rank", "likeliest"):
        table.add_column(heading, justify="right" if heading in ("#", "probability", "rank") else "left", no_wrap=heading != "likeliest")
    shown = surprising(look.guesses)
    for guess in shown:
        likeliest = ", ".join(f"{look.shown(piece)} {share(chance)}" for piece, chance in guess.options)
        table.add_row(
            str(guess.position + 1),
            escape(look.shown(guess.actual or "-")),
            "-" if guess.probability is None else share(guess.probability),
            f"{guess.rank:,}" if guess.rank else "-",
            escape(likeliest),
        )
    console.print(table)
    if len(shown) < len(look.guesses):
        console.print(f"[dim]The {len(shown)} least expected of {len(look.guesses)} places; all of them: --out or --json[/]")
    if look.perplexity is not None:
        console.print(f"{'Perplexity' if look.causal else 'Pseudo-perplexity'} of {look.perplexity_of} {look.perplexity:,.1f}")


def surprising(guesses: Sequence[Guess]) -> list[Guess]:
    """All of a few; of many the least expected ones, in the order of the text, and whatever has no answer."""
    if len(guesses) <= MOST_GUESSES:
        return list(guesses)
    kept = sorted(guesses, key=lambda guess: -1.0 if guess.probability is None else guess.probability)[:MOST_GUESSES]
    return sorted(kept, key=lambda guess: guess.position)


def show_heads(console: Console, look: Inspection) -> None:
    """Print the grid of heads by pattern, and how many there are of each."""
    counts = Counter(head.pattern for head in look.heads)
    console.print(f"\n[bold]Heads[/]  a row for each layer; every token sees itself and {'what stands before it' if look.causal else 'all the others'}")
    per_layer = look.attention.shape[1]
    for start in range(0, len(look.heads), per_layer):
        row = Text(f"{start // per_layer + 1:3d}  ")
        for head in look.heads[start : start + per_layer]:
            row.append(SIGNS[head.pattern][0] + " ", style=SIGNS[head.pattern][1])
        console.print(row, soft_wrap=True)
    for pattern, words in PATTERNS.items():
        if counts[pattern]:
            console.print(Text.assemble("  ", SIGNS[pattern], f"  {pattern:<9} {words}: {counts[pattern]}"), soft_wrap=True)


def show_map(console: Console, look: Inspection, head: Head) -> None:
    """Print one head's attention in blocks: a row for each token that looks, a column for each it looks at."""
    label = min(LETTERS, max(cell_len(look.shown(token.piece)) for token in look.tokens))
    room = max(8, console.width - label - 1)
    width = 2 if 2 * len(look.tokens) <= room else 1
    drawn = min(len(look.tokens), room // width)
    what = PATTERNS[head.pattern] + ("" if head.pattern in ("broad", "mixed") else f": {head.share:.0%} of its attention")
    console.print(f"\n[bold]Layer {head.layer}, head {head.head}[/]  {what}, entropy {head.entropy:.2f}", soft_wrap=True)
    colour = SIGNS[head.pattern][1].removeprefix("bold ").replace("dim", "")
    for token, row in zip(look.tokens[:drawn], look.attention[head.layer - 1, head.head - 1, :drawn, :drawn], strict=True):
        console.print(Text.assemble((_right(look.shown(token.piece), label) + " ", "dim"), (blocks(row, width), colour)), soft_wrap=True)
    if drawn < len(look.tokens):
        console.print(f"[dim]The first {drawn} of {len(look.tokens)} tokens; more on the page (--out)[/]")


def _right(piece: str, width: int) -> str:
    """The beginning of a piece at the right of so many cells."""
    cut = set_cell_size(piece, min(width, cell_len(piece)))
    return " " * (width - cell_len(cut)) + cut


def blocks(row: Floats, width: int) -> str:
    """Weights as blocks of growing weight; the square root of each, so that small ones can be told from none.

    Examples:
        >>> import numpy as np
        >>> blocks(np.array([0.0, 0.07, 0.3, 1.0], dtype=np.float32), 1)
        ' ░▒█'
    """
    return "".join(BLOCKS[round(4 * float(weight) ** 0.5)] * width for weight in row.clip(0, 1))


def show_sources(console: Console, look: Inspection) -> None:
    """Print how much of each token is in the one that the text is read from, the most first."""
    weights = look.rollout[look.reader]
    order = sorted(range(len(weights)), key=lambda place: -weights[place])[:MOST_SOURCES]
    console.print(
        f"\n[bold]Where it comes from[/]  {look.reader_place}, {escape(look.shown(look.tokens[look.reader].piece))}, through all layers (attention rollout)", soft_wrap=True
    )
    show_bars(console, [(look.shown(look.tokens[place].piece), float(weights[place])) for place in order])


def show_places(console: Console, look: Inspection) -> None:
    """Print parameters and shapes; layers that are alike on one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("part", "attention", "feed-forward", "norms", "other", "all", "share"):
        table.add_column(heading, justify="left" if heading == "part" else "right", no_wrap=True)
    for names, (attention, feed_forward, norms, other) in alike(look):
        total = attention + feed_forward + norms + other
        table.add_row(names, *(f"{value:,}" if value else "-" for value in (attention, feed_forward, norms, other)), f"{total:,}", f"{share(total / look.parameters)}")
    console.print("\n[bold]Parameters[/]" + ("" if len(alike(look)) == len(look.places) else "  of one layer, where several are alike"))
    console.print(table)
    for tied in look.tied:
        console.print(f"[dim]Shared, counted once: {escape(tied)}[/]", soft_wrap=True)
    console.print("\n[bold]Shapes[/]")
    for shape in look.shapes:
        console.print(f"{escape('[' + ', '.join(map(str, shape.sizes)) + ']'):<24} {escape('[' + ', '.join(shape.axes) + ']')}  [dim]{shape.name}[/]", soft_wrap=True)


def alike(look: Inspection) -> list[tuple[str, tuple[int, int, int, int]]]:
    """Parts with their counts; neighbours with the same counts together, as "layer 1 to 6"."""
    rows = [(place.name, (place.attention, place.feed_forward, place.norms, place.other)) for place in look.places]
    starts = [0, *(at + 1 for at, (one, other) in enumerate(pairwise(rows)) if one[1] != other[1] or not other[0].startswith("layer ")), len(rows)]
    return [(rows[a][0] if b - a == 1 else f"{rows[a][0]} to {rows[b - 1][0].removeprefix('layer ')}", rows[a][1]) for a, b in pairwise(starts)]
