"""What to multiply in: measured on this machine, with this model, and accepted only where the vectors stay the same.

Instruction sets do not tell: on one CPU bfloat16 is 2.6 times as fast as float32, on another with the same flag half as fast.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ringsmith._paths import cache_folder
from ringsmith.backbones.fast import Kind, prepare
from ringsmith.backbones.samples import CALIBRATION
from ringsmith.backbones.samples import PARITY as PARITY_TEXTS
from ringsmith.backbones.turns import in_turns

PARITY = 0.999
"""Least mean cosine to float32's vectors, in every layer, for a faster precision to be taken; see `WORST` for single texts."""
WORST = 0.995
WORTH = 1.15
"""Least gain in speed for leaving float32."""
VERSION = 2
MEASURED, APART_SECONDS = 3, 900.0
"""What is best is measured so many times, so far apart, and what most of them say holds for good: what slows a machine for a while (other programs, other guests of the
same host) once had bfloat16 called slower than float32 where it is 2.5 times as fast (LOG.md). Runs of one command decide alike."""


@dataclass(frozen=True)
class Choice:
    """What was measured.

    Attributes:
        precision: what to use.
        note: why, as a sentence.
    """

    precision: Kind
    note: str


@dataclass(frozen=True)
class Trial:
    """One precision against float32: its speed, and how close the vectors are."""

    precision: Kind
    speed: float
    mean: float
    worst: float

    @property
    def accepted(self) -> bool:
        """Whether it is close enough and worth it."""
        return self.mean >= PARITY and self.worst >= WORST and self.speed >= WORTH


Forward = Callable[[Kind, Sequence[str]], npt.NDArray[np.float32]]
"""Runs texts through the body in this precision and gives their vectors (n, layers, hidden)."""


def choose_precision(module: nn.Module, forward: Forward, *, identity: str) -> Choice:
    """The fastest precision that gives the same vectors here; remembered on this machine, see `remembered`.

    Args:
        module: the body, float32, on the CPU; left as it was.
        forward: runs texts through it.
        identity: of the weights and the config.
    """

    def measure() -> Choice:
        trials = [_try(module, kind, forward) for kind in possible_precisions()]
        best = max((trial for trial in trials if trial.accepted), key=lambda trial: trial.speed, default=None)
        if best is None:
            return Choice("float32", _sentence(trials))
        return Choice(best.precision, f"{best.precision} (measured {best.speed:.1f} x as fast as float32, mean cosine {best.mean:.4f})")

    return remembered(identity, measure)


def remembered(identity: str, measure: Callable[[], Choice]) -> Choice:
    """What most measurements of this machine say is best for the work of this name; it is measured anew until there are enough of them, some time apart."""
    note = _note(identity)
    known, age = _recall(note)
    if not known or (len(known) < MEASURED and age > APART_SECONDS):
        known = [*known, measure()]
        _remember(note, known)
    times = Counter(choice.precision for choice in known)
    return next(choice for choice in reversed(known) if times[choice.precision] == max(times.values()))


def has_bfloat16() -> bool:
    """Whether oneDNN multiplies in bfloat16 on this CPU; torch for Macs comes without it, and without its operations."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # type: ignore[no-untyped-call]


def possible_precisions() -> list[Kind]:
    """The precisions besides float32 that this CPU has instructions for."""
    kinds: list[Kind] = []
    if has_bfloat16():
        kinds.append("bfloat16")
    if "onednn" in torch.backends.quantized.supported_engines and torch.cpu._is_vnni_supported():
        kinds.append("int8")
    return kinds


def _try(module: nn.Module, kind: Kind, forward: Forward) -> Trial:
    """Time and compare, float32 and `kind` in turns."""
    truth = forward("float32", PARITY_TEXTS)
    vectors = truth
    swap = prepare(module, kind, lambda: forward("float32", CALIBRATION))
    try:
        swap.apply()
        vectors = forward(kind, PARITY_TEXTS)
        seconds = in_turns({kind: lambda: _seconds(forward, kind, swap.apply), "float32": lambda: _seconds(forward, "float32", swap.restore)})
    except (RuntimeError, TypeError, AttributeError, ValueError, IndexError):  # an architecture that looks into its layers
        return Trial(kind, 0.0, 0.0, 0.0)
    finally:
        swap.restore()
    cosine = _cosine(vectors, truth)
    return Trial(kind, seconds["float32"] / seconds[kind], float(cosine.mean(axis=0).min()), float(cosine.min()))


def _seconds(forward: Forward, kind: Kind, put: Callable[[], object]) -> float:
    put()
    started = time.perf_counter()
    forward(kind, PARITY_TEXTS)
    return time.perf_counter() - started


def _cosine(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Cosine of each row and layer, (n, layers); 0 where a vector is not finite."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    return np.asarray(np.nan_to_num((x * y).sum(axis=-1) / np.maximum(norms, 1e-30), nan=0.0, posinf=0.0, neginf=0.0))


def _sentence(trials: list[Trial]) -> str:
    if not trials:
        return "float32 (this CPU has nothing faster)"
    tried = ", ".join(f"{trial.precision} {trial.speed:.1f} x as fast with mean cosine {trial.mean:.4f}" for trial in trials)
    return f"float32 (measured: {tried})"


def _note(identity: str) -> Path:
    machine = [VERSION, identity, torch.__version__, torch.get_num_threads(), platform.machine(), _cpu(), torch.backends.cpu.get_cpu_capability()]
    return cache_folder() / "precision" / f"{hashlib.sha256(json.dumps(machine).encode()).hexdigest()[:32]}.json"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return " ".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _recall(note: Path) -> tuple[list[Choice], float]:
    """What was measured before, and how many seconds ago the last time."""
    try:
        return [Choice(**known) for known in json.loads(note.read_text(encoding="utf-8"))], time.time() - note.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return [], 0.0


def _remember(note: Path, choices: Sequence[Choice]) -> None:
    beside = note.with_suffix(f".{os.getpid()}.tmp")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps([asdict(choice) for choice in choices]), encoding="utf-8")
        beside.replace(note)
    except OSError:
        with suppress(OSError):
            beside.unlink()
