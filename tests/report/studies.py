"""Made-up but consistent comparisons: the files `ringsmith compare` leaves, with figures that follow from the predictions."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.records import Candidate, RunResult, Status

Array = npt.NDArray[Any]
INTENTS = ("billing", "cancellation", "delivery delay", "login trouble", "praise", "refund", "technical fault", "upgrade question")
TEXTS = {
    "billing": "I was charged twice for April and the invoice shows only one of the two payments.",
    "cancellation": "please close my account by the end of the month, I no longer need it",
    "delivery delay": "It's been nine days. The tracking page still says 'label created'. Where is it?",
    "login trouble": "the code you text me never arrives so I can't get in",
    "praise": "Your colleague Ana solved in four minutes what I'd been fighting with for a week. Thank you!",
    "refund": "The lamp arrived with a crack across the base. I'd like my money back rather than another one.",
    "technical fault": "App freezes on the second screen since the update, Pixel 7, did a reinstall already",
    "upgrade question": "If I move to the team plan halfway through the year, do I lose the months I've paid?",
}
NASTY = (
    "<script>alert('x')</script><img src=x onerror=alert(1)> & \"quotes\" </td></table></main>",
    "مرحبا، لم تصل الشحنة بعد وأريد استرداد المبلغ <b>الآن</b>",
    "배송이 너무 늦어요. 환불은 언제 되나요? 고객센터 전화가 계속 통화 중입니다.",
    "שלום, החשבון שלי נחסם ואני לא מצליח להיכנס",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung" * 6,
    "a\x00b\x1b[31mred\u202etxet desrever",
    "line one\nline two\n\n\nline five\ttab",
    "{{ 7 * 7 }} {% raw %} ${7*7} <!-- comment --> ]]> </style></title>",
)
HASH = "5b9f1c2e8a7d4c3b6e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d"


@dataclass(frozen=True)
class Plot:
    """What a made-up comparison is about.

    Attributes:
        labels: class names.
        rows: number of test rows.
        candidates: name of the candidate -> share of right rows it aims at.
        take: the recommended candidate, None for none.
        multilabel: whether rows carry several labels.
        folds: number of splits.
        texts: pool of texts beside those of the classes.
        title: name of the data.
        language: two-letter code.
        tuned: whether the first candidate was searched.
    """

    labels: Sequence[str] = INTENTS
    rows: int = 300
    candidates: dict[str, float] = field(default_factory=lambda: {"minilm+full": 0.93, "minilm+probe": 0.94, "tfidf": 0.85, "majority": 0.0})
    take: str | None = "minilm+probe"
    multilabel: bool = False
    folds: int = 1
    texts: Sequence[str] = ()
    title: str = "support.csv"
    language: str = "en"
    seed: int = 7
    tuned: bool = False


LONG_NAME = "a class name that goes on and on until no column on any screen can hold it without breaking it somewhere, " * 2
MANY = tuple(f"card {what} {number}" for what in ("lost", "blocked", "arrives", "declined", "top up", "fee on") for number in range(25))
PLOTS: dict[str, Plot] = {
    "intents": Plot(),
    "binary": Plot(
        labels=("ham", "spam"), candidates={"minilm+full": 0.985, "tfidf": 0.98, "minilm+probe": 0.97, "majority": 0.0}, take="tfidf", title="sms-spam.tsv", folds=5, rows=500
    ),
    "many": Plot(labels=MANY, rows=1500, title="banking.csv"),
    "multilabel": Plot(
        multilabel=True, labels=("bug", "docs", "question", "security", "speed"), title="tickets.jsonl", candidates={"minilm+probe": 0.9, "tfidf": 0.85, "majority": 0.0}
    ),
    "nasty": Plot(
        labels=('<b>bold</b> & "co"', "العربية ودعم العملاء", "한국어 고객 지원 문의", LONG_NAME, "x", "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"),
        texts=NASTY,
        title="</title><script>alert(1)</script> 리뷰 مراجعات.csv",
        language="ko",
    ),
    "tuned": Plot(tuned=True),
    "nothing": Plot(candidates={"majority": 0.0}, take=None),
}


def make_study(folder: Path, plot: Plot | None = None) -> Path:
    """Write the files of this comparison into `folder` and return it."""
    plot = plot or Plot()
    rng = np.random.default_rng(plot.seed)
    y = _truth(plot, rng)
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    keys = {name: candidate(name).key for name in plot.candidates}
    board, ledger = [], []
    for name, aim in plot.candidates.items():
        p = _probabilities(plot, rng, y, aim)
        n = len(y)
        np.savez(folder / "predictions" / f"{keys[name]}.npz", test_row=np.arange(n) * 3, test_proba=p, valid_row=np.arange(n), valid_proba=p, test_position=np.arange(n))
        board.append(_standing(plot, name, _score(y, p), rng))
        ledger += [_run(name, split, plot, rng) for split in split_names(plot)]
    board = sorted(board, key=lambda row: -row["test"]) + _unranked(plot)
    ledger += [_run("gpt2+full", "holdout", plot, rng, status="refused", why="predicts one class only (restarted once)")]
    _write_rows(folder, plot, y, rng)
    (folder / "leaderboard.json").write_text(json.dumps(board, ensure_ascii=False), encoding="utf-8")
    (folder / "study.json").write_text(json.dumps(_study(plot, board, keys, y, folder)), encoding="utf-8")
    (folder / "ledger.jsonl").write_text("".join(json.dumps(run.to_json()) + "\n" for run in ledger), encoding="utf-8")
    return folder


def candidate(name: str) -> Candidate:
    """The candidate of this name."""
    model, _, recipe = name.rpartition("+")
    return Candidate(recipe, model or None)


def split_names(plot: Plot) -> list[str]:
    """Names of the splits."""
    return ["holdout"] if plot.folds == 1 else [f"fold-{i + 1}" for i in range(plot.folds)]


def _truth(plot: Plot, rng: np.random.Generator) -> Array:
    k = len(plot.labels)
    if plot.multilabel:
        return rng.random((plot.rows, k)) < np.linspace(0.5, 0.15, k)
    weights = 1 / (1 + 0.25 * np.arange(k))
    return np.concatenate([np.arange(k), rng.choice(k, size=plot.rows - k, p=weights / weights.sum())])


def _probabilities(plot: Plot, rng: np.random.Generator, y: Array, aim: float) -> Array:
    if plot.multilabel:
        return np.clip(np.where(rng.random(y.shape) < aim, y, ~y) * 0.9 + rng.normal(0.05, 0.08, y.shape), 0.001, 0.999)
    k = len(plot.labels)
    if aim == 0:
        return np.tile(np.bincount(y, minlength=k) / len(y), (len(y), 1))
    neighbour = (y + rng.choice([1, 1, 2, k - 1], size=len(y))) % k
    guess = np.where(rng.random(len(y)) < aim, y, neighbour)
    sure = np.where(guess == y, 0.5 + 0.5 * rng.beta(3.5, 1.1, len(y)), rng.beta(3.2, 2, len(y)))
    return np.asarray(rng.dirichlet(np.full(k, 0.3), size=len(y)) * (1 - sure)[:, None] + np.eye(k)[guess] * sure[:, None])


def _score(y: Array, p: Array) -> float:
    return float(((p >= 0.5) == y).mean()) if y.ndim == 2 else float((p.argmax(axis=1) == y).mean())


def _standing(plot: Plot, name: str, score: float, rng: np.random.Generator) -> dict[str, Any]:
    half = 1.96 * (score * (1 - score) / plot.rows) ** 0.5
    cost = {"full": (72.4, 6.3, 91.4, 1130.0), "probe": (9.1, 6.1, 90.9, 612.0), "tfidf": (0.62, 0.41, 3.1, 210.0), "majority": (0.01, 0.02, 0.001, 90.0)}[candidate(name).recipe]
    groups = {"minilm+full": "A", "minilm+probe": "A", "tfidf": "A" if plot.take == "tfidf" else "B", "majority": "C"}
    big = candidate(name).model is not None
    return {
        "candidate": name,
        "model": candidate(name).model,
        "recipe": candidate(name).recipe,
        "status": "done",
        "metric": "accuracy",
        "valid": score + 0.004,
        "test": score,
        "test_low": score - half,
        "test_high": score + half,
        "tie_group": groups.get(name, "A"),
        "recommended": name == plot.take,
        "train_seconds": cost[0],
        "latency_ms_p50": cost[1],
        "latency_ms_p95": cost[1] * 1.4,
        "rows_per_second": 3400 / cost[1],
        "peak_memory_mb": cost[3],
        "size_mb": cost[2],
        "truncated_share": 0.0123 if big else 0.0,
        "parameters": 22_713_216 if big else 48_000,
        "why": "",
    }


def _unranked(plot: Plot) -> list[dict[str, Any]]:
    empty = dict.fromkeys(
        (
            "valid",
            "test",
            "test_low",
            "test_high",
            "tie_group",
            "train_seconds",
            "latency_ms_p50",
            "latency_ms_p95",
            "rows_per_second",
            "peak_memory_mb",
            "size_mb",
            "truncated_share",
            "parameters",
        )
    )
    base = {**empty, "metric": "accuracy", "recommended": False, "recipe": "full"}
    return [
        {**base, "candidate": "gpt2+full", "model": "gpt2", "status": "refused", "why": "predicts one class only (restarted once)", "train_seconds": 88.2},
        {**base, "candidate": "roberta-base+full", "model": "roberta-base", "status": "skipped", "why": "needs at least 9:40; 3:12 would be left for it"},
    ]


def _run(name: str, split: str, plot: Plot, rng: np.random.Generator, *, status: Status = "done", why: str = "") -> RunResult:
    full = name.endswith("+full")
    steps = np.arange(26)
    curves = {"loss": (2.1 * np.exp(-steps / 9) + 0.2 + rng.normal(0, 0.04, 26)).tolist(), "valid": [0.61, 0.84, 0.91, 0.93, 0.928]} if full else {}
    environment = {"ringsmith": "0.1.0", "python": "3.11.2", "torch": "2.8.0", "transformers": "5.5.1", "precision": "bfloat16", "threads": 2}
    return RunResult(
        f"{name}/{split}/0",
        candidate(name).to_json(),
        split,
        0,
        status,
        why,
        seconds={"train": 9.1, "total": 14.0},
        latency_ms={"p50": 6.1, "p95": 8.5},
        chosen={"step": 78, "metric": "accuracy"} if full else {"C": 3.0, "layers": "last 4"},
        curves=curves,
        environment=environment,
    )


def label_of(plot: Plot, truth: Any) -> Any:
    """A row's label as the files hold it."""
    return [plot.labels[i] for i in np.flatnonzero(truth)] if plot.multilabel else plot.labels[int(truth)]


def _write_rows(folder: Path, plot: Plot, y: Array, rng: np.random.Generator) -> None:
    names = split_names(plot)
    with (folder / "predictions" / "rows.jsonl").open("w", encoding="utf-8") as file:
        for i, truth in enumerate(y):
            label = label_of(plot, truth)
            text = plot.texts[i % len(plot.texts)] if plot.texts else TEXTS.get(label if isinstance(label, str) else "", f"Made-up message number {i} about {label}.")
            file.write(json.dumps({"row": i * 3, "text": text, "pair": None, "label": label, "split": names[i % len(names)]}) + "\n")


def _read(plot: Plot) -> dict[str, Any]:
    return {
        "schema": 1,
        "source": plot.title,
        "format": "delimited",
        "compression": None,
        "encoding": "utf-8",
        "delimiter": ",",
        "quote": '"',
        "header": True,
        "columns": ["id", "message", "intent"],
        "text_column": "message",
        "label_column": "intent",
        "pair_column": None,
        "group_column": None,
        "time_column": None,
        "split_column": None,
        "rows_read": 3009,
        "rows_used": 3000,
        "dropped": {"empty text": 6, "no label": 3},
        "examples": {"empty text": ["line 17", "line 204", "line 990"], "no label": ["line 41"]},
        "multilabel": plot.multilabel,
        "notes": ["Labels had trailing blanks in 14 rows; they were taken off."],
    }


def _data(plot: Plot, y: Array) -> dict[str, Any]:
    counts = y.sum(axis=0) if plot.multilabel else np.bincount(y, minlength=len(plot.labels))
    classes = {plot.labels[i]: int(counts[i]) * 10 for i in np.argsort(-counts)}
    first, second = ([*plot.texts, *TEXTS.values()])[:2]
    return {
        "schema": 1,
        "rows": 3000,
        "language": plot.language,
        "language_share": 0.982,
        "scripts": {"Latin": 1.0},
        "classes": classes,
        "majority_share": max(classes.values()) / sum(classes.values()),
        "rare_classes": {plot.labels[-1]: classes[plot.labels[-1]]} if len(classes) > 2 else {},
        "rare_below": 100,
        "balance": 0.93,
        "labels_per_row": float(y.sum(axis=1).mean()) if plot.multilabel else 1.0,
        "exact_duplicates": 17,
        "near_duplicates": 9,
        "near_threshold": 0.8,
        "near_rows_checked": 3000,
        "duplicate_examples": [{"rows": [12, 871], "texts": [first, first], "kind": "exact"}, {"rows": [40, 2011], "texts": [second, second.upper()], "kind": "near"}],
        "leaks": {name: {"train": 4, "valid": 0} for name in split_names(plot)},
        "conflicts": 2,
        "conflicting_rows": 4,
        "conflict_examples": [{"text": first, "labels": {plot.labels[0]: 2, plot.labels[1]: 1}, "rows": [5, 9, 300]}],
        "words": {"min": 1, "q05": 4, "q25": 11, "median": 18, "q75": 27, "q95": 48, "max": 71, "mean": 19.4},
        "characters": {"min": 2, "max": 402, "mean": 101.5},
        "words_histogram": {"edges": list(range(0, 75, 5)), "counts": [180, 420, 610, 560, 430, 300, 200, 120, 80, 50, 25, 15, 7, 3]},
        "pairs": False,
        "groups": None,
        "notes": [],
    }


def _ties(plot: Plot, board: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    done = [row for row in board if row["status"] == "done"]
    best = done[0]
    p_values = [0.21, 0.0004, 0.00001]
    return [
        {
            "candidate": row["candidate"],
            "against": best["candidate"],
            "difference": row["test"] - best["test"],
            "low": row["test"] - best["test"] - 0.02,
            "high": row["test"] - best["test"] + 0.015,
            "p_value": p,
            "p_adjusted": min(1.0, p * 1.5),
            "group": row["tie_group"],
        }
        for row, p in zip(done[1:], p_values, strict=False)
    ]


AXES: list[dict[str, Any]] = [
    {"kind": "range", "name": "rate", "low": 5e-5, "high": 8e-4, "source": "Devlin et al. 2019, A.3", "usual": None, "log": True, "whole": False, "by_width": True},
    {"kind": "range", "name": "epochs", "low": 2, "high": 20, "source": "Mosbach et al. 2021", "usual": None, "log": True, "whole": True, "by_width": False},
    {"kind": "choice", "name": "max_rows", "values": [8, 16, 32], "source": "Turc et al. 2019", "usual": 32},
    {"kind": "choice", "name": "subwords", "values": ["auto", [3, 6], None], "source": "Bojanowski et al. 2017", "usual": "auto"},
]


def made_search(base: str, rng: np.random.Generator, *, trials: int = 20) -> dict[str, Any]:
    """A search as ``study.json`` has it: the defaults first, every seventh trial stopped early, one that failed."""
    told = []
    for number in range(1, trials + 1):
        settings = {"rate": float(f"{10 ** rng.uniform(-4.3, -3.1):.3g}"), "epochs": int(rng.integers(2, 21)), "max_rows": int(rng.choice([8, 16, 32])), "subwords": None}
        status = "dropped" if number % 7 == 0 else "failed" if number == 11 else "done"
        mark = float(0.9 + 0.02 * rng.normal())
        told.append(
            {
                "number": number,
                "candidate": base if number == 1 else f"{base}[trial={number}]",
                "settings": settings if number > 1 else {"max_rows": 32, "subwords": "auto"},
                "status": status,
                "valid": mark if status == "done" else None,
                "reached": None if status == "failed" else mark,
                "seconds": 31.2,
                "why": "" if status == "done" else "at 50 % of its steps it had reached 0.850 on the validation rows, less than the 0.912 that runs before it set as the floor",
            }
        )
    importance = {"rate": 0.61, "epochs": 0.3, "max_rows": 0.07, "subwords": 0.02}
    notes = ["2 of 20 trials were stopped early because they fell behind."]
    return {"candidate": base, "wanted": trials, "axes": AXES, "trials": told, "finalists": [1, 3, 5], "seeds": 3, "importance": importance, "notes": notes}


def _learnt(row: dict[str, Any]) -> dict[str, Any]:
    """A learning curve that ends where the table is."""
    values, text = [row["valid"] - 0.09, row["valid"] - 0.04, row["valid"]], f"525 training rows in place of 262 brought {row['candidate']} 4.0 points [1.0 to 7.0]"
    return {"candidate": row["candidate"], "rows": [131, 262, 525], "values": values, "gain": 0.04, "low": 0.01, "high": 0.07, "next": 0.018, "text": text}


def _study(plot: Plot, board: Sequence[dict[str, Any]], keys: dict[str, str], y: Array, folder: Path) -> dict[str, Any]:
    take = next((row for row in board if row["candidate"] == plot.take), None)
    return {
        "schema": 1,
        "title": plot.title,
        "created": "2026-05-04T09:31:07+00:00",
        "ringsmith": "0.1.0",
        "command": f"ringsmith compare {folder.name}.csv --budget 10m",
        "settings": {"data": plot.title, "budget": 600.0, "seed": 0, "seeds": 1, "folds": None, "models": ["minilm"], "recipes": None, "offline": False, "steps": []},
        "machine": {"schema": 1, "cores": 2, "memory_mb": 16000.0, "gflops": 92.4, "system": "Linux x86_64", "python": "3.11.2"},
        "task": {"kind": "multilabel" if plot.multilabel else "classification", "labels": list(plot.labels)},
        "metric": {"name": "accuracy", "summary": "share of rows that are right", "greater_is_better": True},
        "read": _read(plot),
        "data": _data(plot, y),
        "splits": [{"name": name, "train": 2400, "valid": 300, "test": 300} for name in split_names(plot)],
        "split_notes": ["stratified, seed 0"],
        "plan": [{"candidate": row["candidate"], "forecast_seconds": row["train_seconds"], "why": "about 0:14"} for row in board],
        "ties": _ties(plot, board),
        "recommended": {"candidate": plot.take, "reason": "tied with the best (p = 0.21), 8 x cheaper to train" if take else "no candidate beats the largest class"},
        "best": {"candidate": plot.take} if take else None,
        "honest": {"text": f"Expect about {take['test']:.3f} on new rows like these"} if take else None,
        "learning": [_learnt(row) for row in sorted(board, key=lambda row: row["candidate"] != plot.take) if row.get("valid") and row["recipe"] != "majority"],
        "budget": {"seconds": 600.0, "used": 271.0, "stages": {"read": 0.4, "split": 0.2, "runs": 262.1, "rank": 3.9}},
        "keys": keys,
        **({"search": [made_search(next(iter(plot.candidates)), np.random.default_rng(plot.seed))]} if plot.tuned else {}),
        "backbones": [
            {
                "name": "minilm",
                "revision": "embedded 0.1.0",
                "licence": "apache-2.0",
                "weights_sha256": HASH,
                "parameters": 22713216,
                "max_tokens": 256,
                "architecture": "BertModel",
            }
        ],
    }


def variant(name: str, **changes: Any) -> Plot:
    """A named plot with some things changed."""
    return replace(PLOTS[name], **changes)


if __name__ == "__main__":
    from ringsmith.report import write_report

    for plot_name, made_up in PLOTS.items():
        write_report(make_study(Path(sys.argv[1]) / plot_name, made_up))
