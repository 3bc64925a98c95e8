"""Make the models of this package again, from the text to the folders: the bake-off of one seed, then float16, cards and hashes.

    python zoo/make.py ../shared/data/wiki-en/wiki-en.txt.xz --data ../shared/data [--work build/zoo]

What the bake-off has done already is not done again. Its size is `SETTINGS`, minutes on a GPU and a day on two cores; arguments that are not named here go
to `benchmarks/bakeoff.py`, behind them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BAKEOFF = HERE.parent / "benchmarks" / "bakeoff.py"
OUT = HERE / "src" / "ringsmith_zoo"
MOST_BYTES = 30_000_000
SETTINGS = ("--flops", "2.4e14", "--megabytes", "120", "--batch-tokens", "16384")
"""Of the bake-off that the package was made with; its page is docs/bakeoff-long.md."""
UNTRAINED = ("begun", "random")
"""Contestants of the bake-off that show what there is without training: not shipped."""
LICENCE = "cc-by-sa-4.0"
WHAT = (
    "A small model of Ringsmith's zoo. Its siblings learnt from the same text, with as many parameters and as much compute, by other methods: it is made to be "
    "compared with them and to work without a download, not to be the best there is."
)
SOURCE = (
    "The text is English Wikipedia (articles of about 2014), written by Wikipedia's authors under CC BY-SA 3.0, which lets what is made of it be shared "
    "under a later version: this model is under [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/)."
)


def main() -> None:
    """Bake-off, then every model but the untrained ones into the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/zoo"))
    asked, more = parser.parse_known_args()
    command = [sys.executable, str(BAKEOFF), str(asked.source), "--data", str(asked.data), "--work", str(asked.work), "--seeds", "0", *SETTINGS, *more]
    subprocess.run(command, check=True)
    table = json.loads((asked.work / "bakeoff.json").read_text(encoding="utf-8"))
    for place in sorted((asked.work / "models" / "seed0").iterdir()):
        if (place / "facts.json").exists() and place.name not in UNTRAINED:
            pack(place, OUT / place.name, table)
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise SystemExit(f"The package must not be larger than {MOST_BYTES / 1e6:.0f} MB; got {size / 1e6:.1f}. Take a smaller vocabulary.")
    sys.stdout.write(f"{OUT}: {size / 1e6:.1f} MB\n")


def pack(place: Path, out: Path, table: dict[str, Any]) -> None:
    """One model: weights in float16, its tokenizer, its card, and all facts with the hash of every file."""
    from ringsmith.adapt.folder import hash_files, write_json

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    facts = json.loads((place / "facts.json").read_text(encoding="utf-8"))
    scores = table["rows"][place.name]
    manifest = _vectors(place, out, facts) if (place / "vectors.safetensors").exists() else _transformer(place, out)
    (out / "README.md").write_text(card(place.name, manifest, facts, scores), encoding="utf-8", newline="\n")
    write_json(out / "ringsmith.json", {**manifest, "licence": LICENCE, "bakeoff": facts, "scores": scores, "files": hash_files(out)})


def _transformer(place: Path, out: Path) -> dict[str, Any]:
    """Weights and tokenizer; what is known of it."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(place)
    module = getattr(transformers, config.architectures[0]).from_pretrained(place, dtype=torch.float32).half()
    module.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        content = json.loads((place / name).read_text(encoding="utf-8"))
        (out / name).write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8", newline="\n")
    shutil.copyfile(place / "loss.svg", out / "loss.svg")
    for path in out.iterdir():
        path.chmod(0o644)
    facts = json.loads((place / "ringsmith.json").read_text(encoding="utf-8"))
    if teacher := facts["objective"]["options"].get("teacher"):
        facts["objective"]["options"]["teacher"] = f"zoo-{Path(teacher).name}"
    return {**facts, "class": config.architectures[0]}


def _vectors(place: Path, out: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Word vectors in float16."""
    from dataclasses import replace

    import numpy as np

    from ringsmith.words.files import open_vectors, save_vectors

    vectors = open_vectors(place / "vectors.safetensors")
    save_vectors(replace(vectors, matrix=vectors.decoded(slice(None)).astype(np.float16)), out / "vectors.safetensors")
    kept = ("words", "vocabulary", "epochs", "seconds", "losses", "options")
    return {"schema": 1, "format": "ringsmith-vectors", **{name: facts[name] for name in kept}}


def card(name: str, manifest: dict[str, Any], facts: dict[str, Any], scores: dict[str, Any]) -> str:
    """The card as Markdown: what it is, from what, at what cost, how good."""
    rows = _of_vectors(manifest) if "class" not in manifest else _of_transformer(manifest, facts)
    use = (
        ["from ringsmith import open_vectors", "", 'vectors = open_vectors(folder / "vectors.safetensors")']
        if "class" not in manifest
        else [
            "import transformers",
            "",
            "tokenizer = transformers.AutoTokenizer.from_pretrained(folder)",
            f"model = transformers.{manifest['class']}.from_pretrained(folder, dtype='float32')",
        ]
    )
    lines = [
        "---", f"license: {LICENCE}", "language: en", *(["library_name: transformers"] if "class" in manifest else []), "tags: [ringsmith, zoo]", "---", "",
        f"# zoo-{name}", "",
        WHAT, "",
        "```python", *use, "```", "",
        "| | |", "|---|---|", *(f"| {label} | {value} |" for label, value in rows), "",
        *(["![Loss over the steps](loss.svg)", ""] if "class" in manifest else []),
        "How good it is beside its siblings (test rows, 95 % intervals; what is asked and how: `docs/bakeoff-long.md` of Ringsmith):", "",
        "| | |", "|---|---|", *(f"| {task} | {shown} |" for task, shown in scores.items()), "",
        SOURCE, "",
        "One seed of pre-training. It has read little and says what that text makes likely; it was not taught to be right, fair or safe.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _of_transformer(manifest: dict[str, Any], facts: dict[str, Any]) -> list[tuple[str, str]]:
    from ringsmith.pretrain.card import told_of

    corpus, held, cost, start = (manifest[name] for name in ("corpus", "held_out", "cost", "head_start"))
    looks = [f"{loss:.2f} at step {step:,.0f}" for step, loss in zip(manifest["curves"]["look_step"], manifest["curves"]["look_loss"], strict=True)]
    return [
        ("objective", f"`{manifest['objective']['name']}`" + (f", teacher `zoo-{facts['contestant']['teacher']}`" if facts["contestant"]["teacher"] else "")),
        ("before the first step", told_of(start["kind"], start["words"]) if start else "the teacher's weights"),
        ("shape", ", ".join(f"{key} {value}" for key, value in facts["shape"].items())),
        ("parameters", f"{cost['parameters']:,} trained; float16 here"),
        ("vocabulary", f"{manifest['vocabulary']:,} pieces; sequences of {manifest['length']}"),
        ("corpus", f"{corpus['documents']:,} articles, {corpus['text_bytes'] / 1e6:,.1f} MB, {corpus['tokens']:,} pieces, SHA-256 `{corpus['sha256'][:16]}...`"),
        ("licence", f"{LICENCE.upper()} (text: CC BY-SA 3.0)"),
        ("training", f"{manifest['steps']:,} steps of {manifest['options']['batch_tokens']:,} pieces, {manifest['epochs']:.2f} passes, {manifest['tokens']:,} pieces"),
        ("compute", f"{facts['flops']:.3g} floating-point operations (products, by formula{of_which(facts)})"),
        ("machine", _machine(cost)),
        ("held out", f"loss {held['loss']:.3f} (of its own objective)"),
        ("loss curve", "; ".join(looks[:: max(1, len(looks) // 6)])),
        ("options", ", ".join(f"{key} {value:g}" for key, value in manifest["options"].items())),
    ]


def _machine(cost: dict[str, Any]) -> str:
    threads = f"{cost['threads']} CPU thread{'s' * (cost['threads'] > 1)}"
    precision = "bfloat16" if "bfloat16" in cost["precision"] else "float32"
    return f"{threads}, {precision}" if cost["device"] == "cpu" else f"a GPU ({cost['device']}), {precision}"


def of_which(facts: dict[str, Any]) -> str:
    """What the vectors it began with cost."""
    return f", {facts['flops_of_start']:.2g} of them word2vec's" if facts["flops_of_start"] else ""


def _of_vectors(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    options = manifest["options"]
    return [
        ("vectors", f"{manifest['vocabulary']:,} words (small letters) x {options['dim']}, float16"),
        ("parameters", f"{manifest['vocabulary'] * options['dim']:,}"),
        ("corpus", f"{manifest['words']:,} known words of the text its siblings read"),
        ("licence", f"{LICENCE.upper()} (text: CC BY-SA 3.0)"),
        ("steps", f"{manifest['epochs']} passes"),
        ("compute", f"{manifest['epochs']} passes; {manifest['seconds']['train'] + manifest['seconds']['count']:,.0f} s on a CPU that others used too"),
        ("loss curve", "; ".join(f"{loss:.4f}" for loss in manifest["losses"])),
        ("options", ", ".join(f"{key} {value}" for key, value in options.items())),
    ]


if __name__ == "__main__":
    main()
