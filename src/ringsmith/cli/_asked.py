"""What `compare` and `tune` are asked alike: which rows, and how the runs go. Each option stands here once, with its help."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from ringsmith.cli._shell import DELIMITER, ENCODING

ROWS, MODELS, ASKED, RACE, OUTPUT = "Which rows", "Which candidates", "Prompting", "How", "Output"

Text = Annotated[str | None, Option(help="Column of the texts, or several, joined: title,body. Found by itself where it is plain.", rich_help_panel=ROWS)]
Label = Annotated[str | None, Option(help="Column of the labels. Found by itself where it is plain.", rich_help_panel=ROWS)]
Pair = Annotated[str | None, Option(help="Column of second texts, for labels of pairs.", rich_help_panel=ROWS)]
Group = Annotated[str | None, Option(help="Column that says which rows belong together (author, document): no split cuts a group apart.", rich_help_panel=ROWS)]
Times = Annotated[str | None, Option("--time", help="Column of times: train on the past, test on the newest rows.", rich_help_panel=ROWS)]
SplitColumn = Annotated[str | None, Option(help="Column that says train, valid or test.", rich_help_panel=ROWS)]
TestTable = Annotated[str | None, Option(help="A second table to report on. Without it a part of DATA is held out.", rich_help_panel=ROWS)]
Encoding = Annotated[str | None, Option(help=ENCODING, rich_help_panel=ROWS)]
Delimiter = Annotated[str | None, Option(help=DELIMITER, rich_help_panel=ROWS)]
Folds = Annotated[
    int | None,
    Option(
        help="Cross-validate in so many parts; with --test they take turns at choosing. 0: one split, no play-off. "
        "Default: 5 below 1,000 rows (with --test 3,000), or with few groups or few rows outside the largest class.",
        rich_help_panel=ROWS,
    ),
]
MinRows = Annotated[int | None, Option(help="Leave out classes with fewer rows. Default: none is left out, and every class needs 5.", rich_help_panel=ROWS)]
Steps = Annotated[str | None, Option(help="Prepare every text first: names of steps, comma separated (see ringsmith text).", rich_help_panel=ROWS)]
Names = Annotated[bool, Option(help="Let a class with few rows learn from its name, too, where the texts speak of the names or all are described.", rich_help_panel=RACE)]
Task = Annotated[str | None, Option(help="classification or multilabel. Default: told from the labels.", rich_help_panel=RACE)]
Threads = Annotated[int | None, Option(help="CPU threads. Default: all cores.", rich_help_panel=RACE)]
On = Annotated[str, Option(help="Where the runs happen: local (a process each).", rich_help_panel=RACE)]
Offline = Annotated[bool, Option("--offline", help="Never touch the network, whatever is named.", rich_help_panel=RACE)]
Fetch = Annotated[str, Option(help="When to fetch a named model: never, if-missing or always.", rich_help_panel=RACE)]
AsJson = Annotated[bool, Option("--json", help="Print the result as JSON.", rich_help_panel=OUTPUT)]
