"""The page as text: complete, escaped, in order, and readable in its colours; no browser needed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from studies import NASTY, PLOTS, Plot, make_study, variant

from ringsmith.errors import MachineError
from ringsmith.report import write_report
from ringsmith.report.page import render, templates, tie_groups
from ringsmith.report.summarise import summarise
from ringsmith.report.write import write_text

VOID = {"meta", "link", "br", "wbr", "path", "line", "rect", "circle"}
Element = tuple[str, dict[str, str]]


class Outline(HTMLParser):
    """Elements in order, text, and whether every tag that opens also closes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.text = ""
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it; what is not void must close."""
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it; it is closed."""
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """It must close the last one that is open."""
        if tag in VOID:
            return
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        """Words between tags."""
        if not self._open or self._open[-1] not in ("style", "title", "desc"):
            self.text += data

    def named(self, *tags: str) -> Iterator[dict[str, str]]:
        """Attributes of all elements with these tags."""
        return (attributes for tag, attributes in self.elements if tag in tags)


@pytest.fixture(scope="module")
def outlines(pages: Mapping[str, Path]) -> dict[str, Outline]:
    """Name of a made-up comparison -> its page, parsed."""
    return {name: Outline(path.read_text(encoding="utf-8")) for name, path in pages.items()}


@pytest.mark.parametrize("name", PLOTS)
def test_every_tag_closes_where_it_should(outlines: Mapping[str, Outline], name: str) -> None:
    """Markup in the data opens nothing and closes nothing."""
    assert outlines[name].faults == []


def test_a_long_name_is_broken_between_its_parts() -> None:
    """And what it holds is still escaped."""
    shown = templates().from_string('{{ name|pieces|join("<wbr>"|safe) }}').render(name="org/bert+prompt[hypothesis=<b>{}</b>,shots=0]")
    assert shown == "org/<wbr>bert<wbr>+prompt<wbr>[hypothesis=&lt;b&gt;{}&lt;/b&gt;,<wbr>shots=0]"


def test_long_classes_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    """Paths of a catalogue differ at their ends: of a long name the middle goes."""
    path = "Electronics > Computers and accessories > Data storage > External solid state and hard drives > "
    text = Outline(write_report(make_study(tmp_path, variant("binary", labels=(f"{path}wired", f"{path}wireless")))).read_text(encoding="utf-8")).text
    for section in (text[text.index("Confusion matrix") : text.index("Most often confused")], text[text.index("How large the classes are") :]):
        assert "drives > wired" in section
        assert "drives > wireless" in section


def test_rows_of_a_second_table_are_counted_and_numbered_as_its_own(tmp_path: Path) -> None:
    """Shares are those of all rows the counts speak of; a wrong row has the number that it has in its table, which is named."""
    make_study(tmp_path)
    path = tmp_path / "study.json"
    study = json.loads(path.read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (tmp_path / "predictions" / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    first = min(row["row"] for row in rows)
    study |= {"read_test": {"source": "held <out>.csv", "rows_used": 1_000}, "first_test_row": first}
    study["read"]["rows_used"] = 2_000
    study["data"] |= {"classes": {"praise": 1_500, "refund": 1_500}, "rows": 3_000}
    path.write_text(json.dumps(study), encoding="utf-8")
    text = " ".join(Outline(write_report(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "The test table, held <out>.csv, adds 1,000 rows: the figures below speak of all 3,000." in text
    assert f"row {first:,} is row 0 of held <out>.csv" in text
    assert "Row 0 is the first data row of held <out>.csv." in text
    assert text.count("50.0 %") >= 2
    assert "75.0 %" not in text
    summary = summarise(tmp_path)
    shown = summary.diagnosis
    assert shown is not None
    assert summary.findings.test == ("held <out>.csv", 1_000, first)
    study["read_test"]["source"] = "memory"
    path.write_text(json.dumps(study), encoding="utf-8")
    assert summarise(tmp_path).findings.test == ("test", 1_000, first)
    assert all(f"· row {mistake.row - first:,}" in text for mistake in shown.mistakes[:8])


def test_looks_at_the_validation_rows_are_titled_with_the_metric_they_are_of(tmp_path: Path) -> None:
    """A recipe looks by a metric of its own choice, whatever judges the comparison; where folds do not agree, or runs do not say, none is named."""
    make_study(tmp_path, variant("intents", take="minilm+full", folds=3))
    study, ledger = tmp_path / "study.json", tmp_path / "ledger.jsonl"
    content = json.loads(study.read_text(encoding="utf-8"))
    study.write_text(json.dumps(content | {"metric": {"name": "log_loss", "summary": "made up", "greater_is_better": False}}), encoding="utf-8")
    text = Outline(write_report(tmp_path).read_text(encoding="utf-8")).text
    assert "Accuracy on the validation rows" in text
    assert "Log loss on the validation rows" not in text
    for one in ("macro_f1", None):
        before = ledger.read_text(encoding="utf-8")
        ledger.write_text(before.replace('"metric": "accuracy"', f'"metric": "{one}"' if one else '"other": ""', 1 if one else -1), encoding="utf-8")
        assert "Mark on the validation rows" in Outline(write_report(tmp_path).read_text(encoding="utf-8")).text
        ledger.write_text(before, encoding="utf-8")


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_in_the_page_can_run_or_load(outlines: Mapping[str, Outline], name: str) -> None:
    """No script, no handler, no frame, no address but anchors on the page itself and the icon in it."""
    outline = outlines[name]
    assert not list(outline.named("script", "iframe", "object", "embed", "form", "img", "base", "foreignobject"))
    keys = {key for _, attributes in outline.elements for key in attributes}
    assert not [key for key in keys if key.startswith("on") or key in ("src", "srcset", "style", "xlink:href", "action")]
    assert all(attributes["href"].startswith("#") for attributes in outline.named("a"))
    assert all(attributes["href"].startswith("data:image/svg+xml,") for attributes in outline.named("link"))


@pytest.mark.parametrize("name", PLOTS)
def test_the_policy_allows_exactly_the_style_sheet_of_the_page(pages: Mapping[str, Path], name: str) -> None:
    """The hash in the policy is that of the one style element; nothing else is allowed."""
    page = pages[name].read_text(encoding="utf-8")
    style = page[page.index("<style>") + len("<style>") : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1] == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("name", PLOTS)
def test_headings_begin_at_one_and_leave_out_no_level(outlines: Mapping[str, Outline], name: str) -> None:
    """One h1; below it no jump down of more than one."""
    levels = [int(tag[1]) for tag, _ in outlines[name].elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", PLOTS)
def test_ids_are_single_and_every_reference_finds_one(outlines: Mapping[str, Outline], name: str) -> None:
    """Anchors, labels and descriptions point at something."""
    attributes = [found for _, found in outlines[name].elements]
    ids = [found["id"] for found in attributes if "id" in found]
    assert len(ids) == len(set(ids))
    wanted = {found["href"][1:] for found in outlines[name].named("a")} | {found[key] for found in attributes for key in ("aria-labelledby", "aria-describedby") if key in found}
    assert wanted <= set(ids)


@pytest.mark.parametrize("name", PLOTS)
def test_every_table_has_a_caption_and_scopes_and_can_be_reached(outlines: Mapping[str, Outline], name: str) -> None:
    """Each stands in a named region that the keyboard reaches, so that a wide one can be scrolled."""
    outline = outlines[name]
    tags = [tag for tag, _ in outline.elements]
    for at, tag in enumerate(tags):
        if tag == "table":
            region = outline.elements[at - 1]
            assert region[1]["class"] == "scroll"
            assert (region[1]["role"], region[1]["tabindex"]) == ("region", "0")
            assert tags[at + 1] == "caption"
    assert all(found.get("scope") in ("col", "row", "rowgroup") for found in outline.named("th"))


def test_what_stands_in_the_data_stands_in_the_page_as_text(outlines: Mapping[str, Outline], pages: Mapping[str, Path]) -> None:
    """Script, tags, template braces, Arabic, Hebrew and Korean come out letter for letter."""
    outline, raw = outlines["nasty"], pages["nasty"].read_text(encoding="utf-8")
    diagnosis = summarise(pages["nasty"].parent).diagnosis
    assert diagnosis is not None
    assert len({mistake.text for mistake in diagnosis.mistakes}) > 4
    for mistake in diagnosis.mistakes:
        assert mistake.text[:300].strip() in outline.text
    assert "<script>alert" not in raw
    assert "&lt;script&gt;alert" in raw
    assert "49" not in outline.text.split("{{ 7 * 7 }}")[0][-3:]
    assert NASTY[2] in outline.text
    assert "العربية ودعم العملاء" in outline.text


@pytest.mark.parametrize("name", ["intents", "binary", "many", "multilabel", "nasty"])
def test_the_figures_of_the_leaderboard_stand_on_the_page(outlines: Mapping[str, Outline], pages: Mapping[str, Path], name: str) -> None:
    """Score, interval and the reasons of all that is not ranked."""
    for row in json.loads((pages[name].parent / "leaderboard.json").read_text(encoding="utf-8")):
        if row["status"] == "done":
            assert f"{row['test']:.3f}" in outlines[name].text
            assert f"{row['test_low']:.3f} to {row['test_high']:.3f}" in outlines[name].text
        else:
            assert row["status"] in outlines[name].text
            assert row["why"] in outlines[name].text


def test_the_recommended_line_is_marked_in_words(outlines: Mapping[str, Outline]) -> None:
    """Not by colour alone, and once."""
    assert outlines["intents"].text.count("Take this") == 1
    assert "Take this" not in outlines["nothing"].text
    assert "Nothing can be recommended" in outlines["nothing"].text


def test_a_matrix_is_shown_up_to_twenty_classes_and_pairs_beyond(outlines: Mapping[str, Outline]) -> None:
    """150 columns would help nobody."""
    assert "Confusion matrix" in outlines["intents"].text
    assert "Confusion matrix" not in outlines["many"].text
    assert "Confusion matrix" not in outlines["multilabel"].text
    assert "Most often confused" in outlines["many"].text
    assert "The other 130 classes" in outlines["many"].text


def test_tie_groups_are_cut_where_the_letter_changes(tmp_path: Path) -> None:
    """Places go on through the groups."""
    groups = tie_groups(summarise(make_study(tmp_path)).board)
    assert [(letter, [place for place, _ in rows]) for letter, rows in groups] == [("A", [1, 2]), ("B", [3]), ("C", [4])]


def test_a_large_comparison_stays_below_three_megabytes(tmp_path: Path) -> None:
    """30 candidates, 150 classes, 2,000 letters in every text."""
    candidates = {f"model-{i}+{'full' if i % 2 else 'probe'}": 0.6 + i / 100 for i in range(30)} | {"majority": 0.0}
    plot = variant("many", rows=600, candidates=candidates, take="model-29+full", texts=tuple(chr(0xAC00 + i) * 2000 for i in range(50)))
    assert write_report(make_study(tmp_path, plot)).stat().st_size < 1_500_000


def test_the_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """The second page takes the place of the first; nothing else is left."""
    path = write_report(make_study(tmp_path, PLOTS["nothing"]))
    before = path.read_text(encoding="utf-8")
    make_study(tmp_path, variant("nothing", title="other.csv"))
    assert write_report(tmp_path) == path
    assert "other.csv" in path.read_text(encoding="utf-8") != before
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []


def test_a_page_that_cannot_be_written_gets_one_sentence(tmp_path: Path) -> None:
    """A folder stands where the page should."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(MachineError, match=r"report\.html: must be writable; got .*\. Make room or give permission"):
        write_text(tmp_path / "report.html", "page")
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_folders_of_a_page_are_made(tmp_path: Path) -> None:
    """As those of predictions are."""
    assert write_text(tmp_path / "new" / "er" / "map.html", "page").read_text(encoding="utf-8") == "page"
    assert [found.name for found in (tmp_path / "new" / "er").iterdir()] == ["map.html"]


PAIRS = [
    ("ink", "paper"),
    ("ink", "surface"),
    ("muted", "paper"),
    ("muted", "surface"),
    ("accent", "paper"),
    ("accent", "badge"),
    ("data", "paper"),
    ("fault", "paper"),
    ("paper", "data"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_letters_have_the_contrast_of_wcag_aa(pages: Mapping[str, Path], scheme: str, front: str, back: str) -> None:
    """At least 4.5 to 1, computed from the style sheet's own variables (WCAG 2.2, 1.4.3)."""
    page = pages["intents"].read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", page, flags=re.DOTALL)[:2])
    colours = light if scheme == "light" else {**light, **dark}
    first, second = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
    assert (first + 0.05) / (second + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_figures_of_a_good_model_have_four_digits_in_the_leaderboard_and_the_answer(tmp_path: Path) -> None:
    """Three would say 0.999 for all of them."""
    summary = summarise(make_study(tmp_path, variant("intents")))
    board = [
        replace(row, test=0.9992 + at / 1e4, test_low=0.999 + at / 1e4, test_high=0.9994 + at / 1e4) if row.test and row.recipe != "majority" else row
        for at, row in enumerate(summary.board)
    ]
    best = next(row for row in board if row.recommended)
    page = render(replace(summary, board=board, headline=replace(summary.headline, standing=best)))
    for row in board:
        if row.ranked and row.recipe != "majority":
            assert f"{row.test:.4f}<span" in page
    assert f"<strong>{best.test:.4f}</strong><span>95 % interval {best.test_low:.4f} to {best.test_high:.4f}" in page


def test_a_calibration_error_is_told_in_percentage_points(tmp_path: Path) -> None:
    """A difference of shares is no share; one test row is one row."""
    summary = summarise(make_study(tmp_path, variant("intents")))
    assert summary.diagnosis is not None
    page = render(replace(summary, diagnosis=replace(summary.diagnosis, ece=0.139, ece_by_chance=0.01, rows=1)))
    assert "Here it is off by 13.9 percentage points on average." in page
    assert "On 1 row a model that is right exactly as often as it says" in page


def test_bars_of_class_sizes_have_no_track(tmp_path: Path) -> None:
    """The largest class is not the whole: a full track beside 8.9 % would say so. The bars of F1 keep theirs."""
    page = render(summarise(make_study(tmp_path, Plot())))
    sizes, classes = (page[page.index(f'id="{name}"') :].split("</table>")[0] for name in ("sizes-table", "classes-table"))
    assert ('class="fill"' in sizes, 'class="track"' in sizes) == (True, False)
    assert ('class="fill"' in classes, 'class="track"' in classes) == (True, True)
