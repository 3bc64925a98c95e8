"""Causal language modelling: GPT-2's."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import masking_utils

from contracts.objectives import ObjectiveContract, negative_log_likelihood, toy_rows
from ringsmith.catalogue.inspect import inspect_folder
from ringsmith.pretrain.objective import Batch, Objective
from ringsmith.pretrain.objectives.clm import Causal
from ringsmith.pretrain.vocabulary import Vocabulary


class TestCausal(ObjectiveContract):
    """GPT-2's."""

    name = "clm"
    auto = transformers.AutoModelForCausalLM
    stranger = transformers.BertConfig(vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16)

    def slow_loss(self, module: Any, batch: Batch) -> float:
        """-log p(piece | all before it), each from a forward pass over no more than those."""
        rows = torch.cat([batch["input_ids"][:, :1], batch["labels"]], dim=1)[:3]
        each = [negative_log_likelihood(module(input_ids=row[None, :place]).logits[0, -1], int(row[place])) for row in rows for place in range(1, rows.shape[1])]
        return float(np.mean(each))

    def test_the_loss_is_the_papers(self, objective: Objective, module: Any, batch: Batch) -> None:
        """One forward pass per predicted piece, on three rows."""
        super().test_the_loss_is_the_papers(objective, module, {key: tensor[:3] for key, tensor in batch.items()})

    def test_the_loss_is_transformers_own(self, objective: Objective, module: Any, vocabulary: Vocabulary) -> None:
        """Which shifts the labels inside."""
        rows = toy_rows(vocabulary.tokeniser, vocabulary.pieces, 4)
        whole = torch.from_numpy(rows)
        module.eval()
        with torch.no_grad():
            assert torch.allclose(objective.loss(module, objective.batch(rows, np.random.default_rng(0))), module(input_ids=whole, labels=whole).loss)

    def test_no_mask_is_made_where_nobody_can_look_for_one(self, monkeypatch: pytest.MonkeyPatch, objective: Objective, module: Any, batch: Batch) -> None:
        """As while a GPU's step is recorded; a model as transformers makes it is handed one."""
        plain, handed = copy.deepcopy(module).eval(), list[bool]()
        plain.set_attn_implementation("sdpa")
        monkeypatch.setattr(masking_utils, "is_tracing", lambda *_: True)
        losses = []
        for one in (plain, module.eval()):
            one.transformer.h[0].register_forward_pre_hook(lambda _, given: handed.append(any(part is not None for part in given[1:])))
            losses.append(objective.loss(one, batch).detach())
        assert handed == [True, False]
        torch.testing.assert_close(*losses)

    @pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_neox", "opt", "cohere", "granite"])
    def test_other_models_that_read_from_left_to_right_learn_as_well(self, kind: str, vocabulary: Vocabulary, tmp_path: Path) -> None:
        """Also those that scale or bound their scores: their loss is transformers' own."""
        sizes = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 64}
        own = {
            "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0},
            "gemma2": {"head_dim": 16, "num_key_value_heads": 2, "final_logit_softcapping": 0.05},
            "cohere": {"logit_scale": 7.0},
            "granite": {"logits_scaling": 7.0},
        }
        torch.manual_seed(0)
        transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(kind, **{**sizes, **own.get(kind, {})})).save_pretrained(tmp_path)
        objective = Causal(vocabulary.pieces)
        module = objective.adopt(inspect_folder(tmp_path, name=kind)).eval()
        rows = toy_rows(vocabulary.tokeniser, vocabulary.pieces, 4)
        with torch.no_grad():
            whole = torch.from_numpy(rows)
            assert torch.allclose(objective.loss(module, objective.batch(rows, np.random.default_rng(0))), module(input_ids=whole, labels=whole).loss, rtol=1e-5)
