"""Vectors of one word in its sentences: the mean of its pieces in a layer, and the one static vector it has before the first layer.

Decisions:
- A word is found by its letters, and its pieces by where they stand in the text, so that any tokenizer will do that tells places.
- A sentence too long for the model is read around the word, not from its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith._wording import without_halves
from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.batches import batches_by_tokens
from ringsmith.errors import ModelError, OptionError
from ringsmith.records import Progress, Report, silent

Floats = npt.NDArray[np.float32]
TOKENS_PER_BATCH = {"cpu": 2_048, "cuda": 32_768, "mps": 8_192}
AROUND = 400
"""Letters that are read before and behind a word: more than 100 tokens on either side."""


@dataclass(frozen=True)
class Use:
    """A word in a sentence.

    Attributes:
        sentence: the sentence.
        start: first character of the word.
        end: character after its last.
    """

    sentence: str
    start: int
    end: int

    @property
    def form(self) -> str:
        """The word as it stands here."""
        return self.sentence[self.start : self.end]


def check_layers(layers: str, most: int | None = None) -> str:
    """The name of a mixture of layers, checked: ``"last"``, ``"last4"`` (their mean), ``"all"`` (the mean of all) or a number, 0 for the embeddings.

    Raises:
        OptionError: it is none of these, or a number above `most`.
    """
    if layers in ("last", "last4", "all") or (layers.isdecimal() and (most is None or int(layers) <= most)):
        return layers
    numbers = "a number" if most is None else f"a number from 0 to {most}"
    raise OptionError(f"'layers' must be last, last4, all or {numbers}; got {layers!r}. Leave it out for the usual.")


def mixed(states: Sequence[torch.Tensor], layers: str) -> torch.Tensor:
    """One layer of hidden states, or the mean of several."""
    if layers == "last":
        return states[-1]
    if layers.isdecimal():
        return states[int(layers)]
    return torch.stack(tuple(states[1:][-4:] if layers == "last4" else states[1:])).mean(dim=0)


def contextual_vectors(backbone: Backbone, uses: Sequence[Use], *, layers: Sequence[str] = ("last",), report: Report = silent) -> dict[str, Floats]:
    """A vector of the word for each use, float32 (n, hidden), by mixture of layers.

    Args:
        backbone: loaded in float32; its tokenizer tells where a token stands.
        uses: n uses.
        layers: names of mixtures, as `check_layers` takes them.
        report: is told the uses done.

    Raises:
        ModelError: the tokenizer does not tell places.
    """
    rows = [_read(backbone, use) for use in uses]
    out = {name: np.empty((len(uses), backbone.hidden), dtype=np.float32) for name in layers}
    done = 0
    for batch in batches_by_tokens([len(row["ids"]) for row in rows], TOKENS_PER_BATCH[backbone.device]):
        states = _states(backbone, [rows[at] for at in batch])
        for name in layers:
            mixture = mixed(states, name)
            for line, at in enumerate(batch):
                out[name][at] = mixture[line, rows[at]["pieces"]].mean(dim=0).float().cpu().numpy()
        done += len(batch)
        report(Progress("read", done, len(uses), "sentences"))
    return out


def static_vectors(backbone: Backbone, forms: Sequence[str]) -> Floats:
    """The one vector of each word before the first layer: the mean of the input embeddings of its pieces, float32 (n, embedding)."""
    table = backbone.module.get_input_embeddings().weight  # type: ignore[operator]
    hf = backbone.tokeniser.hf
    rows = [hf(form, add_special_tokens=False)["input_ids"] or [backbone.tokeniser.empty_id] for form in forms]
    return np.stack([table[row].mean(dim=0).float().cpu().numpy() for row in rows]) if rows else np.empty((0, table.shape[1]), dtype=np.float32)


def static_neighbours(backbone: Backbone, vector: Floats, *, exclude: Sequence[str], n: int) -> list[tuple[str, float]]:
    """The tokens whose input embeddings are nearest to a vector, by cosine: whole words, without those in `exclude` (in small letters)."""
    table = backbone.module.get_input_embeddings().weight.float().cpu().numpy()  # type: ignore[operator]
    norms = np.linalg.norm(table, axis=1) * max(float(np.linalg.norm(vector)), 1e-12)
    cosines = table @ vector / np.maximum(norms, 1e-12)
    hf, found = backbone.tokeniser.hf, list[tuple[str, float]]()
    for number in np.argsort(-cosines)[: 50 * n]:
        word = hf.convert_tokens_to_string([hf.convert_ids_to_tokens(int(number))]).strip()
        if word.isalpha() and word.lower() not in exclude and word.lower() not in {known.lower() for known, _ in found}:
            found.append((word, round(float(cosines[number]), 6)))
        if len(found) == n:
            break
    return found


def _read(backbone: Backbone, use: Use) -> dict[str, Any]:
    """Token numbers of a sentence, and which of them are the word's."""
    hf = backbone.tokeniser.hf
    if not hf.is_fast:
        raise ModelError(f"{backbone.model.name}: its tokenizer does not tell where in a text a token stands, so a word cannot be found again. Choose another model.")
    first = max(0, use.start - AROUND)
    sentence, start, end = use.sentence[first : use.end + AROUND], use.start - first, use.end - first
    read = hf(without_halves(sentence), return_offsets_mapping=True, truncation=False, verbose=False)
    offsets = read["offset_mapping"]
    pieces = [at for at, (a, b) in enumerate(offsets) if a < end and b > start and b > a]
    ids, types = list(read["input_ids"]), list(read.get("token_type_ids", []))
    if not pieces:
        ids, pieces = ids or [backbone.tokeniser.empty_id], list(range(max(1, len(ids))))
    limit = backbone.max_tokens
    low = max(0, min(pieces[0] - limit // 2, len(ids) - limit))
    pieces = [at - low for at in pieces if at - low < limit]
    return {"ids": ids[low : low + limit], "types": types[low : low + limit], "pieces": pieces}


def _states(backbone: Backbone, rows: Sequence[dict[str, Any]]) -> Sequence[torch.Tensor]:
    """Hidden states of a batch, embeddings first."""
    width = max(len(row["ids"]) for row in rows)
    ids = torch.tensor([[*row["ids"], *[backbone.tokeniser.pad_id] * (width - len(row["ids"]))] for row in rows])
    mask = torch.tensor([[1] * len(row["ids"]) + [0] * (width - len(row["ids"])) for row in rows])
    inputs = {"input_ids": ids, "attention_mask": mask}
    if backbone.tokeniser.types:
        inputs["token_type_ids"] = torch.tensor([[*row["types"], *[0] * (width - len(row["types"]))] for row in rows])
    with torch.inference_mode():
        output = backbone.module(**{name: tensor.to(backbone.device) for name, tensor in inputs.items()}, output_hidden_states=True, return_dict=True)
    states: Sequence[torch.Tensor] = output.hidden_states
    return states
