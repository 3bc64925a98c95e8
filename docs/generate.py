"""Write the generated parts of the docs: the command line (cli.md), the recipes' options (recipes.md), and the tree and the table of imports in CONTRIBUTING.md.

`make docs` runs it; a test compares.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "ringsmith"
PAGE, WAYS, GUIDE = ROOT / "docs" / "cli.md", ROOT / "docs" / "recipes.md", ROOT / "CONTRIBUTING.md"
HEAD = """# The command line

Generated from the program by `make docs`; a test holds it against the program.
Exit codes: 0 done, 2 wrong use or bad input, 3 stopped early but a valid leaderboard was written, 1 no candidate (or none but the floor) came to its end, or a fault of ours,
141 nobody reads the output any more (`| head`): the same command goes on with what was finished.
"""


WAYS_HEAD = """# The recipes and their options

Generated from the program by `make docs`; a test holds it against the program.
A recipe is asked for by its name, with options in brackets where they are to differ from the defaults; several forms of one recipe compete side by side:

```console
$ ringsmith compare reviews.csv --models minilm --recipes "probe,lora,lora[method=dora,rank=16],full[epochs=2,class_weights=balanced]"
```

In Python: `rs.compare("reviews.csv", recipes=["probe", "lora[method=dora,rank=16]"])`. Numbers, `true`, `false`, `none` and lists (`layers=[query,value]`) are read as such;
one value stands for a list of one (`strengths=2`). Quote the brackets in a shell: zsh takes them for a pattern of file names.
A value that holds a comma or a bracket stands in quotes of its own: `--recipes 'prompt[instruction="One word, please."]'`.
`ringsmith tune` and `--search` look for good values of the options that matter most.
"""


def cell(text: str | None) -> str:
    """A text that fits into a cell of a table; Rich's escapes are not for it."""
    return " ".join((text or "").split()).replace("\\[", "[").replace("|", "\\|")


def rows_of(command: Any) -> Iterator[str]:
    """One row for each argument and option."""
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_option = parameter.param_type_name == "option"
        spelled = ", ".join(f"`{name}`" for name in parameter.opts) if is_option else f"`{parameter.metavar or parameter.name.upper()}`"
        default = parameter.default
        shown = f" Default: `{default}`." if is_option and default not in (None, False) and not callable(default) and "Default:" not in (parameter.help or "") else ""
        yield f"| {spelled} | {cell(parameter.help)}{shown} |"


def sections_of(command: Any, path: str) -> Iterator[str]:
    """The section of a command, and those of the commands below it."""
    below = getattr(command, "commands", {})
    yield f"## {path}\n\n{cell(command.help)}\n"
    if rows := list(rows_of(command)):
        yield "| | |\n|---|---|\n" + "\n".join(rows) + "\n"
    for name, child in below.items():
        yield from sections_of(child, f"{path} {name}")


def page() -> str:
    """The reference of the command line."""
    from typer.main import get_command

    from ringsmith.cli import app

    return "\n".join([HEAD, *sections_of(get_command(app), "ringsmith")])


def described(kind: type) -> dict[str, str]:
    """Name -> description of the attributes that a class's own docstring lists."""
    listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", listed, flags=re.MULTILINE)
    return {name: re.sub(r"\bNone\b", "`none`", re.sub(r'``"?(.*?)"?``', r"`\1`", cell(text))) for name, text in found}


def options_table(kind: type) -> str:
    """The options that a class adds to those of the classes above it, as far as they can be written in brackets."""
    from ringsmith.records import write_value

    words = described(kind)
    defaults = {field.name: field.default for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING}
    rows = [f"| `{name}` | `{write_value(defaults[name])}` | {words[name]} |" for name in words if name in defaults]
    return "\n".join(["| option | default | |", "|---|---|---|", *rows, ""]) if rows else ""


def ways() -> str:
    """The page of the recipes: each with its own options; what several share stands once, before the first of them."""
    from ringsmith.adapt.registry import ENTRIES, options_kind

    kinds = {name: options_kind(name) for name in ENTRIES}
    own, parts, told = {kind: name for name, kind in kinds.items()}, [WAYS_HEAD], set()
    for name, kind in kinds.items():
        above = [base for base in kind.__mro__[1:] if dataclasses.is_dataclass(base)]
        for base in (base for base in above if base not in own and base not in told):
            told.add(base)
            parts.append(f"## Shared by {', '.join(other for other in kinds if issubclass(kinds[other], base))}\n\n{options_table(base)}")
        parts.append(f"## {name}\n\n{ENTRIES[name].summary[:1].upper()}{ENTRIES[name].summary[1:]}.\n")
        shared = " and ".join(f"those of `{own[base]}`" if base in own else "those above that it shares" for base in above)
        table = options_table(kind)
        if shared or not table:
            parts.append(f"Options: {shared or 'none'}{', and' if shared and table else '.'}\n")
        parts.append(table)
    return "\n".join(part for part in parts if part)


def first_line(path: Path) -> str:
    """The first sentence of a module's docstring."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.split("\n")[0].split(": ")[0].rstrip(".") if len(doc.split("\n")[0]) > 110 else doc.split("\n")[0].rstrip(".")


def branches(folder: Path, depth: int) -> Iterator[str]:
    """The lines of one folder: what it is for, then its files, then the folders below it."""
    indent = "  " * depth
    for path in sorted(path for path in folder.iterdir() if path.suffix == ".py" and (path.name != "__init__.py" or depth == 1)):
        yield f"{indent}{path.name:<{26 - 2 * depth}}{first_line(path)}"
    for below in sorted(path for path in folder.iterdir() if (path / "__init__.py").exists()):
        yield f"{indent}{below.name + '/':<{26 - 2 * depth}}{first_line(below / '__init__.py')}"
        yield from branches(below, depth + 1)


def tree() -> str:
    """The package as a tree, each file with what it does."""
    return "\n".join(["```text", "src/ringsmith/", *branches(SOURCE, 1), "```"])


def imports() -> str:
    """The table of who may import whom, from the test that keeps it."""
    rules = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))
    rows = ["| folder | may import |", "|---|---|"]
    for name, targets in rules["MAY_IMPORT"].items():
        if (SOURCE / name).is_dir():
            shown = "everything" if targets == rules["EVERYTHING"] else ", ".join(f"`{target}`" for target in sorted(targets)) or "nothing"
            rows.append(f"| `{name}` | {shown} |")
    return "\n".join(rows)


def guide(text: str) -> str:
    """CONTRIBUTING.md with its generated parts written anew."""
    for name, content in (("tree", tree()), ("imports", imports())):
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    WAYS.write_text(ways(), encoding="utf-8")
    GUIDE.write_text(guide(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
