"""The Transformer of 2017 on Tatoeba English-French: BLEU after so many minutes of CPU time, and the loss on the way.

    python benchmarks/translation.py ../shared/data/tatoeba-en-fr/fra-eng.zip --out build/translation --cpu-minutes 60

2,000 pairs whose source texts stand nowhere else are held out to report on, as many to choose by; the first are translated once, at the end.
CPU time is that of the training process, reading, the vocabulary and every look included; scoring is not. A run that was killed goes on where it
was, and so does its clock. sacreBLEU judges (one reference for each pair, cased, its usual tokenizer); the interval is of paired bootstrap
resampling over sentences (Koehn, 2004), 1,000 samples.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair
import numpy as np
import sacrebleu

from ringsmith.backbones.translate import TranslateOptions, load_translator, translate
from ringsmith.catalogue import resolve
from ringsmith.pretrain.parallel import Pairs, read_parallel, split_pairs
from ringsmith.pretrain.translation import train_translation
from ringsmith.pretrain.translation_options import TranslationOptions
from ringsmith.records import Budget, Progress

HELD_OUT = 2_000
SAMPLES = 1_000
LAST_LOOK_SECONDS = 15.0


@dataclass(frozen=True)
class CpuBudget(Budget):
    """Ends when the process (and those killed before it) has used so many seconds of CPU time."""

    clock: CpuClock | None = None
    limit: float = 3_600.0

    def remaining(self) -> float:
        """Without limit until the end is near: the loop plans by the wall clock, which tells nothing here."""
        assert self.clock is not None
        return float("inf") if self.clock.seconds() < self.limit - LAST_LOOK_SECONDS else 0.0


class CpuClock:
    """CPU seconds of a training, those of killed processes included; notes them for steps as they are told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[tuple[int, float]] = json.loads(path.read_text()) if path.exists() else []
        self.before = self.notes[-1][1] if self.notes else 0.0

    def seconds(self) -> float:
        """So far."""
        return self.before + time.process_time()

    def note(self, progress: Progress) -> None:
        """Every tenth step is written down."""
        if progress.stage == "train" and int(progress.done) % 10 == 0:
            self.notes.append((int(progress.done), round(self.seconds(), 2)))
            self.path.write_text(json.dumps(self.notes))
            print(f"step {progress.done:,.0f} · {self.seconds() / 60:.1f} CPU minutes · {progress.note}", flush=True)

    def at(self, steps: list[float]) -> list[float]:
        """CPU minutes at these steps."""
        known = dict(self.notes)
        return [float(value) / 60 for value in np.interp(steps, sorted(known), [known[step] for step in sorted(known)])]


def main() -> None:
    """Train, score once, write the figures and the picture."""
    asked = parse()
    asked.out.mkdir(parents=True, exist_ok=True)
    pairs = read_parallel(asked.pairs)
    parts = split_pairs(pairs, valid=HELD_OUT, test=HELD_OUT)
    clock, model = CpuClock(asked.out / "cpu.json"), asked.out / "model"
    if not (model / "ringsmith.json").exists():
        options = TranslationOptions(
            layers=asked.layers, hidden=asked.hidden, vocabulary=asked.vocabulary, dropout=asked.dropout, warm_up=asked.warm_up, steps=asked.steps,
            looks=max(1, asked.steps // asked.look_every), averaged=asked.averaged, threads=asked.threads, seed=asked.seed,
        )  # fmt: skip
        train_translation(parts.train, parts.valid, model, options, budget=CpuBudget(clock=clock, limit=60 * asked.cpu_minutes), report=clock.note)
    facts = json.loads((model / "ringsmith.json").read_text())
    curve = {"cpu_minutes": clock.at(facts["curves"]["look_step"]), "step": facts["curves"]["look_step"], "loss": facts["curves"]["look_loss"]}
    result = {"cpu_minutes": clock.notes[-1][1] / 60, **{key: facts[key] for key in KEPT}, "curve": curve, "scores": scores(model, parts.valid, parts.test, asked)}
    (asked.out / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False))
    draw(curve, asked.out / "curve.svg")
    print(json.dumps({key: value for key, value in result.items() if key != "curve"}, indent=1, ensure_ascii=False))


KEPT = ("options", "pairs", "parameters", "steps", "epochs", "tokens", "padding", "loss", "averaged", "precision")


def scores(model: Path, valid: Pairs, test: Pairs, asked: argparse.Namespace) -> dict[str, Any]:
    """BLEU of both parts with the beam that was asked for; of the part to choose by also greedily."""
    translator = load_translator(resolve(str(model), policy="never"), threads=asked.threads)
    beam = TranslateOptions(beam=asked.beam, length_penalty=asked.length_penalty)
    return {
        "valid_greedy": bleu(translate(translator, valid.sources, TranslateOptions(beam=1)), valid.targets),
        "valid": bleu(translate(translator, valid.sources, beam), valid.targets),
        "test": bleu(translate(translator, test.sources, beam), test.targets),
    }


def bleu(made: list[str], wanted: tuple[str, ...]) -> dict[str, Any]:
    """BLEU by sacreBLEU with its interval and signature."""
    metric = sacrebleu.BLEU()
    found = metric.corpus_score(made, [list(wanted)], n_bootstrap=SAMPLES)
    return {"bleu": round(found.score, 2), "interval": round(found._ci, 2), "signature": str(metric.get_signature())}


def draw(curve: dict[str, list[float]], path: Path) -> None:
    """The loss over the CPU minutes."""
    rows = [{"CPU minutes": minutes, "loss of validation pairs (nats a piece)": loss} for minutes, loss in zip(curve["cpu_minutes"], curve["loss"], strict=True)]
    chart = altair.Chart(altair.Data(values=rows)).mark_line(point=True)
    chart.encode(x="CPU minutes:Q", y=altair.Y("loss of validation pairs (nats a piece):Q").scale(zero=False)).properties(width=640, height=320).save(path)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cpu-minutes", type=float, default=60.0)
    for name, default in (
        ("layers", 3),
        ("hidden", 256),
        ("vocabulary", 8_000),
        ("warm-up", 1_000),
        ("steps", 20_000),
        ("look-every", 160),
        ("averaged", 8),
        ("seed", 0),
        ("beam", 4),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--length-penalty", type=float, default=0.6)
    return parser.parse_args()


if __name__ == "__main__":
    main()
