"""A causal language model that scores labels: how likely each is after a text, all of them in one forward pass.

    prefix   instruction and examples: computed once, its keys and values are kept
    rows     texts, a batch at a time, padded on the left so that their last tokens stand in one column
    labels   behind every row, as a tree: what labels begin with alike is computed once, and none sees another

Decisions:
- The tree is one sequence with a mask of its own and positions counted from the row's end. Whether an architecture keeps to such a mask
  is tried when it is loaded; one that does not (ALiBi, recurrent) is scored label by label, which is slower and always right.
- Only the vectors that predict a label's token meet the vocabulary: with 50,000 words that product costs as much as the body.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES

from ringsmith._wording import without_halves
from ringsmith.backbones.batches import batches_by_tokens
from ringsmith.backbones.load import read_tokeniser, read_whole
from ringsmith.backbones.tokens import CHARACTERS_PER_TOKEN, Tokeniser
from ringsmith.backbones.tree import LabelTree
from ringsmith.catalogue import LocalModel, read_config

Ids = Sequence[int]
Floats = npt.NDArray[np.float32]
Report = Callable[[int, int], None]
"""Is told the rows done and the rows in all; what it raises ends the scoring."""
NOT_LEFT_TO_RIGHT = {"xlnet", "xlm", "reformer"}
"""Listed among causal models by transformers, and trained otherwise."""
TOKENS_PER_BATCH = {"cpu": 1_024, "cuda": 16_384, "mps": 4_096}
LOGITS_PER_BATCH = 1 << 25
KEPT_PER_BATCH = 1 << 26
"""Numbers of a batch at most: of its predictions over the vocabulary, and of the prefix's keys and values repeated for its rows."""
ALIKE = 1e-3
MOST_TOKENS = 2_048
"""A prompt is no longer than this, whatever the model takes: attention costs the square of it."""


def is_causal(model: LocalModel) -> bool:
    """Whether the model reads from left to right and predicts the next token, as its config tells."""
    kind = read_config(Path(model.folder))["model_type"]
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES and kind not in NOT_LEFT_TO_RIGHT


@dataclass(frozen=True, eq=False)
class CausalModel:
    """A loaded causal model. Made by `load_causal`.

    Attributes:
        model: what lies on disk.
        module: the model with its head; its forward gives logits over the vocabulary.
        tokeniser: texts -> token numbers.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        start: tokens that every sequence begins with, as the tokenizer puts them.
        packs: whether labels can be scored as a tree; else one by one.
    """

    model: LocalModel
    module: Any
    tokeniser: Tokeniser
    device: str
    start: tuple[int, ...]
    packs: bool = True

    @property
    def max_tokens(self) -> int:
        """Longest sequence, prefix, text and label together."""
        return self.tokeniser.max_tokens


def load_causal(model: LocalModel, *, threads: int | None = None, device: str | None = None) -> CausalModel:
    """The causal model in `model.folder`: float32 on the CPU, bfloat16 on a GPU that has it.

    Raises:
        ModelError: no tokenizer, or weights that do not fit, the head's included.
    """
    module, place = read_whole(transformers.AutoModelForCausalLM, model, threads, device)
    tokeniser = read_tokeniser(model, module, MOST_TOKENS)
    loaded = CausalModel(model, module, tokeniser, place, _start(tokeniser))
    return replace(loaded, packs=_sees_everything(loaded) and _packs(loaded))


def pieces(tokeniser: Tokeniser, texts: Sequence[str], *, behind: str) -> list[list[int]]:
    """The tokens of each text as it stands behind `behind`, no special ones; never more than the model takes.

    Tokenizers that put a blank before a lone text (SentencePiece), or join it with what stands before, give other tokens for the text alone.
    """
    if not texts:
        return []
    limit = tokeniser.max_tokens
    anchor = _ids(tokeniser, [behind], limit)[0]
    short = [without_halves(text[: limit * CHARACTERS_PER_TOKEN]) for text in texts]
    rows = _ids(tokeniser, [behind + text for text in short], limit + len(anchor))
    joined = [number for number, row in enumerate(rows) if row[: len(anchor)] != anchor]
    alone = dict(zip(joined, _ids(tokeniser, [short[number] for number in joined], limit), strict=True)) if joined else {}
    return [alone.get(number, row[len(anchor) :]) for number, row in enumerate(rows)]


class LabelScorer:
    """Scores labels behind texts that all stand behind one prefix.

    Args:
        causal: the model.
        prefix: tokens of instruction and examples, the start tokens among them; may be empty.
        labels: tokens of each of the K labels, none empty.
    """

    def __init__(self, causal: CausalModel, prefix: Ids, labels: Sequence[Ids]) -> None:
        self.causal, self.prefix, self.labels = causal, list(prefix), [list(label) for label in labels]
        self.tree = LabelTree.of(self.labels)
        self._kept: list[tuple[torch.Tensor, torch.Tensor]] | None = None

    def __call__(self, rows: Sequence[Ids], *, report: Report | None = None) -> Floats:
        """Mean log-likelihood (nats a token) of each label behind each row, float32 (n, K); no row may be empty."""
        out = np.empty((len(rows), len(self.labels)), dtype=np.float32)
        done = 0
        for batch in batches_by_tokens([len(row) + len(self.tree) for row in rows], TOKENS_PER_BATCH[self.causal.device], self._most_rows()):
            some = [rows[number] for number in batch]
            with torch.inference_mode():
                out[batch] = self._packed(some) if self.causal.packs else self._one_by_one(some)
            done += len(batch)
            if report is not None:
                report(done, len(rows))
        return out

    def _most_rows(self) -> int:
        vocabulary, model = self.causal.tokeniser.vocabulary, self.causal.model
        repeated = 2 * model.layers * model.hidden * len(self.prefix)
        return max(1, min(LOGITS_PER_BATCH // (vocabulary * (1 + len(self.tree))), KEPT_PER_BATCH // max(repeated, 1)))

    def _packed(self, rows: Sequence[Ids]) -> Floats:
        """All labels of these rows in one pass."""
        width, past, nodes = max(map(len, rows)), len(self.prefix), len(self.tree)
        ids, filled = _padded_left(rows, self.causal.tokeniser.pad_id)
        lengths = filled.sum(axis=1, keepdims=True)
        places = np.concatenate([np.maximum(np.arange(width) - (width - lengths), 0), lengths + self.tree.depths], axis=1) + past
        seen = np.ones((len(rows), width + nodes, past + width + nodes), dtype=np.bool_)
        seen[:, :width, past : past + width] = np.tri(width, dtype=np.bool_) & filled[:, None, :] | np.eye(width, dtype=np.bool_)
        seen[:, :width, past + width :] = False
        seen[:, width:, past : past + width] = filled[:, None, :]
        seen[:, width:, past + width :] = self.tree.visible
        ids = np.concatenate([ids, np.tile(self.tree.ids, (len(rows), 1))], axis=1)
        logits = self._forward(ids, _additive(seen, self.causal.module.dtype), places, np.arange(width - 1, width + nodes), self._repeated(len(rows)))
        return self._sum_up(logits)

    def _sum_up(self, logits: torch.Tensor) -> Floats:
        """Mean over each label's tokens, from logits (n, 1 + nodes, vocabulary): column 0 is the row's end, column 1 + i node i."""
        steps = torch.from_numpy(self.tree.steps).to(logits.device)
        logits = logits.float()
        each = logits[:, steps[:, 0], steps[:, 1]] - torch.logsumexp(logits, dim=-1)[:, steps[:, 0]]
        owner = torch.from_numpy(self.tree.owners).to(logits.device)
        total = torch.zeros(len(logits), len(self.labels), device=logits.device).index_add_(1, owner, each)
        lengths = torch.tensor([len(label) for label in self.labels], device=logits.device)
        return np.asarray((total / lengths).cpu().numpy(), dtype=np.float32)

    def _one_by_one(self, rows: Sequence[Ids]) -> Floats:
        """A pass for each label over everything, nothing kept: slow, and right for every architecture."""
        out = np.empty((len(rows), len(self.labels)), dtype=np.float32)
        for number, label in enumerate(self.labels):
            ids, filled = _padded_left([[*self.prefix, *row, *label] for row in rows], self.causal.tokeniser.pad_id)
            mask = torch.from_numpy(filled.astype(np.int64)).to(self.causal.device)
            places = np.maximum(filled.cumsum(axis=1) - 1, 0)
            kept = np.arange(ids.shape[1] - len(label) - 1, ids.shape[1] - 1)
            logs = torch.log_softmax(self._forward(ids, mask, places, kept, None).float(), dim=-1)
            out[:, number] = logs[:, torch.arange(len(label)), torch.tensor(label)].mean(dim=1).cpu().numpy()
        return out

    def _forward(self, ids: npt.NDArray[np.int64], mask: torch.Tensor, places: npt.NDArray[np.int64], kept: npt.NDArray[np.int64], past: Any) -> torch.Tensor:
        """Logits (n, len(kept), vocabulary) at the columns `kept`."""
        device, module = self.causal.device, self.causal.module
        asked = inspect.signature(module.forward).parameters
        settings: dict[str, Any] = {"position_ids": torch.from_numpy(places).to(device)} if "position_ids" in asked else {}
        columns = torch.from_numpy(kept).to(device)
        if "logits_to_keep" in asked:
            settings["logits_to_keep"] = columns
        if past is not None:
            settings["past_key_values"] = past
        logits: torch.Tensor = module(input_ids=torch.from_numpy(ids).to(device), attention_mask=mask.to(device), use_cache=past is not None, **settings).logits
        return logits if "logits_to_keep" in asked else logits[:, columns]

    def _repeated(self, rows: int) -> Any:
        """A cache with the prefix's keys and values, seen by so many rows; None without a prefix."""
        if not self.prefix:
            return None
        if self._kept is None:
            module = self.causal.module
            found = module(input_ids=torch.tensor([self.prefix], device=self.causal.device), use_cache=True, past_key_values=transformers.DynamicCache()).past_key_values
            self._kept = [(layer.keys, layer.values) for layer in found.layers]
        return transformers.DynamicCache([(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)) for keys, values in self._kept])


def _sees_everything(causal: CausalModel) -> bool:
    """Whether no layer looks through a window that is shorter than a prompt may be."""
    config = causal.module.config.get_text_config()
    windows = [getattr(config, name, None) for name in ("sliding_window", "window_size", "attention_window")]
    return all(window >= causal.max_tokens for window in windows if isinstance(window, int))


def _packs(causal: CausalModel) -> bool:
    """Whether labels scored as a tree come out as they do one by one, on a few tokens of any kind."""
    some = [number % causal.tokeniser.vocabulary for number in range(7, 27)]
    scorer = LabelScorer(causal, some[:5], [some[5:6], some[6:8], [some[6], *some[8:11]]])
    rows = [some[11:13], some[13:18]]
    with torch.inference_mode():
        try:
            packed = scorer._packed(rows)
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, NotImplementedError):  # an architecture that takes no such mask or cache
            return False
        plain = scorer._one_by_one(rows)
    return bool(np.abs(packed - plain).max() < (ALIKE if causal.module.dtype == torch.float32 else 100 * ALIKE))


def _start(tokeniser: Tokeniser) -> tuple[int, ...]:
    """The tokens that the tokenizer puts before a text: what stands before the tokens of a lone text, with special ones."""
    whole, bare = list(tokeniser.hf("a")["input_ids"]), _ids(tokeniser, ["a"], 8)[0]
    count = next((number for number in range(len(whole)) if whole[number : number + len(bare)] == bare), 0)
    return tuple(int(number) for number in whole[:count])


def _ids(tokeniser: Tokeniser, texts: Sequence[str], limit: int) -> list[list[int]]:
    with tokeniser.alone:
        found = tokeniser.hf(list(texts), add_special_tokens=False, truncation=True, max_length=limit, return_attention_mask=False, return_token_type_ids=False)
    return [list(row) for row in found["input_ids"]]


def _padded_left(rows: Sequence[Ids], pad_id: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Rows as one rectangle, and where there is a token."""
    width = max(map(len, rows))
    filled = np.arange(width) >= width - np.array([len(row) for row in rows])[:, None]
    ids = np.full(filled.shape, pad_id, dtype=np.int64)
    ids[filled] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return ids, filled


def _additive(seen: npt.NDArray[np.bool_], dtype: torch.dtype) -> torch.Tensor:
    """The mask (n, queries, keys) as attention adds it to its scores: (n, 1, queries, keys)."""
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill_(torch.from_numpy(~seen), torch.finfo(dtype).min)
    return mask.unsqueeze(1)
