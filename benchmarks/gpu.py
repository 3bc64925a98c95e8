"""What a GPU is worth to Ringsmith, on one that is lent for minutes: fine-tuning, memory, word vectors and encoding, each against its peer.

    python benchmarks/gpu.py --data FOLDER --corpus FILE [--model minilm] [--only finetune memory words encode] [--out gpu.jsonl]
    python benchmarks/gpu.py --data FOLDER --corpus FILE --small      with little of everything, on any machine, to see that it runs

    finetune   tokens a second and accuracy of the recipe `full` and of `transformers.Trainer` with its defaults, with batches of 32 rows of similar
               length, the same in bfloat16, and with larger batches, a fused AdamW and workers that read ahead (its best setting here is the fastest of these)
    memory     a body of BERT-large's shape (335 M random numbers) trained by `lora`, plain and in 8 and 4 bits: the forecast against what torch took
    words      skip-gram in batches on the GPU against the CPU's kernels: words a second and quality (`words/gpu.py`)
    encode     sentences a second against `SentenceTransformer.encode`, with its defaults and in bfloat16 with batches of 256

FOLDER holds banking77, clinc150, uci-sentiment and wordvec-eval; FILE is plain text, a sentence in each line. Every part has a process of its own
and a limit of seconds, so that one that hangs does not use up the lease; each result is a line of JSON, printed and written to --out as it comes.
Within a part everything runs in one process, the contestants in turns, after a warm-up that is not counted.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from encode import cosine, timed
from finetune import KINDS, MODEL, ours, read, some, split, trainer
from sets import banking77, clinc150, uci_sentiment

HERE = Path(__file__).resolve().parent
LIMITS = {"finetune": 150, "memory": 90, "words": 90, "encode": 60}
"""Seconds of each part."""
LARGE = {"bf16": True, "train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused", "num_train_epochs": 10}
WORKERS = {"dataloader_num_workers": 4, "dataloader_persistent_workers": True, "dataloader_prefetch_factor": 4}
TRAINER: dict[str, dict[str, Any]] = {
    "trainer": KINDS["trainer"],
    "grouped": KINDS["grouped"],
    "grouped-bf16": {**KINDS["grouped"], "bf16": True},
    "64-bf16": {**LARGE, "per_device_train_batch_size": 64},
    "128-bf16": {**LARGE, "per_device_train_batch_size": 128},
    "128-bf16-workers": {**LARGE, **WORKERS, "per_device_train_batch_size": 128},
}
"""What each kind of Trainer is told beside its defaults."""
FULL: dict[str, dict[str, Any]] = {
    "ours": {},
    "ours-64": {"max_rows": 64, "max_tokens": 8_192, "epochs": 10},
    "ours-128": {"max_rows": 128, "max_tokens": 16_384, "epochs": 10},
}
LARGE_BATCHES = {"max_rows": 256, "max_tokens": 16_384, "rate": 1e-6}
LORA: dict[str, dict[str, Any]] = {"lora": LARGE_BATCHES, "lora, 8 bits": {**LARGE_BATCHES, "bits": 8}, "lora, 4 bits": {**LARGE_BATCHES, "bits": 4}}
"""Random numbers learn nothing: at a low rate and in few steps nobody stops them for it before memory is measured."""
BERT_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
Found = Iterator[dict[str, Any]]


def finetune(asked: argparse.Namespace) -> Found:
    """Both sets, all kinds in turns; then the ratio of each of ours to Trainer's fastest."""
    import torch

    runs: dict[str, Callable[[Any], dict[str, float]]] = {}
    all_told = {} if torch.cuda.is_available() else {"use_cpu": True}
    all_told |= {"num_train_epochs": 1} if asked.small else {}
    for name, told in TRAINER.items():
        runs[name] = lambda parts, told=told: trainer(parts, 0, asked.threads, told | all_told, asked.model)
    for name, told in FULL.items():
        runs[name] = lambda parts, told=told: ours(parts, 0, asked.threads, asked.model, told | ({"epochs": 1} if asked.small else {}))
    for name in ("trainer", "grouped-bf16", "ours-128"):
        alone(runs[name], split(some(uci_sentiment(asked.data / "uci-sentiment"), 200), 0))  # the warm-up
    runs = {name: run for name, run in runs.items() if name in asked.kinds}
    for data in ("uci-sentiment", "banking77"):
        parts, speed = split(some(read(asked.data / data), asked.rows), 0), dict[str, float]()
        for name, run in runs.items():
            started = time.perf_counter()
            try:
                found = alone(run, parts)
            except Exception:  # noqa: BLE001 (a lease is short: the other kinds still have their turn)
                yield {"data": data, "kind": name, "fault": traceback.format_exc()[-2_000:]}
                continue
            speed[name] = found["tokens"] / found["seconds"]
            yield {"data": data, "kind": name, **found, "tokens_per_second": round(speed[name]), "whole_seconds": round(time.perf_counter() - started, 1)}
        best = max(TRAINER.keys() & speed, key=speed.__getitem__)
        yield {"data": data, "best_trainer": best, "times_as_fast_as_best_trainer": {name: round(speed[name] / speed[best], 2) for name in FULL.keys() & speed}}


def alone(run: Callable[[Any], dict[str, float]], parts: Any) -> dict[str, float]:
    """A run that nothing remembers the one before of: accelerate keeps its precision."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    return run(parts)


def memory(asked: argparse.Namespace) -> Found:
    """What a training takes on top of the weights, forecast and measured."""
    from ringsmith.adapt import Setting, create_recipe
    from ringsmith.catalogue import resolve
    from ringsmith.records import Budget, TextSet
    from ringsmith.tasks import infer_task

    parts = split(some(uci_sentiment(asked.data / "uci-sentiment"), 100 if asked.small else 600), 0)
    rows = {name: TextSet(*part) for name, part in parts.items()}
    with tempfile.TemporaryDirectory() as scratch:
        model = resolve(str(random_body(Path(scratch), asked)), policy="never", offline=True)
        free_all()
        for name, options in LORA.items():
            seen, started = watched(), time.perf_counter()
            setting = Setting(infer_task(parts["train"][1]), model, {**options, "epochs": 2}, threads=asked.threads)
            fault, finite = None, False
            try:
                fitted: Any = create_recipe("lora", setting).fit(rows["train"], rows["valid"], Budget())
                finite = bool(np.isfinite(fitted.predict_proba(parts["test"][0])).all())
                del fitted
            except Exception:  # noqa: BLE001 (a lease is short: the other kinds still have their turn)
                fault = traceback.format_exc()[-2_000:]
            yield {"kind": name, **(seen[0] if seen else {}), "finite": finite, "fault": fault, "whole_seconds": round(time.perf_counter() - started, 1)}
            free_all()


def random_body(folder: Path, asked: argparse.Namespace) -> Path:
    """A body of random numbers in BERT-large's shape, with the tokenizer of the model that is at hand."""
    import torch
    import transformers

    from ringsmith.backbones.load import best_device
    from ringsmith.catalogue import resolve

    tokenizer = transformers.AutoTokenizer.from_pretrained(resolve(asked.model, policy="never", offline=True).folder)
    with torch.device(best_device()):
        module = transformers.BertModel(transformers.BertConfig(vocab_size=len(tokenizer), **(TINY if asked.small else BERT_LARGE)))
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def watched() -> list[dict[str, Any]]:
    """From now on every training of a recipe notes its forecast and what it took, in the list that is given back."""
    import torch

    from ringsmith.adapt import finetune as recipes
    from ringsmith.adapt.guard import Guard
    from ringsmith.adapt.loop import Loop
    from ringsmith.adapt.memory import training_bytes

    seen: list[dict[str, Any]] = []

    class Watched(Loop):
        """Measures one training."""

        def train(self, train: Any, *others: Any, **named: Any) -> Any:
            gpu = torch.cuda if torch.cuda.is_available() else None
            with self.accelerator.autocast():
                fixed, batch = training_bytes(self.module, train, self.pacing.max_tokens, self.pacing.max_rows)
            before = gpu.memory_allocated() if gpu else 0
            if gpu:
                gpu.reset_peak_memory_stats()
            started = time.perf_counter()
            course = super().train(train, *others, **named)
            seconds, peak = time.perf_counter() - started, gpu.max_memory_allocated() if gpu else 0
            figures = {"weights_mb": before, "fixed_mb": fixed, "batch_mb": batch, "forecast_mb": before + fixed + batch, "peak_mb": peak}
            seen.append({name: round(value / 1e6, 1) for name, value in figures.items()})
            seen[-1] |= {"forecast_over_peak": round((before + fixed + batch) / peak, 3) if peak else None}
            seen[-1] |= {"parts": self.parts, "steps": course.steps, "milliseconds_a_step": round(1e3 * course.step_seconds, 1), "seconds": round(seconds, 2)}
            return course

    class Calm(Guard):
        """Lets a body of random numbers go on that learns nothing."""

        def __call__(self, scores: Any, progress: float) -> Any:
            return super().__call__(scores, 0 * progress)

        def finish(self) -> None:
            pass

    recipes.Loop, recipes.Guard = Watched, Calm  # type: ignore[misc]
    return seen


def free_all() -> None:
    """Give back what is held no longer."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def words(asked: argparse.Namespace) -> Found:
    """`words/gpu.py` on a part of the corpus."""
    import torch

    much = ["--megabytes", "1", "--epochs", "1"] if asked.small else ["--megabytes", "20", "--epochs", "3"]
    command = [sys.executable, str(HERE / "words" / "gpu.py"), str(asked.corpus), *much, "--rounds", "1", "--questions", str(asked.data / "wordvec-eval")]
    command += ["--device", "cuda" if torch.cuda.is_available() else "cpu", "--threads", str(asked.threads)]
    for method in ("skipgram", "cbow"):
        done = subprocess.run([*command, "--methods", method], capture_output=True, text=True)
        yield json.loads(done.stdout) if not done.returncode else {"method": method, "fault": done.stderr[-2_000:]}


def encode(asked: argparse.Namespace) -> Found:
    """Sentences a second, in turns, and how near the vectors are to SentenceTransformer's."""
    from sentence_transformers import SentenceTransformer

    from ringsmith.backbones import encode as encode_by
    from ringsmith.backbones import load_backbone
    from ringsmith.backbones.load import best_device
    from ringsmith.catalogue import resolve

    model, device = resolve(asked.model, policy="never", offline=True), best_device()
    texts = sentences(asked.data, 200 if asked.small else 20_000)
    auto, exact = load_backbone(model), load_backbone(model, precision="float32")
    theirs = {dtype: SentenceTransformer(model.folder, device=device, model_kwargs={"dtype": dtype}) for dtype in ("float32", "bfloat16")}
    contestants = {
        "ours": timed(lambda rows: encode_by(auto, rows, layers="last", cache=False)[:, -1]),
        "ours, every layer": timed(lambda rows: encode_by(auto, rows, cache=False)[:, -1]),
        "ours, float32": timed(lambda rows: encode_by(exact, rows, layers="last", cache=False)[:, -1]),
        "sentence-transformers": timed(theirs["float32"].encode),
        "sentence-transformers, bfloat16, 256 rows": timed(lambda rows: theirs["bfloat16"].encode(rows, batch_size=256, convert_to_tensor=True).float().cpu().numpy()),
    }
    truth = contestants["sentence-transformers"](texts[:2_000])[1]
    near = {name: cosine(run(texts[:2_000])[1], truth) for name, run in contestants.items()}  # the warm-up, too
    speed: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(2):
        for name, run in contestants.items():
            speed[name].append(len(texts) / run(texts)[0])
            yield {"kind": name, "round": number, "rows_per_second": round(speed[name][-1]), "precision": auto.precision_note, "cosine": near[name]}
    best = {name: max(rates) for name, rates in speed.items()}
    yield {"times_as_fast": {name: round(best["ours"] / best[name], 2) for name in best}}


def sentences(data: Path, most: int) -> list[str]:
    """Different real sentences by chance."""
    texts = [*banking77(data / "banking77")[0], *clinc150(data / "clinc150")[0], *uci_sentiment(data / "uci-sentiment")[0]]
    different = list(dict.fromkeys(texts))
    return [different[row] for row in np.random.default_rng(0).permutation(len(different))[:most]]


PARTS: dict[str, Callable[[argparse.Namespace], Found]] = {"finetune": finetune, "memory": memory, "words": words, "encode": encode}


def machine() -> dict[str, Any]:
    """What it runs on."""
    import torch
    import transformers

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"gpu": gpu, "torch": torch.__version__, "transformers": transformers.__version__, "cores": os.cpu_count()}


def run_part(part: str, asked: argparse.Namespace) -> Found:
    """The results of one part in a process of its own, as they come; the last one says how it ended."""
    process = subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "--one", part], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    said, started = list[str](), time.perf_counter()
    listener = threading.Thread(target=lambda: said.extend(process.stderr or []), daemon=True)
    listener.start()
    clock = threading.Timer(asked.limit or LIMITS[part], end, [process])
    clock.start()
    try:
        for line in process.stdout or []:
            if line.startswith('{"'):  # Trainer prints figures of its own
                yield {"part": part, **json.loads(line)}
        code = process.wait()
    finally:
        clock.cancel()
        end(process)
    listener.join(1)
    yield {"part": part, "ended": code, "seconds": round(time.perf_counter() - started, 1), **({"said": "".join(said)[-3_000:]} if code else {})}


def end(process: subprocess.Popen[str]) -> None:
    """Stop a part, and what it started."""
    with suppress(OSError):  # it has ended
        if hasattr(os, "killpg"):
            os.killpg(process.pid, 9)
        else:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of data sets")
    parser.add_argument("--corpus", type=Path, help="for words")
    parser.add_argument("--model", default=MODEL, help="a name or a folder")
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    parser.add_argument("--kinds", nargs="+", choices=(*TRAINER, *FULL), default=[*TRAINER, *FULL], help="for finetune")
    parser.add_argument("--rows", type=int, default=2_000, help="of each set for finetune")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=float, help=f"seconds of each part, in the place of {LIMITS}")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", choices=tuple(PARTS), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(machine()), flush=True)
        for found in PARTS[asked.one](asked):
            print(json.dumps(found), flush=True)
        return
    for part in asked.only:
        for found in run_part(part, asked):
            line = json.dumps(found)
            print(line, flush=True)
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()
