"""The hub: fetched once, pinned, recorded; and a promise that nothing is reached for when it must not be."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from catalogue_folders import make_folder

from ringsmith.catalogue import resolve
from ringsmith.errors import NotAtHand

FIRST, SECOND = "a" * 40, "b" * 40


@dataclass
class FakeHub:
    """A hub on this machine: repositories with commits, and a list of what was asked."""

    commits: dict[str, dict[str, dict[str, bytes]]]
    head: dict[str, str]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers for one address."""
        self.asked.append(path)
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._about("/".join(parts[2:4]), parts[4:])
        repo, revision, name = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        commit = self.head.get(repo, "") if revision == "main" else revision
        content = self.commits.get(repo, {}).get(commit, {}).get(name)
        if content is None:
            return 404, b"", {"X-Error-Code": "EntryNotFound"}
        return 200, content, {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}

    def _about(self, repo: str, rest: list[str]) -> tuple[int, bytes, dict[str, str]]:
        if repo not in self.commits:
            return 401, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}
        revision = rest[1] if len(rest) > 1 else "main"
        commit = self.head[repo] if revision == "main" else revision
        if commit not in self.commits[repo]:
            return 404, b"{}", {"X-Error-Code": "RevisionNotFound"}
        files = self.commits[repo][commit]
        if rest[:1] == ["tree"]:
            tree = [{"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()} for name, content in files.items()]
            return 200, json.dumps(tree).encode(), {}
        return 200, json.dumps({"id": repo, "sha": commit, "siblings": [{"rfilename": name} for name in files], "private": False, "tags": []}).encode(), {}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """Two repositories: one sound with two commits, one of pickles."""
    files = {path.name: path.read_bytes() for path in make_folder(tmp_path / "made").iterdir()}
    first = {**files, "pytorch_model.bin": b"pickle", "onnx/model.onnx": b"large", "README.md": b"---\nlicense: mit\n---\n"}
    second = {**first, "config.json": files["config.json"].replace(b'"num_hidden_layers": 2', b'"num_hidden_layers": 3')}
    fake = FakeHub(
        {"me/tiny": {FIRST: first, SECOND: second}, "me/pickles": {FIRST: {"config.json": b"{}", "pytorch_model.bin": b"pickle"}}}, {"me/tiny": FIRST, "me/pickles": FIRST}
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = fake.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


def ask(hub: FakeHub, tmp_path: Path, calls: str) -> list[Any]:
    """Run `calls` (each a line that gives something JSON can write, or raises) in a process of its own that knows only this hub."""
    program = f"""
import json, sys
from dataclasses import asdict
from ringsmith.catalogue import resolve
from ringsmith.errors import RingsmithError
def show(call):
    try: return call()
    except RingsmithError as error: return [type(error).__name__, str(error)]
print(json.dumps([{", ".join(f"show(lambda: {call})" for call in calls.strip().splitlines())}]))
"""
    settings = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "*",
    }
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **settings})
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_fetched_once_pinned_and_recorded(hub: FakeHub, tmp_path: Path) -> None:
    """The commit is recorded; only what is needed is fetched; later calls ask nothing, even when the hub has moved on; "always" does."""
    (model,) = ask(hub, tmp_path, "asdict(resolve('me/tiny'))")
    assert (model["revision"], model["layers"], model["parameters"], model["licence"]) == (FIRST, 2, 37, "mit")
    fetched = {path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path}
    assert fetched == {"config.json", "model.safetensors", "README.md"}
    hub.asked.clear()
    hub.head["me/tiny"] = SECOND
    again, offline, never = ask(hub, tmp_path, "asdict(resolve('me/tiny'))\nasdict(resolve('me/tiny', offline=True, policy='always'))\nasdict(resolve('me/tiny', policy='never'))")
    assert again == offline == never == model
    assert hub.asked == []
    newest, pinned = ask(hub, tmp_path, f"asdict(resolve('me/tiny', policy='always'))\nasdict(resolve('me/tiny@{FIRST}'))")
    assert (newest["revision"], newest["layers"]) == (SECOND, 3)
    assert (pinned["revision"], pinned["layers"]) == (FIRST, 2)


def test_what_cannot_be_fetched_is_said(hub: FakeHub, tmp_path: Path) -> None:
    """No such repository or revision, pickles only, not at hand and not allowed: each in its own sentence, and no pickle is fetched."""
    calls = "resolve('me/nothing')\nresolve('me/tiny@v9')\nresolve('me/pickles')\nresolve('me/other', policy='never')"
    nothing, revision, pickles, never = ask(hub, tmp_path, calls)
    assert nothing[0] == "UnknownName"
    assert "The hub has no public model 'me/nothing'. Check the spelling" in nothing[1]
    assert revision[0] == "UnknownName"
    assert "The hub has no public model 'me/tiny' at revision 'v9'" in revision[1]
    assert pickles[0] == "ModelError"
    assert "weights must be safetensors; got only pickle (pytorch_model.bin), and opening a pickle can run code" in pickles[1]
    assert never[0] == "NotAtHand"
    assert not [path for path in hub.asked if "/resolve/" in path]


def test_a_hub_out_of_reach(hub: FakeHub, tmp_path: Path) -> None:
    """Where nothing answers, the model is not at hand, and the way out is named."""
    hub.url = "http://127.0.0.1:9"
    (gone,) = ask(hub, tmp_path, "resolve('me/tiny')")
    assert gone[0] == "NotAtHand"
    assert "Model 'me/tiny' could not be fetched: " in gone[1]
    assert "Mend the connection, name a folder that holds it" in gone[1]


def test_a_download_that_broke_off_is_taken_up_again(hub: FakeHub, tmp_path: Path) -> None:
    """A snapshot without its weights is not "at hand"."""
    ask(hub, tmp_path, "resolve('me/tiny').layers")
    for path in (tmp_path / "hf").rglob("model.safetensors"):
        path.unlink()
    assert ask(hub, tmp_path, "resolve('me/tiny', offline=True)")[0][0] == "NotAtHand"
    assert ask(hub, tmp_path, "resolve('me/tiny').layers") == [2]


def test_offline_opens_no_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even a name is looked up: socket and resolver raise if they are touched at all."""

    def touched(*_: Any, **__: Any) -> Any:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket, "socket", touched)
    monkeypatch.setattr(socket, "create_connection", touched)
    monkeypatch.setattr(socket, "getaddrinfo", touched)
    for name in ("bert", "me/tiny", "me/tiny@main"):
        with pytest.raises(NotAtHand, match="fetching is not allowed here"):
            resolve(name, offline=True)
    assert resolve(str(make_folder(tmp_path / "m")), offline=True).layers == 2
