"""How much of a GPU pre-training uses: models of the shape of BERT-base and GPT-2 (12 x 768), in bfloat16, and beside them a plain GPT loop.

    bert, gpt2            ours: `ringsmith.pretrain`'s objective in the one training loop, layers as they are
    bert-compiled, ...    the same, layers compiled
    plain                 a GPT of the same shape in 60 lines of torch, the whole model compiled, fused AdamW, one batch after the other: what nanoGPT does

Every kind has a process of its own. Tokens are drawn by chance: what is measured is speed alone. Utilisation is the products' floating-point operations by formula
(`ringsmith.pretrain.flops`, causal attention counted as if whole, as is usual) over what the GPU does at best, which is measured in the same run as
the fastest of several products of bfloat16 matrices, and over what its maker says (--peak).

    python benchmarks/utilisation.py --peak 989e12 --out utilisation.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pretrain import Clock
from ringsmith.pretrain.flops import count_flops
from ringsmith.pretrain.shapes import Shape

KINDS = ("bert", "bert-compiled", "gpt2", "gpt2-compiled", "plain")
PIECES = {"bert": 30_522, "gpt2": 50_257}
PADDED = 50_304
"""What nanoGPT makes of GPT-2's pieces, a multiple of 64."""
WARM = 10


def shape_of(chosen: argparse.Namespace, length: int) -> Shape:
    """Of all models."""
    return Shape(chosen.layers, chosen.hidden, chosen.hidden // 64, 4 * chosen.hidden, length)


def told(clock: Clock, tokens: int, flops: float) -> dict[str, float]:
    """Speed, where a step has so many tokens and a token takes so many operations."""
    pace = clock.pace(tokens)
    return {"tokens_per_second": pace, "flops_per_second": pace * flops}


def ours(kind: str, chosen: argparse.Namespace, length: int, rows: int, *, compiled: bool) -> dict[str, float]:
    """The objective and the loop that `ringsmith pretrain` has."""
    from ringsmith.adapt.dropout import set_dropout
    from ringsmith.adapt.loop import Loop
    from ringsmith.adapt.pacing import Pacing
    from ringsmith.pretrain.compiled import compile_layers
    from ringsmith.pretrain.learning import Learning, Span
    from ringsmith.pretrain.objective import find_objective
    from ringsmith.pretrain.packing import Sequences
    from ringsmith.pretrain.pieces import Pieces
    from ringsmith.records import Budget

    size = PIECES[kind]
    pieces = Pieces(size, 0, 1, 2, 3, (0, 1, 2, 3), np.ones(size, np.bool_), *(((1,), (2,)) if kind == "bert" else ((), ())))
    tokens = np.random.default_rng(0).integers(4, size, 4_000_000).astype(np.uint16)
    width = length - len(pieces.before) - len(pieces.after)
    train = Sequences(tokens, np.arange(len(tokens) // width) * width, length, pieces.before, pieces.after)
    objective = find_objective({"bert": "mlm", "gpt2": "clm"}[kind])(pieces)
    work = Learning(objective, train, train, Span(rows, chosen.steps, None, 1, length))
    clock = Clock(WARM)
    pacing = Pacing(epochs=0, rate=1e-4, head_rate=1e-4, decay=0.01, warm_up=0.06, clip=1.0, max_rows=rows, max_tokens=rows * length, low_precision=True, patience=1_000)
    module = objective.create(shape_of(chosen, length), seed=0)
    set_dropout(module, 0.0)  # as the command does
    loop = Loop(module, pacing, lambda _: clock.step())
    if compiled:
        compile_layers(module)
    loop.run(work, seed=0, budget=Budget())
    return told(clock, rows * length, count_flops(kind, shape_of(chosen, length), size, objective.predicted(length)) / length)


class Block(nn.Module):
    """A block of GPT-2."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.attend, self.out = nn.LayerNorm(hidden), nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.between, self.up, self.down = nn.LayerNorm(hidden), nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, length, hidden = x.shape
        query, key, value = (part.view(rows, length, self.heads, -1).transpose(1, 2) for part in self.attend(self.before(x)).split(hidden, dim=2))
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(rows, length, hidden))
        return x + self.down(functional.gelu(self.up(self.between(x)), approximate="tanh"))


class PlainGPT(nn.Module):
    """GPT-2 with one table for input and output."""

    def __init__(self, pieces: int, shape: Shape) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(pieces, shape.hidden), nn.Embedding(shape.length, shape.hidden)
        self.blocks, self.last = nn.ModuleList(Block(shape.hidden, shape.heads) for _ in range(shape.layers)), nn.LayerNorm(shape.hidden)
        self.scores = nn.Linear(shape.hidden, pieces, bias=False)
        self.scores.weight = self.words.weight
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, tokens: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            x = block(x)
        return functional.cross_entropy(self.scores(self.last(x)).flatten(0, 1), wanted.flatten())


def plain(chosen: argparse.Namespace, length: int, rows: int) -> dict[str, float]:
    """What nanoGPT's loop does, without its looks and logs."""
    torch.set_float32_matmul_precision("high")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    module = PlainGPT(PADDED, shape_of(chosen, length)).to(device)
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-4, betas=(0.9, 0.95), fused=True)
    model: Any = torch.compile(module)
    data = torch.randint(0, PADDED, (16, rows, length + 1))
    if device == "cuda":
        data = data.pin_memory()
    clock = Clock(WARM)
    for batch in islice(cycle(data), chosen.steps):
        whole = batch.to(device, non_blocking=True)
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = model(whole[:, :-1], whole[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        loss.item()  # nanoGPT reads it every tenth step; ours reads it in every one
        clock.step()
    return told(clock, rows * length, count_flops("gpt2", shape_of(chosen, length), PADDED, length) / length)


def best_product(size: int) -> float:
    """Operations a second of a product of bfloat16 matrices, the fastest of some."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    one, other = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        (one @ other)[0, 0].item()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def one(kind: str, chosen: argparse.Namespace) -> dict[str, float]:
    """One kind, in this process."""
    name, _, compiled = kind.partition("-")
    length = chosen.length or (512 if name == "bert" else 1_024)
    rows = chosen.tokens // length
    found = plain(chosen, length, rows) if name == "plain" else ours(name, chosen, length, rows, compiled=bool(compiled))
    memory = torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else 0.0
    return found | {"gigabytes": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peak", type=float, help="operations a second that the maker names")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    for name, default in (("layers", 12), ("hidden", 768), ("tokens", 65_536), ("steps", 60), ("size", 8_192)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--length", type=int, help="of a sequence; 512 for bert and 1024 for gpt2 where it is left out")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds for each kind")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", choices=KINDS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.one, chosen)))
        return
    summary: dict[str, Any] = {"best_product": best_product(chosen.size), "peak": chosen.peak, "tokens": chosen.tokens}
    shared = [part for name in ("layers", "hidden", "tokens", "steps", "length") if getattr(chosen, name) for part in (f"--{name}", str(getattr(chosen, name)))]
    for kind in chosen.kinds:
        done = subprocess.run([sys.executable, __file__, "--one", kind, *shared], capture_output=True, text=True, timeout=chosen.limit, check=False)
        if done.returncode:
            summary[kind] = {"failed": done.stderr[-2_000:]}
        else:
            found = json.loads(done.stdout.splitlines()[-1])
            shares = {"of_best_product": found["flops_per_second"] / summary["best_product"]} | ({"of_peak": found["flops_per_second"] / chosen.peak} if chosen.peak else {})
            summary[kind] = found | shares
        print(json.dumps({kind: summary[kind]}), flush=True)
        if chosen.out:
            chosen.out.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
