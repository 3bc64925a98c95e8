"""What a language model expects: of a masked one every token in turn as if it were hidden, of a causal one the next token after each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ringsmith.backbones.attention import Seen, Visible, logits_of
from ringsmith.inspection import Guess

SHOWN = 5
MOST_HIDDEN = 128
"""Tokens that are hidden in turn: each costs a pass over the text."""
TOKENS_AT_ONCE = 1_024
SAID = {
    "masked": "each token was hidden in turn, and predicted from all the others",
    "marked": "the hidden tokens of the text, predicted from all the others",
    "permuted": "each token was predicted from all the others, itself not seen (permutation language modelling)",
    "causal": "each token was predicted from those before it; the last line is what would follow",
    "token labels": "the model's label of each token",
}


def expect(visible: Visible, seen: Seen) -> tuple[tuple[Guess, ...], str]:
    """What the model expects at each token, and how that was asked; nothing where its head predicts no tokens."""
    if visible.head == "masked" and visible.tokeniser.hf.mask_token_id is not None:
        return _masked(visible, seen)
    if visible.head == "permuted":
        places = _own(seen)[:MOST_HIDDEN]
        return tuple(_guess(visible, seen, place, scores) for place, scores in zip(places, _permuted(visible, seen, places), strict=True)), SAID["permuted"]
    if visible.head == "causal" and seen.logits is not None:
        rows = torch.from_numpy(seen.logits[0])
        return tuple(_guess(visible, seen, place + 1, rows[place]) for place in range(len(rows))), SAID["causal"]
    if visible.head == "token labels" and seen.logits is not None:
        return tuple(_named(visible, place, torch.from_numpy(seen.logits[0, place])) for place in _own(seen)), SAID["token labels"]
    return (), ""


def labels(visible: Visible, seen: Seen) -> tuple[tuple[str, float], ...]:
    """Label and probability, likeliest first; empty where the model has no labels."""
    if visible.head != "labels" or seen.logits is None:
        return ()
    scores, config = torch.from_numpy(seen.logits[0]), visible.module.config
    chances = scores.sigmoid() if config.problem_type == "multi_label_classification" or len(scores) == 1 else scores.softmax(-1)
    found = [(str(config.id2label[number]), round(float(chance), 6)) for number, chance in enumerate(chances)]
    return tuple(sorted(found, key=lambda pair: -pair[1]))


def replaced(visible: Visible, seen: Seen) -> tuple[float, ...]:
    """For each token the probability that a generator put it there (ELECTRA); empty for other models."""
    if visible.head != "replaced" or seen.logits is None:
        return ()
    return tuple(round(float(chance), 6) for chance in torch.from_numpy(seen.logits[0]).sigmoid())


def _masked(visible: Visible, seen: Seen) -> tuple[tuple[Guess, ...], str]:
    mask = visible.tokeniser.hf.mask_token_id
    marked = [place for place, token in enumerate(seen.tokens) if token.id == mask]
    places = marked or _own(seen)[:MOST_HIDDEN]
    hidden = seen.inputs["input_ids"].repeat(len(places), 1)
    if not marked:
        hidden[range(len(places)), places] = mask
    scores = (row for part, output in _passes(visible, seen, hidden, [{} for _ in places]) for row in logits_of(output)[range(len(part)), [places[at] for at in part]])
    return tuple(_guess(visible, seen, place, row) for place, row in zip(places, scores, strict=True)), SAID["marked" if marked else "masked"]


def _permuted(visible: Visible, seen: Seen, places: Sequence[int]) -> Iterator[torch.Tensor]:
    """Scores over the vocabulary for each place, predicted without being seen by any."""
    width = len(seen.tokens)
    extras = []
    for place in places:
        unseen, target = torch.zeros(width, width), torch.zeros(1, width)
        unseen[:, place] = 1
        target[0, place] = 1
        extras.append({"perm_mask": unseen, "target_mapping": target})
    for _, output in _passes(visible, seen, seen.inputs["input_ids"].repeat(len(places), 1), extras):
        yield from logits_of(output)[:, 0]


def _passes(visible: Visible, seen: Seen, ids: torch.Tensor, extras: Sequence[dict[str, torch.Tensor]]) -> Iterator[tuple[range, Any]]:
    """Rows that differ in one token, a few at a time: which ones, and what the model gave."""
    size = max(1, TOKENS_AT_ONCE // max(1, ids.shape[1]))
    for start in range(0, len(ids), size):
        part = range(start, min(start + size, len(ids)))
        inputs = {name: tensor.expand(len(part), -1) for name, tensor in seen.inputs.items()} | {"input_ids": ids[part.start : part.stop]}
        more = {name: torch.stack([extras[at][name] for at in part]) for name in extras[part.start]}
        with torch.inference_mode():
            yield part, visible.module(**inputs, **more, return_dict=True)


def _guess(visible: Visible, seen: Seen, place: int, scores: torch.Tensor) -> Guess:
    chances = scores.float().softmax(-1)
    best = chances.topk(min(SHOWN, len(chances)))
    options = tuple((str(piece), round(chance, 6)) for piece, chance in zip(visible.tokeniser.hf.convert_ids_to_tokens(best.indices.tolist()), best.values.tolist(), strict=True))
    token = seen.tokens[place] if place < len(seen.tokens) else None
    if token is None or token.id == visible.tokeniser.hf.mask_token_id:
        return Guess(place, options)
    chance = chances[token.id]
    return Guess(place, options, token.piece, float(f"{float(chance):.6g}"), int((chances > chance).sum()) + 1)


def _named(visible: Visible, place: int, scores: torch.Tensor) -> Guess:
    best = scores.softmax(-1).topk(min(SHOWN, len(scores)))
    names = visible.module.config.id2label
    return Guess(place, tuple((str(names[number]), round(chance, 6)) for number, chance in zip(best.indices.tolist(), best.values.tolist(), strict=True)))


def _own(seen: Seen) -> list[int]:
    """Positions of tokens that are of the text."""
    return [place for place, token in enumerate(seen.tokens) if not token.special]
