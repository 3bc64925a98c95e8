"""An endpoint that is slow, rude, broken or dear; the key stays where it is, and nothing is paid twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contracts.endpoint import KEY, Script, fake_endpoint
from ringsmith.adapt.answers import Answer, Answers
from ringsmith.adapt.endpoint import Endpoint, _retry_after
from ringsmith.adapt.endpoint_settings import EndpointSettings, read_key
from ringsmith.adapt.spending import Account
from ringsmith.errors import BudgetError, NotAtHand, OptionError, UsageError


@pytest.fixture
def script() -> Script:
    """A model that says again what it was told."""
    return Script()


@pytest.fixture
def url(script: Script) -> Iterator[str]:
    """Where it listens."""
    with fake_endpoint(script) as address:
        yield address


def talk(*texts: str) -> list[list[dict[str, str]]]:
    """A conversation of one message for each text."""
    return [[{"role": "user", "content": text}] for text in texts]


def endpoint(url: str, waits: list[float] | None = None, **settings: Any) -> Endpoint:
    """An endpoint whose waits are noted, not waited."""
    noted = waits if waits is not None else []
    return Endpoint(EndpointSettings(url=url, model="tiny-chat", **settings), sleep=noted.append)


def test_answers_come_in_the_order_of_the_questions(script: Script, url: str) -> None:
    """Twenty of them, four at once; equal questions are asked once."""
    script.pause = 0.02
    texts = [f"text {i % 18}" for i in range(20)]
    answers = endpoint(url, at_once=4).ask(talk(*texts))
    assert [answer.text for answer in answers] == texts
    assert len(script.seen) == 18
    assert 2 <= script.most_at_once <= 4
    assert answers[0].tokens_in == 2
    assert script.seen[0] == {"model": "tiny-chat", "messages": [{"role": "user", "content": "text 0"}], "temperature": 0, "max_tokens": 64}


def test_several_may_ask_at_a_time(script: Script, url: str) -> None:
    """The end of one conversation is not that of another."""
    script.pause = 0.01
    shared = endpoint(url, at_once=2)
    lists = [[f"{asker} {number}" for number in range(2 + asker % 3)] for asker in range(12)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda texts: shared.ask(talk(*texts)), lists))
    assert [[answer.text for answer in some] for some in answers] == lists


def test_known_answers_are_not_asked_again_unless_anything_differs(script: Script, url: str) -> None:
    """Content, model and the length of an answer all count; another process finds them too."""
    assert endpoint(url).ask(talk("a"))[0].text == "a"
    assert endpoint(url).ask(talk("a"))[0].text == "a"
    assert len(script.seen) == 1
    Endpoint(EndpointSettings(url=url, model="another")).ask(talk("a"))
    endpoint(url, answer_tokens=5).ask(talk("a"))
    assert len(script.seen) == 3


def test_a_broken_answer_on_disk_is_asked_again(tmp_path: Path) -> None:
    """Cut off, of another schema, or no JSON."""
    answers, key = Answers(tmp_path), "ab" * 32
    answers.put(key, Answer("yes", tokens_in=3))
    assert answers.get(key) == Answer("yes", tokens_in=3)
    file = next(tmp_path.rglob("*.json"))
    for content in ('{"schema": 1, "answ', '{"schema": 9, "answer": {}}', '{"schema": 1, "answer": {"no": 1}}', "[]"):
        file.write_text(content)
        assert answers.get(key) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file], "nothing half-written lies about"


@pytest.mark.parametrize("fault", ["429", "500", "503", "507", "520", "524", "drop", "cut", "html", "empty", "slow", "stuck"])
def test_what_may_pass_is_tried_again(script: Script, url: str, fault: str) -> None:
    """Twice wrong, then right: one answer, and waits that grow."""
    script.faults = {0: fault, 1: fault}
    waits: list[float] = []
    assert endpoint(url, waits, timeout_seconds=0.3).ask(talk("a"))[0].text == "a"
    assert len(script.seen) == 3
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0


def test_retry_after_is_kept_to(script: Script, url: str) -> None:
    """Seconds, or a date; a wait that is too long for the budget or for anybody ends it."""
    script.faults = {0: "429 7", 2: "429 9999", 3: "503 60"}
    waits: list[float] = []
    endpoint(url, waits).ask(talk("a"))
    assert waits == [7.0]
    with pytest.raises(NotAtHand, match=r"asks to wait 9,999 s\. What was answered is kept"):
        endpoint(url).ask(talk("b"))
    with pytest.raises(BudgetError, match=r"gave no answer: it answered 503 \(.*\), and asks to wait 60 s\. The budget has no time for another try: see to it, or give more time"):
        endpoint(url).ask(talk("b"), deadline=time.monotonic() + 20)
    script.faults = {4: "500"}
    with pytest.raises(BudgetError, match=r"gave no answer: it answered 500 \(.*\)\. The budget has no time"):
        endpoint(url).ask(talk("b"), deadline=time.monotonic() + 0.2)
    assert _retry_after({"Retry-After": "Wed, 21 Oct 2065 07:28:00 GMT"}) > 1e9  # type: ignore[operator]
    assert _retry_after({"Retry-After": "soon"}) is None
    assert _retry_after({"Retry-After": "nan"}) == 0


def test_what_never_passes_ends_in_one_sentence(script: Script, url: str) -> None:
    """After all tries; the reason is the last one."""
    script.faults = dict.fromkeys(range(9), "500")
    with pytest.raises(
        NotAtHand, match=r"The endpoint http://127\.0\.0\.1:\d+/v1/chat/completions gave no answer: it answered 500 \(no, None\)\. What was answered before is kept"
    ):
        endpoint(url, tries=3).ask(talk("a", "b"))
    assert len(script.seen) == 3


def test_nobody_at_home() -> None:
    """Two tries tell that nothing listens there."""
    waits: list[float] = []
    with pytest.raises(NotAtHand, match=r"gave no answer: it cannot be reached"):
        endpoint("http://127.0.0.1:9", waits).ask(talk("a"))
    assert len(waits) == 1


def test_a_fault_in_the_middle_keeps_what_was_answered(script: Script, url: str) -> None:
    """The next run asks only the rest."""
    script.faults = {6: "401"}
    with pytest.raises(UsageError, match="answered 401"):
        endpoint(url, at_once=1).ask(talk(*"abcdefghij"))
    assert len(script.seen) == 7
    assert [answer.text for answer in endpoint(url).ask(talk(*"abcdefghij"))] == list("abcdefghij")
    assert len(script.seen) == 7 + 4


def test_a_wrong_key_is_one_sentence_and_is_not_shown(script: Script, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the endpoint says it back; and one that is missing is said to be."""
    script.faults = {0: "401", 1: "401"}
    with pytest.raises(UsageError, match=r"answered 401 .*it asks for a key, and RINGSMITH_ENDPOINT_KEY is not set\. Set RINGSMITH_ENDPOINT_KEY to a key that may use 'tiny-chat'"):
        endpoint(url).ask(talk("a"))
    monkeypatch.setenv("RINGSMITH_ENDPOINT_KEY", KEY)
    with pytest.raises(UsageError, match=r"the key in RINGSMITH_ENDPOINT_KEY is refused") as error:
        endpoint(url).ask(talk("a"))
    assert KEY not in str(error.value)
    assert "Bearer ***" in str(error.value)


def test_the_key_goes_into_one_header_and_nowhere_else(script: Script, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file of the cache holds it, and answers are found without it."""
    monkeypatch.setenv("RINGSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RINGSMITH_ENDPOINT_KEY", KEY)
    asked = endpoint(url, account=str(tmp_path / "spent.jsonl"), price_in=1.0, price_out=1.0)
    asked.ask(talk("a"))
    assert script.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert script.headers[0]["path"] == "/v1/chat/completions"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert not any(KEY.encode() in path.read_bytes() for path in files)
    assert KEY not in repr(asked.settings)
    monkeypatch.delenv("RINGSMITH_ENDPOINT_KEY")
    assert endpoint(url).ask(talk("a"))[0].text == "a"
    assert len(script.seen) == 1


def test_a_key_does_not_cross_a_network_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain HTTP is for this machine; OpenAI's own key goes to OpenAI alone."""
    monkeypatch.setenv("OPENAI_API_KEY", "open")
    assert read_key("https://api.openai.com/v1") == "open"
    assert read_key("https://elsewhere.example/v1") is None
    monkeypatch.setenv("RINGSMITH_ENDPOINT_KEY", KEY)
    assert read_key("https://elsewhere.example/v1") == read_key("http://localhost:8000") == KEY
    with pytest.raises(UsageError, match=r"a key is sent over https:// only; got http://elsewhere\.example/v1, which everybody on the way can read\. Use https://"):
        read_key("http://elsewhere.example/v1")
    monkeypatch.setenv("RINGSMITH_ENDPOINT_KEY", "two\nlines")
    with pytest.raises(UsageError, match=r"a key is plain characters in one line"):
        read_key("https://elsewhere.example/v1")


def test_a_redirect_is_not_followed(script: Script, url: str) -> None:
    """The key would go along."""
    script.faults = {0: "302"}
    with pytest.raises(UsageError, match=r"answered 302 .*Check the address and --endpoint-model 'tiny-chat'"):
        endpoint(url).ask(talk("a"))


def test_an_unknown_model_is_said_at_once(script: Script, url: str) -> None:
    """One request, no second try."""
    script.faults = {0: "404"}
    with pytest.raises(UsageError, match=r"answered 404 .*Check the address and --endpoint-model"):
        endpoint(url).ask(talk("a", "b"))
    assert len(script.seen) == 1


def test_a_question_that_is_refused_is_an_answer_without_a_text(script: Script, url: str) -> None:
    """A filter stops one row, not the run; it is not remembered, and is still an answer where it is the first to be asked again."""
    script.faults = {1: "422", 3: "413"}
    answers = endpoint(url, at_once=1).ask(talk("a", "b", "c"))
    assert [answer.text for answer in answers] == ["a", None, "c"]
    assert answers[1].why.startswith("422: no")
    assert [answer.text for answer in endpoint(url).ask(talk("a", "b", "c"))] == ["a", None, "c"]
    assert [answer.text for answer in endpoint(url).ask(talk("a", "b", "c"))] == ["a", "b", "c"]
    assert len(script.seen) == 5


@pytest.mark.parametrize("status", [402, 405, 410, 418])
def test_a_server_at_fault_gives_no_answers(status: int, script: Script, url: str) -> None:
    """The credits are over, the model is gone: that ends the asking, and all the rest is asked later."""
    script.faults = dict.fromkeys(range(2, 99), str(status))
    with pytest.raises(NotAtHand, match=rf"answered {status} \(no, None\) and gives no more answers\. What was answered is kept: see to it and run the same command again\."):
        endpoint(url, at_once=1).ask(talk(*"abcdef"))
    assert len(script.seen) == 3
    script.faults = {}
    assert [answer.text for answer in endpoint(url).ask(talk(*"abcdef"))] == list("abcdef")
    assert len(script.seen) == 3 + 4


def test_a_refusal_that_an_earlier_version_kept_is_no_answer(tmp_path: Path) -> None:
    """It may have been the server's fault."""
    answers, key = Answers(tmp_path), "ab" * 32
    answers.put(key, Answer("yes"))
    file = next(tmp_path.rglob("*.json"))
    file.write_text(file.read_text().replace('"yes"', "null"))
    assert answers.get(key) is None


def completion(content: Any, **choice: Any) -> str:
    """A whole answer as `Script` sends it as it is."""
    return "200 " + json.dumps({"choices": [{"message": {"content": content}, **choice}], "usage": {"prompt_tokens": 10**400, "completion_tokens": 1}})


@pytest.mark.parametrize("fault", [completion("", finish_reason="error"), completion(5), completion([5]), "200 " + "[" * 100_000])
def test_what_is_no_whole_answer_is_asked_again(fault: str, script: Script, url: str) -> None:
    """Though it came with a 200."""
    script.faults = {0: fault}
    assert endpoint(url).ask(talk("a"))[0].text == "a"
    assert len(script.seen) == 2


def test_parts_are_one_text_and_an_answer_that_was_cut_says_so(script: Script, url: str, tmp_path: Path) -> None:
    """Thoughts are no part of it; tokens that nobody can pay count as not told; the cache keeps all of it."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "card "}, {"type": "text", "text": "arrival"}]
    script.faults = {0: completion(parts), 1: completion("card", finish_reason="length"), 2: completion(None, finish_reason="stop")}
    path = tmp_path / "spent.jsonl"
    first = endpoint(url, at_once=1, price_in=1e6, price_out=1e6, answer_tokens=3, account=str(path)).ask(talk(*"abc"))
    assert [(answer.text, answer.cut, answer.tokens_in, answer.tokens_out) for answer in first] == [("card arrival", False, None, 1), ("card", True, None, 1), ("", False, None, 1)]
    assert endpoint(url, answer_tokens=3).ask(talk(*"abc")) == first
    assert Account(path, None).spent == 3 * (33 + 3)


def test_limits_that_a_newer_model_does_not_know_are_adapted(script: Script, url: str) -> None:
    """It complains about max_tokens, then about the temperature; all later questions are in its form."""
    told = [{"error": {"message": "'max_tokens' is not supported. Use 'max_completion_tokens'."}}, {"error": {"message": "'temperature' must be 1"}}]
    script.faults = {number: json.dumps(content) for number, content in enumerate(told)}
    assert [answer.text for answer in endpoint(url).ask(talk("a", "b"))] == ["a", "b"]
    assert script.seen[-1].keys() == {"model", "messages", "max_completion_tokens"}
    assert len(script.seen) == 4


def test_the_budget_ends_the_asking(script: Script, url: str) -> None:
    """Nothing is sent after it."""
    with pytest.raises(BudgetError, match=r"The budget ended before 'tiny-chat' had answered everything\. What was answered is kept"):
        endpoint(url).ask(talk("a"), deadline=time.monotonic() - 1)
    assert script.seen == []


def test_spending_stops_before_the_ceiling(script: Script, url: str, tmp_path: Path) -> None:
    """At a dollar a token in and out, 'a b' costs two and two; a question may cost a byte a token and some: 35 + 3 at most."""
    settings = {"price_in": 1e6, "price_out": 1e6, "spend_at_most": 60.0, "answer_tokens": 3, "at_once": 3, "account": str(tmp_path / "spent.jsonl")}
    with pytest.raises(
        BudgetError, match=r"--spend-at-most: \$24\.0000 of \$60\.0000 are spent, and the next answer can cost \$38\.0000; nothing more is asked\. What was answered is kept"
    ):
        endpoint(url, **{**settings, "at_once": 1}).ask(talk(*(f"{a} b" for a in "acdefghijk")))
    assert len(script.seen) == 6
    assert sum(json.loads(line)["dollars"] for line in (tmp_path / "spent.jsonl").read_text().splitlines()) == 24
    with pytest.raises(BudgetError, match=r"\$24\.0000 of \$60\.0000 are spent"):
        endpoint(url, **settings).ask(talk("l b"))
    assert endpoint(url, **settings).ask(talk("a b"))[0].text == "a b", "what was answered costs nothing"


def test_without_told_tokens_the_most_is_counted(script: Script, url: str, tmp_path: Path) -> None:
    """So that the ceiling holds: 35 bytes and 3 tokens."""
    script.usage = False
    path = tmp_path / "spent.jsonl"
    assert endpoint(url, price_in=1e6, price_out=1e6, answer_tokens=3, account=str(path)).ask(talk("a b"))[0].tokens_in is None
    assert Account(path, None).spent == 38


@pytest.mark.parametrize(("fault", "lost"), [("slow", True), ("cut", True), ("drop", True), ("html", True), ("429", False), ("500", False)])
def test_an_answer_that_got_lost_counts_in_full(fault: str, lost: bool, script: Script, url: str, tmp_path: Path) -> None:
    """The model may have written it, and it may be billed: the ceiling counts it. What was turned away costs nothing."""
    script.faults = {0: fault}
    path = tmp_path / "spent.jsonl"
    asked = endpoint(url, price_in=1e6, price_out=1e6, answer_tokens=3, account=str(path), timeout_seconds=0.3)
    assert asked.ask(talk("a b"))[0].text == "a b"
    assert Account(path, None).spent == 4 + (38 if lost else 0)


def test_a_line_of_the_account_that_was_cut_off_stays_one_of_its_own(tmp_path: Path) -> None:
    """The disk was full: without a ceiling that is no matter; under one nobody knows what is spent, and it says what to do."""
    path = tmp_path / "spent.jsonl"
    path.write_text('{"dollars": 0.5}\n{"dolla')
    free = Account(path, None)
    free.reserve(1.0)
    free.settle(1.0, 0.25)
    assert path.read_text() == '{"dollars": 0.5}\n{"dolla\n{"dollars": 0.25}\n'
    assert Account(path, None).spent == 0.75
    with pytest.raises(
        BudgetError, match=r'spent\.jsonl:2: a line must say what was spent \(\{"dollars": 0\.25\}\); this one cannot be read, so nothing more is asked\. Write in its'
    ):
        Account(path, 100.0).reserve(1.0)
    path.write_text(path.read_text().replace('{"dolla\n', "\n"))
    Account(path, 100.0).reserve(1.0)


def test_money_set_aside_comes_back() -> None:
    """By hand, with a ceiling of 10."""
    account = Account(None, 10.0)
    account.reserve(6.0)
    with pytest.raises(BudgetError, match=r"\$0\.0000 of \$10\.0000 are spent, \$6\.0000 may go to questions under way, and the next answer can cost \$5\.0000"):
        account.reserve(5.0)
    account.settle(6.0, None)
    account.reserve(5.0)
    account.settle(5.0, 4.0)
    account.reserve(6.0)
    assert account.spent == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "ftp://x"}, "'url' .--endpoint. must be an address that begins with http:// or https://"),
        ({"url": "https://me:secret@x/v1"}, "'url' .--endpoint. must be an address"),
        ({"url": "https://"}, "'url' .--endpoint. must be an address"),
        ({"url": "http://x:99999999/v1"}, "'url' .--endpoint. must be an address"),
        ({"model": " "}, r"'model' must be the name of a model there \(--endpoint-model\)"),
        ({"price_in": -1.0}, "'price_in' must be dollars for a million tokens, 0 or more"),
        ({"spend_at_most": 0.0}, "'spend_at_most' must be more than 0 dollars"),
        ({"spend_at_most": 1.0}, "'spend_at_most' needs the prices of tokens"),
        ({"at_once": 0}, "'at_once' must be from 1 to 256"),
        ({"answer_tokens": 0}, "'answer_tokens' must be at least 1"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    """Each is named with its rule."""
    with pytest.raises(OptionError, match=said):
        EndpointSettings(**{"url": "https://x/v1", "model": "m", **wrong})


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("https://x/v1/", "https://x/v1/chat/completions"),
        ("https://x/openai/deployments/d/chat/completions?api-version=1", "https://x/openai/deployments/d/chat/completions?api-version=1"),
    ],
)
def test_an_address_is_completed(url: str, address: str) -> None:
    """As short or as long as the user has it."""
    assert EndpointSettings(url=url, model="m").address == address
