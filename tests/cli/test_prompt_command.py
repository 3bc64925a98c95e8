"""``ringsmith compare --endpoint``: a model behind an address stands in the table with its cost; wrong use is one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import WORDS, Ringsmith, Write, as_csv, refused, reviews

from contracts.endpoint import KEY, Script, fake_endpoint

BAD, GOOD = (set(words.split()) for words in WORDS)


def knowing(text: str) -> str:
    """What most words say."""
    words = set(text.split())
    return "a bad thing" if len(words & BAD) > len(words & GOOD) else "A good thing."


@pytest.fixture
def script() -> Script:
    """What the model does."""
    return Script(knowing)


@pytest.fixture
def url(script: Script) -> Iterator[str]:
    """A chat model on this machine."""
    with fake_endpoint(script) as address:
        yield address


def test_an_endpoint_competes_with_its_cost(ringsmith: Ringsmith, write: Write, script: Script, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the words for its labels told; its model predicts again without asking twice; no file of it all holds the key."""
    monkeypatch.setenv("RINGSMITH_ENDPOINT_KEY", KEY)
    data, cost = write("data.csv", as_csv(reviews(120))), ("--price-in", "2", "--price-out", "8", "--spend-at-most", "1")
    ended = ringsmith(
        "compare", data, "--recipes", "majority,prompt", "--models", "word2vec", "--folds", "0", "--endpoint", url, "--endpoint-model", "tiny-chat", *cost,
        "--describe", "bad=a bad thing", "--describe", "good=a good thing", "--out", "out",
    )  # fmt: skip
    assert ended.code == 0, ended
    first = json.loads(Path("out/leaderboard.json").read_text())[0]
    assert (first["candidate"], first["status"], first["valid"], first["recommended"]) == ("tiny-chat+prompt", "done", 1.0, True)
    assert "per 1,000 rows" in first["why"]
    assert first["latency_ms_p50"] > 0
    assert sum(json.loads(line)["dollars"] for line in Path("out/spent.jsonl").read_text().splitlines()) < 1
    assert script.headers[0]["Authorization"] == f"Bearer {KEY}"
    asked = len(script.seen)
    for _ in range(2):  # the second time the answer is known
        assert "good" in ringsmith("predict", "out/best", "a great phone, super battery").out
        assert len(script.seen) == asked + 1
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--endpoint", "http://127.0.0.1:9/v1", "--endpoint-model", "m", "--offline"), r"--offline: an endpoint is asked over the network; got --endpoint http://127"),
        (("--endpoint", "127.0.0.1", "--endpoint-model", "m"), r"'url' \(--endpoint\) must be an address that begins with http:// or https://"),
        (("--endpoint", "http://127.0.0.1:9/v1"), r"--endpoint needs the name of a model there; got none\. Add --endpoint-model NAME\."),
        (("--endpoint-model", "m"), r"--endpoint-model belongs to an endpoint; no --endpoint was named\. Add --endpoint URL"),
        (("--price-in", "3"), r"--price-in belongs to an endpoint"),
        (("--endpoint", "http://127.0.0.1:9/v1", "--endpoint-model", "m", "--spend-at-most", "3"), r"'spend_at_most' needs the prices of tokens to count with"),
        (("--describe", "good"), r"--describe must be LABEL=WORDS, such as 1='a good film'; got 'good'"),
        (("--describe", "god=x"), r"There is no label 'god'\. Did you mean 'good'\?"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_sentence(ringsmith: Ringsmith, write: Write, arguments: tuple[str, ...], sentence: str) -> None:
    """Nothing is asked, and nothing is trained."""
    refused(ringsmith("compare", write("data.csv", as_csv(reviews(60))), "--recipes", "majority,tfidf", *arguments), sentence)


def test_an_endpoint_that_nobody_asks_is_said(ringsmith: Ringsmith, write: Write) -> None:
    """It was named, and no recipe that asks was."""
    ended = ringsmith("compare", write("data.csv", as_csv(reviews(60))), "--recipes", "majority", "--folds", "0", "--endpoint", "http://127.0.0.1:9/v1", "--endpoint-model", "m")
    assert ended.code == 0
    assert "left out: none of the recipes asks an endpoint (add prompt)" in " ".join((ended.out + ended.err).split())
