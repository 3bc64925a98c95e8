"""A training that is killed goes on to the very weights of one that was not; batches cut to memory and shared between processes take the same steps."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import tiny_model

from contracts.recipes import WORDS, toy
from ringsmith.adapt import loop
from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.dropout import ease_dropout
from ringsmith.adapt.finetune_options import FullOptions
from ringsmith.adapt.guard import Broken, Guard, entropy
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.memory import OVERHEAD, kept_bytes, parts_that_fit, smaller, training_bytes
from ringsmith.adapt.optimiser import make_optimisers
from ringsmith.adapt.pacing import Course, Pacing
from ringsmith.adapt.pause import Pause, Stopped
from ringsmith.adapt.recipe import Progress
from ringsmith.backbones import load_classifier
from ringsmith.catalogue import LocalModel
from ringsmith.errors import MachineError, RunDropped
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification

OPTIONS = FullOptions(epochs=4, rate=3e-3, head_rate=1e-2, max_rows=8, precision="float32", patience=9)
TASK = Classification(sorted(WORDS))
Weights = dict[str, torch.Tensor]


class Killed(Exception):
    """Ends a training from its progress report, as a kill would between two steps."""


def pacing(**changes: Any) -> Pacing:
    """Of the toy, in float32."""
    return replace(OPTIONS.pacing(0, len(toy()), classes=3, width=32, low=False), **changes)


def train(
    model: LocalModel,
    *,
    pause: Pause | None = None,
    die_at: int | None = None,
    walk: Pacing | None = None,
    wrap: Any = None,
    seed: int = 3,
    guard: Guard | None = None,
    interrupt_at: int | None = None,
    again: bool = False,
) -> tuple[Weights, Course, Loop]:
    """Weights after training the tiny model on the toy, what happened, and the loop; `guard` watches in place of one of its own."""
    torch.set_num_threads(1)
    tokeniser, module = load_classifier(model, TASK.labels, seed=seed)
    if wrap is not None:
        module.forward = wrap(module.forward)

    def report(progress: Progress) -> None:
        if progress.done == die_at:
            raise Killed
        if progress.done == interrupt_at:
            for _ in range(1 + again):
                signal.raise_signal(signal.SIGINT)

    loop, rows = Loop(module, walk or pacing(), report, pause=pause), toy()
    ease_dropout(module)
    feed = Feed(tokeniser(rows.texts), tokeniser.pad_id)
    targets = TASK.targets(rows.labels or [])
    course = loop.train(feed, targets, feed, guard or Guard(TASK, targets, rows, None), seed=seed, budget=Budget())
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}, course, loop


def assert_same(one: Weights, other: Weights, tolerance: float = 0.0) -> None:
    """Every weight equal, to the bit without a tolerance; with one, the bias of a key is left out: its gradient is 0 but for rounding, which Adam makes large."""
    for name, tensor in one.items():
        if tolerance and name.endswith("key.bias"):
            continue
        np.testing.assert_allclose(other[name].numpy(), tensor.numpy(), rtol=0, atol=tolerance, err_msg=name)


@pytest.fixture(scope="module")
def straight(tiny_bert: LocalModel) -> tuple[Weights, Course]:
    """The training that nobody interrupts."""
    return train(tiny_bert)[:2]


def test_losses_that_are_read_a_step_late_change_nothing(tiny_bert: LocalModel, straight: tuple[Weights, Course], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: the same curve and the same bits, killed and gone on with or not; none is left unread at a look, in a pause and at the end."""
    unread: list[tuple[int, int]] = []
    look = loop._Training._look
    monkeypatch.setattr(loop._Training, "behind", 2)
    monkeypatch.setattr(loop._Training, "_look", lambda self: (unread.append((len(self.unread), len(self.course.curves["loss"]) - self.course.steps)), look(self))[1])
    path = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        train(tiny_bert, pause=Pause(path, "run", every_seconds=0), die_at=9)
    for pause in (Pause(path, "run", every_seconds=0), None):
        weights, course, _ = train(tiny_bert, pause=pause)
        assert_same(straight[0], weights)
        assert course.curves == straight[1].curves
    assert set(unread) == {(0, 0)}


@settings(max_examples=8)
@given(kills=st.lists(st.integers(2, 23), min_size=1, max_size=3, unique=True))
def test_killed_at_any_steps_it_goes_on_to_the_same_bits(
    tiny_bert: LocalModel, straight: tuple[Weights, Course], tmp_path_factory: pytest.TempPathFactory, kills: list[int]
) -> None:
    """Dropout, both optimisers, the best look so far and the order of the rows included."""
    path = tmp_path_factory.mktemp("pause") / "state.safetensors"
    for step in sorted(kills):
        with pytest.raises(Killed):
            train(tiny_bert, pause=Pause(path, "run", every_seconds=0), die_at=step)
        assert path.exists()
    weights, course, _ = train(tiny_bert, pause=Pause(path, "run", every_seconds=0))
    assert_same(straight[0], weights)
    assert course.curves == straight[1].curves
    assert (course.best, course.stale, course.tokens) == (straight[1].best, straight[1].stale, straight[1].tokens)
    ended, again, _ = train(tiny_bert, pause=Pause(path, "run"), die_at=1)
    assert_same(straight[0], ended)
    assert (again.curves, again.kept_step) == (course.curves, course.kept_step), "killed after its end it ends at once"


def test_who_watches_remembers_the_looks_before_the_kill(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """A best look that came before it speaks for the model at the end, and above the floors of a search, as if nothing had happened."""
    rows = toy()
    straight, before, after = (Guard(TASK, TASK.targets(rows.labels or []), rows, None) for _ in range(3))
    train(tiny_bert, guard=straight)
    pause = Pause(tmp_path / "state.safetensors", "run", every_seconds=0)
    with pytest.raises(Killed):
        train(tiny_bert, pause=pause, die_at=17, guard=before)
    train(tiny_bert, pause=pause, guard=after)
    assert len(before.floors.curves["valid"]) > 0
    assert after.state() == straight.state()


@pytest.mark.parametrize("step", [2, 9, 23])
def test_ctrl_c_waits_for_the_end_of_a_step_and_loses_nothing(tiny_bert: LocalModel, straight: tuple[Weights, Course], tmp_path: Path, step: int) -> None:
    """However young the training is; and whoever is told of an interrupt elsewhere is told of it here."""
    pause = Pause(tmp_path / "state.safetensors", "run")
    with pytest.raises(KeyboardInterrupt) as stopped:
        train(tiny_bert, pause=pause, interrupt_at=step)
    assert isinstance(stopped.value, Stopped)
    assert stopped.value.steps == step == pause.steps()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    weights, course, _ = train(tiny_bert, pause=pause)
    assert_same(straight[0], weights)
    assert course.curves == straight[1].curves


def test_ctrl_c_is_never_lost(tiny_bert: LocalModel, straight: tuple[Weights, Course], tmp_path: Path) -> None:
    """A second time, at once; without a place to put the training aside. With the last step it is put aside, too."""
    last, path = straight[1].steps, tmp_path / "state.safetensors"
    for pause, again, step in ((Pause(path, "run"), True, 5), (None, False, 5)):
        with pytest.raises(KeyboardInterrupt) as ended:
            train(tiny_bert, pause=pause, interrupt_at=step, again=again)
        assert not isinstance(ended.value, Stopped)
    assert not path.exists()
    with pytest.raises(Stopped) as stopped:
        train(tiny_bert, pause=Pause(path, "run"), interrupt_at=last)
    assert stopped.value.steps == last
    assert_same(straight[0], train(tiny_bert, pause=Pause(path, "run"))[0])


def test_the_state_of_another_training_is_not_gone_on_with(tiny_bert: LocalModel, straight: tuple[Weights, Course], tmp_path: Path) -> None:
    """Another identity, a file cut short and a file of something else all mean: from the start."""
    path = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        train(tiny_bert, pause=Pause(path, "run", every_seconds=0), die_at=9)
    state = path.read_bytes()
    assert (Pause(path, "run").steps(), Pause(path, "another run").steps(), Pause(tmp_path / "none", "run").steps()) == (8, None, 0)
    for content, identity in ((state, "another run"), (state[: len(state) // 2], "run"), (b"nonsense", "run")):
        path.write_bytes(content)
        assert_same(straight[0], train(tiny_bert, pause=Pause(path, identity))[0])


def test_what_was_restored_does_not_hold_the_file(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """A file that is mapped can neither be replaced nor removed on Windows: weights and moments are copies."""
    maps, path = Path("/proc/self/maps"), tmp_path / "state.safetensors"
    if not maps.exists():
        pytest.skip("the system does not tell what is mapped")
    with pytest.raises(Killed):
        train(tiny_bert, pause=Pause(path, "run", every_seconds=0), die_at=9)
    _, module = load_classifier(tiny_bert, TASK.labels)
    optimisers = make_optimisers(module, [module.get_input_embeddings().weight], pacing())
    restored = Pause(path, "run").restore(module, optimisers)
    assert restored is not None
    assert str(path) not in maps.read_text(encoding="utf-8")


def test_nothing_is_written_before_it_is_time(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """A training shorter than the interval costs no disk, unless its end is to be kept whatever it took."""
    path = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        train(tiny_bert, pause=Pause(path, "run"), die_at=9)
    train(tiny_bert, pause=Pause(path, "run"))
    assert not list(tmp_path.iterdir())
    _, course, _ = train(tiny_bert, pause=Pause(path, "run", to_the_end=True))
    assert Pause(path, "run").steps() == course.steps


def test_a_batch_in_parts_takes_the_same_step(tmp_path: Path) -> None:
    """Where memory holds three rows at a time the weights end where they end with eight at once, and the loop knows in how many parts it went."""
    model = tiny_model("bert", tmp_path / "model", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)

    def narrow(forward: Any) -> Any:
        def run(**batch: Any) -> Any:
            if torch.is_grad_enabled() and len(batch["input_ids"]) > 3:
                raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
            return forward(**batch)

        return run

    whole, _, _ = train(model, walk=pacing(epochs=1))
    parts, _, loop = train(model, walk=pacing(epochs=1), wrap=narrow)
    assert loop.parts == 4
    assert_same(whole, parts, tolerance=2e-4)


def test_other_faults_are_not_taken_for_memory(tiny_bert: LocalModel) -> None:
    """A shape that does not fit stays the fault it is."""

    def broken(forward: Any) -> Any:
        def run(**batch: Any) -> Any:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

        return run

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train(tiny_bert, wrap=broken)


def test_a_single_row_that_does_not_fit_is_said() -> None:
    """No endless halving."""
    layerless = torch.nn.Linear(1, 1)
    assert [smaller(layerless, parts, 5, MemoryError()) for parts in (1, 2, 4)] == [2, 4, 5]
    with pytest.raises(MachineError, match="Memory must hold a single row with its gradients; it does not"):
        smaller(layerless, 5, 5, MemoryError())


def test_what_training_takes_is_told_before(tiny_bert: LocalModel) -> None:
    """Three numbers for each weight that moves; what is kept for the way back grows with the rows of the batch and vanishes where nothing moves."""
    tokeniser, module = load_classifier(tiny_bert, TASK.labels)
    feed = Feed(tokeniser(["I am happy at home"] * 12), tokeniser.pad_id)
    moments, kept = training_bytes(module, feed, 1024, 8)
    assert moments == 12 * sum(weight.numel() for weight in module.parameters())
    one, four, eight = (kept_bytes(module, feed, np.arange(rows)) for rows in (1, 4, 8))
    assert kept == pytest.approx(OVERHEAD * eight, rel=0.01)
    assert four == pytest.approx(4 * one, rel=0.15)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, low = training_bytes(module, feed, 1024, 8)
        assert low == pytest.approx(OVERHEAD * kept_bytes(module, feed, np.arange(8)), rel=0.05), "copies of the weights are kept once and not by every row"
        assert low < kept_bytes(module, feed, np.arange(1)) * 8 * OVERHEAD * 0.7
    ease_dropout(module)
    assert kept_bytes(module.train(), feed, np.arange(1)) == pytest.approx(one, rel=0.5), "the pool that masks are cut from, 16 MB, is kept once and not by every row"
    for weight in module.parameters():
        weight.requires_grad = False
    assert training_bytes(module, feed, 1024, 8) == (0, 0)
    assert parts_that_fit(1000, 100) == 13


def test_a_forecast_keeps_nothing(tiny_bert: LocalModel) -> None:
    """The weights are gone with the module; a graph that holds its own results would keep them, and each fit of a process would cost a model."""
    tokeniser, module = load_classifier(tiny_bert, TASK.labels)
    kept_bytes(module, Feed(tokeniser(["I am happy at home"]), tokeniser.pad_id), np.arange(1))
    weights = [weakref.ref(weight) for weight in module.parameters()]
    del module
    gc.collect()
    assert not any(weight() is not None for weight in weights)


def losses_of(values: list[float]) -> Guard:
    """A guard over two even classes that has seen these losses."""
    rows = TextSet(["a", "b"] * 4, ["x", "y"] * 4)
    guard = Guard(Classification(["x", "y"]), np.array([0, 1] * 4), rows, None)
    for end in range(1, len(values) + 1):
        guard.step(values[:end], 160)
    return guard


def test_a_loss_that_runs_away_is_caught_within_the_first_tenth() -> None:
    """160 steps planned: at the 16th the mean of 16 losses of 1.4 is above ln 2 + 0.5; one of 1.1 is not, and nobody looks before."""
    with pytest.raises(Broken, match=r"its loss ran away: 1\.40 at step 16, where the shares of the classes alone have 0\.69"):
        losses_of([1.4] * 16)
    losses_of([1.1] * 160)
    losses_of([9.0] * 15)
    with pytest.raises(Broken, match="its loss became nan at step 3"):
        losses_of([0.7, 0.7, float("nan")])


def test_a_last_look_is_sound_where_it_knows_more_than_the_majority() -> None:
    """Right rows of two even classes; one class for all, early; both classes, but all wrong; nothing seen yet."""
    guard, right = losses_of([]), np.array([[2, 0], [0, 2]] * 4, np.float32)
    assert guard.sound()
    for scores, sound in ((right, True), (np.array([[2, 0]] * 8, np.float32), False), (right[:, ::-1], False), (right, True)):
        guard(scores, 0.1)
        assert guard.sound() == sound


@pytest.mark.parametrize(("best", "refused"), [(28, True), (72, False)])
def test_a_lucky_look_does_not_save_a_dead_run(best: int, refused: bool) -> None:
    """80 rows of four even classes: 28 right are within three standard errors (31.6) of the majority's 20, and the last look is dead; 72 are no luck."""
    truth = np.arange(80) % 4
    guard = Guard(Classification(list("abcd")), truth, TextSet(["t"] * 80, [*("abcd" * 20)]), None)
    told = np.where(np.arange(80) < best, truth, (truth + 1) % 4)
    guard(0.1 * np.eye(4, dtype=np.float32)[told], 0.1)
    guard(np.tile(np.array([5, 0, 0, 0], np.float32), (80, 1)), 0.3)
    if refused:
        with pytest.raises(Broken, match="it predicts one class only"):
            guard.finish()
    else:
        guard.finish()


def test_a_weak_run_that_ends_sound_is_kept() -> None:
    """The same 28 right at the end: that is little, but nothing is dead."""
    truth = np.arange(80) % 4
    guard = Guard(Classification(list("abcd")), truth, TextSet(["t"] * 80, [*("abcd" * 20)]), None)
    guard(0.1 * np.eye(4, dtype=np.float32)[np.where(np.arange(80) < 28, truth, (truth + 1) % 4)], 1.0)
    guard.finish()


def test_the_loss_of_shares_is_their_entropy() -> None:
    """By hand: three even classes have ln 3; labels on their own are averaged."""
    assert entropy(np.full(3, 1 / 3), "softmax") == pytest.approx(np.log(3))
    assert entropy(np.array([0.5, 0.25]), "sigmoid") == pytest.approx((np.log(2) + 0.25 * np.log(4) + 0.75 * np.log(4 / 3)) / 2)


def test_a_run_below_its_floor_is_dropped() -> None:
    """The first look of a search's run that shows less than the floor of its share ends it."""
    rows = TextSet(["a", "b"] * 4, ["x", "y"] * 4)
    guard = Guard(Classification(["x", "y"]), np.array([0, 1] * 4), rows, None, ((0.25, 0.9),))
    half_right = np.array([[2.0, 0.0]] * 8, np.float32)
    half_right[1] = [0.0, 2.0]
    guard(half_right, 0.2)
    with pytest.raises(RunDropped, match=r"less than the 0\.900 that runs before it set as the floor"):
        guard(half_right, 0.3)


def shared(model: LocalModel, out: str) -> None:
    """What each of several processes runs: the same call, its own share."""
    weights, course, loop = train(model, walk=pacing(epochs=1))
    if loop.accelerator.is_main_process:
        np.savez(out, losses=np.array(course.curves["loss"]), **{name: tensor.numpy() for name, tensor in weights.items()})


@pytest.mark.skipif(sys.platform == "win32", reason="torch's gloo needs a store that this test starts by POSIX means")
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    """Two gloo processes, each with its share of every batch: the losses and weights of one process; both leave the group before they end."""
    model = tiny_model("bert", tmp_path / "model", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    alone, course, _ = train(model, walk=pacing(epochs=1))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    about = json.dumps({**vars(model)}, default=str)
    script = (
        "import atexit, torch; atexit.register(lambda: print(torch.distributed.is_initialized())); "
        "import sys, json, test_adapt_pause as t; from ringsmith.catalogue import LocalModel; t.shared(LocalModel(**json.loads(sys.argv[1])), sys.argv[2])"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent), *sys.path])
    common = {"PYTHONPATH": paths, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, about, str(tmp_path / "two.npz")],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        grouped_at_exit, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert grouped_at_exit == "False\n"  # what was registered first runs last
    with np.load(tmp_path / "two.npz") as two:
        np.testing.assert_allclose(two["losses"], course.curves["loss"], atol=2e-3)
        assert_same(alone, {name: torch.from_numpy(two[name]) for name in alone}, tolerance=5e-3)
