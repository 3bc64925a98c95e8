"""A model and a text -> an `Inspection`: everything that can be shown of it."""

from __future__ import annotations

from collections.abc import Sequence

from ringsmith._wording import plural
from ringsmith.backbones.attention import Seen, Visible, load_visible, look
from ringsmith.backbones.guesses import MOST_HIDDEN, expect, labels, replaced
from ringsmith.backbones.parameters import count_places, tied_weights
from ringsmith.catalogue import LocalModel
from ringsmith.inspection import Inspection, Shape
from ringsmith.visible.asked import check_text
from ringsmith.visible.patterns import describe_heads, is_causal
from ringsmith.visible.rollout import roll_out

LOGITS = {
    "causal": ("batch", "sequence", "vocabulary"),
    "masked": ("batch", "sequence", "vocabulary"),
    "permuted": ("batch", "sequence", "vocabulary"),
    "labels": ("batch", "labels"),
    "token labels": ("batch", "sequence", "labels"),
    "replaced": ("batch", "sequence"),
}
"""What the axes of the head's output count."""


def inspect_text(model: LocalModel, text: str, pair: str | None = None, *, threads: int | None = None) -> Inspection:
    """All that `model` makes of a text, and of a second one read with it.

    Raises:
        InputError: there is no text.
        UsageError, ModelError: no transformer, weights that do not fit, or an architecture without attention.
    """
    check_text(text, pair)
    return inspect_with(load_visible(model, threads=threads), text, pair)


def inspect_with(visible: Visible, text: str, pair: str | None = None) -> Inspection:
    """As `inspect_text`, with a model that is loaded."""
    seen = look(visible, text, pair)
    guesses, guessed = expect(visible, seen)
    causal = sees_no_further(visible, seen, text)
    return Inspection(
        model=visible.model.name,
        architecture=type(visible.module).__name__,
        text=text,
        pair=pair,
        tokens=seen.tokens,
        cut=seen.cut,
        max_tokens=visible.model.max_tokens,
        causal=causal,
        reader=reader_of(visible, seen, causal=causal),
        places=count_places(visible.module),
        tied=tied_weights(visible.module),
        shapes=shapes_of(visible, seen),
        heads=describe_heads(seen.attention, special=[token.special for token in seen.tokens]),
        attention=seen.attention,
        rollout=roll_out(seen.attention),
        guesses=guesses,
        guessed=guessed,
        labels=labels(visible, seen),
        replaced=replaced(visible, seen),
        notes=tuple(notes_of(visible, seen, text, pair)),
        of_bytes=visible.tokeniser.hf.convert_tokens_to_string(["Ġ"]) == " ",
    )


def sees_no_further(visible: Visible, seen: Seen, text: str) -> bool:
    """Whether no token sees one behind it; one token alone cannot tell, the text twice can."""
    return is_causal(seen.attention if len(seen.tokens) > 1 else look(visible, f"{text} {text}").attention)


def reader_of(visible: Visible, seen: Seen, *, causal: bool) -> int:
    """Position of the token that the whole text is read from."""
    if causal:
        return len(seen.tokens) - 1
    return next((place for place, token in enumerate(seen.tokens) if token.special and token.id == visible.tokeniser.hf.cls_token_id), 0)


def shapes_of(visible: Visible, seen: Seen) -> tuple[Shape, ...]:
    """The outputs with their sizes, from the bottom to the top."""
    layers, heads, width, _ = seen.attention.shape
    found = [
        Shape("token numbers", (1, width), ("batch", "sequence")),
        Shape(f"hidden states, {plural(seen.states, 'time')}: embeddings and {plural(seen.states - 1, 'layer')}", seen.hidden, ("batch", "sequence", "hidden")),
        Shape(f"attention, {plural(layers, 'time')}", (1, heads, width, width), ("batch", "heads", "sequence", "sequence")),
    ]
    if seen.logits is not None:
        found.append(Shape("logits", tuple(seen.logits.shape), LOGITS[visible.head]))
    return tuple(found)


def notes_of(visible: Visible, seen: Seen, text: str, pair: str | None) -> Sequence[str]:
    """What a reader should know."""
    notes = []
    limit, longest = visible.tokeniser.max_tokens, visible.model.max_tokens
    for name, whole, unread in (("the text", text, seen.cut[0]), ("the second text", pair or "", seen.cut[1])):
        if unread:
            reads = "" if longest == limit else f"; the model itself reads {'any length' if longest is None else f'{longest:,}'}"
            notes.append(f"{unread:,} of {len(whole):,} characters of {name} were cut off: {limit:,} tokens are read here{reads}.")
    unknown, pieces = visible.tokeniser.hf.unk_token_id, [token for token in seen.tokens if not token.special]
    if unknown is not None and (lost := sum(token.id == unknown for token in pieces)):
        notes.append(f"{lost:,} of {len(pieces):,} tokens are {visible.tokeniser.hf.unk_token}: the model has no piece for what stands there.")
    if visible.module.config.is_encoder_decoder:
        notes.append("The encoder is shown, which reads; what the decoder writes after it: ringsmith translate.")
    elif visible.head == "none":
        notes.append("This folder holds no head: the model gives hidden states, and predicts nothing.")
    if visible.head in ("masked", "permuted") and len(pieces) > MOST_HIDDEN:
        notes.append(f"Predictions are shown of the first {MOST_HIDDEN} tokens.")
    if not visible.tokeniser.hf.is_fast:
        notes.append("This model's tokenizer does not tell where in the text a token stands.")
    return notes
