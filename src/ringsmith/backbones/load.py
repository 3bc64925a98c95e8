"""A model's folder into memory: the only home of `from_pretrained`.

Decisions:
- Always a local folder that `catalogue` has checked, ``local_files_only``, safetensors, no remote code: nothing here can reach the
  network or run a model's own code.
- Of an encoder-decoder (T5, BART) the encoder is used.
- Weights that do not fit the architecture are refused, not silently replaced by random numbers, nor silently left out of a layer.
- BigBird attends to everything (`FULL_ATTENTION`), and OPT's last layer is as wide as the others: a projection to the width of the vocabulary is its head's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES

from ringsmith._machine import cores
from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.encoding import encode
from ringsmith.backbones.fast import Kind, prepare
from ringsmith.backbones.flat import FlatEncoder
from ringsmith.backbones.padding import check_padding
from ringsmith.backbones.pooling import CLS_AT_END
from ringsmith.backbones.precision import Choice, choose_precision
from ringsmith.backbones.samples import CALIBRATION
from ringsmith.backbones.tokens import Tokeniser
from ringsmith.catalogue import LocalModel, read_config
from ringsmith.errors import ModelError, OptionError

Precision = Literal["auto", "float32", "bfloat16", "int8"]
UNLIMITED_TOKENS = 1_024
"""Where the architecture has no longest input (XLNet, T5), rows are cut here: attention costs the square of it."""
TOKENIZER_RULE = "A model folder holds tokenizer.json (or vocab.txt, or a .model file); copy it there, or fetch the model again."
TOKENIZER_FILES = ("tokenizer*", "vocab*", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json")
FULL_ATTENTION = {"big_bird", "bigbird_pegasus"}
"""Families that transformers has attend to blocks, until it meets a short batch: from then on to everything, so that vectors would depend on what came before."""
COMPUTED = {"causal_mask", "cos_cached", "inv_freq", "masked_bias", "original_inv_freq", "position_ids", "scale_attn", "sin_cached"}
"""Tensors that older versions of transformers saved in layers, though they follow from the config."""
SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def load_backbone(model: LocalModel, *, threads: int | None = None, precision: Precision = "auto", device: str | None = None, max_tokens: int | None = None) -> Backbone:
    """The transformer in `model.folder`, ready for `encode`.

    Args:
        model: a folder as `catalogue.resolve` checked it.
        threads: CPU threads; None for all cores this process may use.
        precision: ``"float32"``, ``"bfloat16"``, ``"int8"``, or ``"auto"``: the fastest that was measured to give the same vectors on this machine.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; None for the best there is.
        max_tokens: cut rows here; None for what the model takes.

    Raises:
        ModelError: no tokenizer, or weights that do not fit.
    """
    if precision not in ("auto", "float32", "bfloat16", "int8"):
        raise OptionError(f"'precision' must be auto, float32, bfloat16 or int8; got {precision!r}. Leave it out for auto.")
    count = set_threads(threads)
    place = device or best_device()
    module = read_body(model).to(place).eval().requires_grad_(False)
    plain = Backbone(
        model=model,
        module=module,
        tokeniser=read_tokeniser(model, module, max_tokens),
        device=place,
        threads=count,
        precision="float32",
        precision_note="float32 (asked for)",
        layers=model.layers + 1,
        cls_at_end=module.config.model_type in CLS_AT_END,
    )
    plain = replace(plain, tokeniser=check_padding(plain.tokeniser, module, lambda texts: encode(plain, texts, cache=False)))
    return _fast_on_cpu(plain, precision) if place == "cpu" else _fast_elsewhere(plain, precision)


def _fast_on_cpu(plain: Backbone, precision: Precision) -> Backbone:
    def forward(kind: Kind, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return encode(replace(plain, precision=kind, flat=FlatEncoder.of(plain.module)), texts, cache=False)

    choice = choose_precision(plain.module, forward, identity=plain.identity) if precision == "auto" else Choice(precision, f"{precision} (asked for)")
    prepare(plain.module, choice.precision, lambda: forward("float32", CALIBRATION)).apply()
    return replace(plain, precision=choice.precision, precision_note=choice.note, flat=FlatEncoder.of(plain.module))


def _fast_elsewhere(plain: Backbone, precision: Precision) -> Backbone:
    if precision == "int8":
        raise OptionError(f"'precision' int8 is for CPUs; got the device {plain.device}. Leave it out for auto.")
    supported = plain.device == "cuda" and torch.cuda.is_bf16_supported()
    if precision == "bfloat16" or (precision == "auto" and supported):
        return replace(plain, precision="bfloat16", precision_note=f"bfloat16 on {plain.device}")
    return replace(plain, precision_note=f"float32 on {plain.device}")


def set_threads(threads: int | None) -> int:
    """Give torch this many CPU threads, or all cores this process may use; returns how many."""
    if threads is not None and threads < 1:
        raise OptionError(f"'threads' must be at least 1; got {threads}. Leave it out for all cores.")
    count = threads or cores()
    torch.set_num_threads(count)
    return count


def best_device() -> str:
    """``"cuda"`` or ``"mps"`` where there is one, else ``"cpu"``."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def read_body(model: LocalModel, settings: dict[str, Any] | None = None) -> Any:
    """The body without a head, float32, on the CPU; the encoder alone of an encoder-decoder. `settings` are further ones of the config."""
    kind = read_config(Path(model.folder))["model_type"]
    alone = str(MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.get(kind, "")).endswith("EncoderModel")  # T5 and its kin
    module = read_weights(transformers.AutoModelForTextEncoding if alone else transformers.AutoModel, model, settings or {})
    if getattr(getattr(module, "decoder", None), "project_out", None) is not None:
        module.decoder.project_out = PassedBy(module.decoder.project_out)
    return module if alone or not module.config.is_encoder_decoder else module.get_encoder()


class PassedBy(torch.nn.Module):
    """The weight of a layer that is not used, kept to be saved with the others: what the layer is given goes on as it is."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.weight = layer.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What it is given."""
        return x


def read_whole(auto: Any, model: LocalModel, threads: int | None, device: str | None) -> tuple[Any, str]:
    """A model with its head, ready to be asked, and where it lies: float32 on the CPU, bfloat16 on a GPU that has it.

    Args:
        auto: one of transformers' Auto classes.
        model: the folder.
        threads: CPU threads; None for all cores this process may use.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; None for the best there is.

    Raises:
        ModelError: the weights do not fit, the head's included.
    """
    set_threads(threads)
    place = device or best_device()
    dtype = torch.bfloat16 if place == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    return read_weights(auto, model, {}, whole=True).to(place, dtype).eval().requires_grad_(False), place


def read_weights(auto: Any, model: LocalModel, settings: dict[str, Any], *, whole: bool = False) -> Any:
    """``auto.from_pretrained`` of a checked folder.

    Args:
        auto: one of transformers' Auto classes.
        model: the folder.
        settings: further settings of the config (labels of a head). A head and a pooler may be missing in the folder, or of another shape where
            ``ignore_mismatched_sizes`` allows it; the body may not.
        whole: whether the head may not be missing either.

    Raises:
        ModelError: the weights do not fit the architecture, or the architecture has no such head.
    """
    if read_config(Path(model.folder))["model_type"] in FULL_ATTENTION:
        settings = {**settings, "attention_type": "original_full"}
    with _quiet():
        try:
            module, info = auto.from_pretrained(model.folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **SAFE, **settings)
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, TypeError) as error:
            reason = f"{model.architecture} cannot be loaded by transformers {transformers.__version__}: {_first_line(error)}"
            raise ModelError(f"{model.folder}: {reason}. Fetch or save the model again, or choose another.") from error
    if faults := _faults(module, info, whole=whole):
        raise ModelError(f"{model.folder}: the weights do not fit the config: {'; '.join(faults)}. Fetch or save the model again, or choose another.")
    return module


def _faults(module: Any, info: dict[str, Any], *, whole: bool) -> list[str]:
    """What of a loaded model did not come from its file, and what of its file did not get into it."""
    body = "" if whole or module.base_model is module else f"{module.base_model_prefix}."
    computed = {name for name, part in module.named_modules() if "Sinusoidal" in type(part).__name__}  # places by the formula of 2017: nothing to be kept
    faults = []
    for what, keys in (("missing", info["missing_keys"]), ("of another shape", {key for key, *_ in info["mismatched_keys"]})):
        needed = [key for key in keys if key.startswith(body) and "pooler" not in key.split(".")]
        if lost := sorted(key for key in needed if key.rpartition(".")[0] not in computed):
            faults.append(f"{len(lost)} tensors are {what}, among them {lost[0]!r}")
    if stray := _strays(module, info["unexpected_keys"]):
        faults.append(f"{len(stray)} tensors have no place in its layers as transformers {transformers.__version__} makes them, among them {stray[0]!r}")
    return faults


def _strays(module: Any, keys: Iterable[str]) -> list[str]:
    """Those of a file's tensors that the model did not take, though it has the layer they belong to: without them, its vectors are others."""
    body = module.base_model
    parts = dict(body.named_modules())
    layers = {f"{name}.{child}" for name, part in parts.items() if isinstance(part, torch.nn.ModuleList) for child, _ in part.named_children()}
    stray = []
    for key in sorted(keys):
        owner, _, name = key.removeprefix(f"{module.base_model_prefix}.").rpartition(".")
        mask = name == "bias" and owner in parts and not hasattr(parts[owner], "weight")  # of GPT-2's kind: which tokens see which
        if name not in COMPUTED and not mask and not layers.isdisjoint(accumulate(owner.split("."), "{}.{}".format)):
            stray.append(key)
    return stray


def read_tokeniser(model: LocalModel, module: Any, max_tokens: int | None = None) -> Tokeniser:
    """The folder's tokenizer, with a pad token if it had none.

    Raises:
        ModelError: there is none, or it needs a package or code of its own.
    """
    hf = read_plain_tokeniser(Path(model.folder))
    spare = next((token for token in (hf.eos_token, hf.sep_token, hf.unk_token, hf.bos_token) if token is not None), None)
    if hf.pad_token is None:
        hf.pad_token = spare if spare is not None else hf.convert_ids_to_tokens(0)
    empty = next((number for number in (hf.bos_token_id, hf.eos_token_id, hf.unk_token_id, hf.pad_token_id) if number is not None), 0)
    limit = min(model.max_tokens or UNLIMITED_TOKENS, max_tokens or UNLIMITED_TOKENS * 1_024)
    try:
        rows = module.get_input_embeddings().weight.shape[0]
    except (NotImplementedError, AttributeError) as error:
        rule = f"a model must have one table of vectors for its tokens; {type(module).__name__} has none"
        raise ModelError(f"{model.folder}: {rule}. Choose another model.") from error
    hf.model_max_length = limit
    return Tokeniser(
        hf=hf,
        max_tokens=limit,
        pad_id=min(int(hf.pad_token_id), rows - 1),
        empty_id=int(empty),
        types="token_type_ids" in hf.model_input_names,
        vocabulary=rows,
        fingerprint=_fingerprint(Path(model.folder)),
    )


def save_module(module: Any, folder: Path) -> None:
    """Write a model of transformers into `folder`: config and safetensors."""
    with _quiet():
        module.save_pretrained(folder)


def read_plain_tokeniser(folder: Path) -> Any:
    """The tokenizer of transformers in `folder`, as it is.

    Raises:
        ModelError: there is none, or it needs a package or code of its own.
    """
    with _quiet():
        try:
            hf = transformers.AutoTokenizer.from_pretrained(folder, **SAFE)
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, TypeError) as error:
            raise ModelError(f"{folder}: its tokenizer cannot be loaded: {_first_line(error)}. {TOKENIZER_RULE}") from error
    files = [name for name in hf.vocab_files_names.values() if isinstance(name, str)]  # none for tokenizers of bytes
    if files and not any((folder / name).is_file() for name in ("tokenizer.json", *files)):  # transformers would make up an empty one
        raise ModelError(f"{folder}: there is no tokenizer. {TOKENIZER_RULE}")
    return hf


def _fingerprint(folder: Path) -> str:
    """Hash of the files that make a tokenizer, names and contents."""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(path for pattern in TOKENIZER_FILES for path in folder.glob(pattern) if path.is_file()):
        content = path.read_bytes()
        found.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bars and load reports: what matters is checked here and said in our own words."""
    log: Any = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity(log.CRITICAL)
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
