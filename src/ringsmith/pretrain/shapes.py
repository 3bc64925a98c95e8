"""The shape of a transformer, and what it costs: its config for every architecture, its parameters counted, a shape found for a given size.

Counted by formula, not by building the model: a search looks at many shapes. The tests hold every formula against the model itself.

Decisions:
- All architectures get their dropout, activation and normalisation from the config classes of transformers, that is from their papers; a
  shape says only how large.
- ELECTRA's embeddings are as wide as its layers (the paper's small one has narrower embeddings), so that they can be shared with the
  generator, which is as deep and a quarter as wide (Clark et al., 2020, section 3.2: a quarter to a half works best).
- DistilGPT-2 is a GPT-2; that it has half the layers of its teacher is the teacher's shape halved, see `half`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import transformers

from ringsmith._rules import hold, whole
from ringsmith._wording import plural
from ringsmith.errors import OptionError, UnknownName
from ringsmith.pretrain.pieces import Pieces

GENERATOR_SHARE = 4
"""An ELECTRA's generator is so many times narrower than its discriminator."""
CLOSE = 0.05
"""A shape found for a number of parameters has that number within this share."""
WIDTH_OF_HEAD = 64
"""What the papers' models give each head; narrower models get at least two heads."""


@dataclass(frozen=True)
class Shape:
    """How large a transformer is.

    Attributes:
        layers: number of blocks.
        hidden: width of a piece's vector.
        heads: of the attention in each block; divides `hidden`.
        feed_forward: width between the two products of a block's feed-forward part (ModernBERT: of each of the two halves of its gate).
        length: pieces of the longest sequence.

    Raises:
        OptionError: a size below 1, or heads that do not divide the width.
    """

    layers: int = 2
    hidden: int = 128
    heads: int = 2
    feed_forward: int = 512
    length: int = 128

    def __post_init__(self) -> None:
        hold(self, (*(whole(name, 1) for name in ("layers", "hidden", "heads", "feed_forward")), whole("length", 8)))
        if self.hidden % self.heads:
            raise OptionError(f"'heads' must divide 'hidden' ({self.hidden}); got {self.heads}. Use {_heads(self.hidden)}.")

    def half(self) -> Shape:
        """Every second layer: a student's shape."""
        return replace(self, layers=max(1, self.layers // 2))

    def generator(self) -> Shape:
        """The shape of the small generator beside an ELECTRA of this shape."""
        heads = max(1, self.heads // GENERATOR_SHARE)
        hidden = max(heads, self.hidden // GENERATOR_SHARE // heads * heads)
        return replace(self, hidden=hidden, heads=heads, feed_forward=max(1, self.feed_forward // GENERATOR_SHARE))


@dataclass(frozen=True)
class Parameters:
    """Numbers that are trained.

    Attributes:
        total: all of the model that is kept, its output layer included; a matrix that stands in two places counts once.
        embeddings: of these the vectors of pieces, positions and segments.
    """

    total: int
    embeddings: int

    @property
    def body(self) -> int:
        """All but the embeddings."""
        return self.total - self.embeddings


@dataclass(frozen=True)
class Architecture:
    """One line of the table below.

    Attributes:
        config: the config of transformers.
        count: parameters of the model that is kept, of a shape and a number of pieces.
        step: what the width must be a multiple of, where places are told by pairs of numbers.
    """

    config: Callable[[Shape, Pieces], Any]
    count: Callable[[Shape, int], Parameters]
    step: Callable[[Shape], int] = lambda _: 1


def make_config(architecture: str, shape: Shape, pieces: Pieces) -> Any:
    """The config of transformers for this architecture, shape and vocabulary.

    Raises:
        UnknownName: there is no such architecture.
        OptionError: it is not built in this shape.
    """
    check_shape(architecture, shape)
    return find_architecture(architecture).config(shape, pieces)


def check_shape(architecture: str, shape: Shape) -> None:
    """Refuse a shape in which an architecture is not built.

    Raises:
        OptionError: its places are told by pairs of numbers, and the width is odd, or that of a head.
    """
    step = find_architecture(architecture).step(shape)
    if shape.hidden % step:
        up = math.ceil(shape.hidden / (both := math.lcm(step, shape.heads))) * both
        raise OptionError(f"'hidden' must be a multiple of {step} for {architecture} with {plural(shape.heads, 'head')}; got {shape.hidden}. Use {up}.")


def count_parameters(architecture: str, shape: Shape, vocabulary: int) -> Parameters:
    """Parameters of the model that is kept after training, the layer that predicts included.

    Args:
        architecture: a name in `ARCHITECTURES`.
        shape: how large.
        vocabulary: number of pieces.

    Examples:
        >>> count_parameters("bert", Shape(12, 768, 12, 3072, 512), 30_522)
        Parameters(total=109514298, embeddings=23835648)
    """
    return find_architecture(architecture).count(shape, vocabulary)


def find_architecture(name: str) -> Architecture:
    """The line of the table.

    Raises:
        UnknownName: there is none.
    """
    if name not in ARCHITECTURES:
        raise UnknownName.of("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]


def find_shape(architecture: str, parameters: int, vocabulary: int, *, layers: int, length: int = 128) -> Shape:
    """A shape of so many layers whose model has `parameters` numbers within 5 %, four times as wide in its feed-forward part as elsewhere.

    Args:
        architecture: a name in `ARCHITECTURES`.
        parameters: numbers in all, embeddings included.
        vocabulary: number of pieces.
        layers: number of blocks.
        length: pieces of the longest sequence.

    Raises:
        OptionError: not even the narrowest model is so small.

    Examples:
        >>> find_shape("gpt2", 124_000_000, 50_257, layers=12, length=1024)
        Shape(layers=12, hidden=768, heads=12, feed_forward=3072, length=1024)
    """
    count = find_architecture(architecture).count

    def wide(hidden: int) -> Shape:
        # a gate's feed-forward part has three products instead of two
        return Shape(layers, hidden, _heads(hidden), hidden * (8 if architecture == "modernbert" else 12) // 3, length)

    widths = range(8, 16_385, 8)
    best = min(widths, key=lambda hidden: abs(count(wide(hidden), vocabulary).total - parameters))
    found = _tuned(wide(best), parameters, lambda shape: count(shape, vocabulary).total)
    got = count(found, vocabulary).total
    if abs(got - parameters) > CLOSE * parameters:
        raise OptionError(f"'parameters' must be within reach of {layers} layers and {vocabulary} pieces; got {parameters}, the nearest is {got}. Use a smaller vocabulary.")
    return found


def _tuned(shape: Shape, parameters: int, total: Callable[[Shape], int]) -> Shape:
    """The feed-forward part made a little wider or narrower where the width alone, in steps of 8, is not close enough."""
    if abs(total(shape) - parameters) <= CLOSE / 2 * parameters:
        return shape
    each = total(replace(shape, feed_forward=shape.feed_forward + 1)) - total(shape)
    return replace(shape, feed_forward=max(8, shape.feed_forward + round((parameters - total(shape)) / each)))


def _heads(hidden: int) -> int:
    """As many heads as the papers' models have for this width: 64 each; at least two where it can be halved."""
    wished = max(2, hidden // WIDTH_OF_HEAD)
    return next(heads for heads in range(min(wished, hidden), 0, -1) if hidden % heads == 0)


def _bert(shape: Shape, pieces: Pieces) -> Any:
    return transformers.BertConfig(
        **_sizes(shape, pieces),
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.length,
    )


def _roberta(shape: Shape, pieces: Pieces) -> Any:
    return transformers.RobertaConfig(
        **_sizes(shape, pieces),
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.length + pieces.pad + 1,  # positions are counted from behind the padding's number
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        bos_token_id=pieces.start,
        eos_token_id=pieces.end,
    )


def _gpt2(shape: Shape, pieces: Pieces) -> Any:
    return transformers.GPT2Config(
        vocab_size=pieces.size,
        n_positions=shape.length,
        n_embd=shape.hidden,
        n_layer=shape.layers,
        n_head=shape.heads,
        n_inner=shape.feed_forward,
        bos_token_id=pieces.start,
        eos_token_id=pieces.end,
    )


def _xlnet(shape: Shape, pieces: Pieces) -> Any:
    return transformers.XLNetConfig(
        vocab_size=pieces.size,
        d_model=shape.hidden,
        n_layer=shape.layers,
        n_head=shape.heads,
        d_inner=shape.feed_forward,
        pad_token_id=pieces.pad,
        bos_token_id=pieces.start,
        eos_token_id=pieces.end,
    )


def _electra(shape: Shape, pieces: Pieces) -> Any:
    return transformers.ElectraConfig(
        **_sizes(shape, pieces),
        embedding_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.length,
    )


def _distilbert(shape: Shape, pieces: Pieces) -> Any:
    return transformers.DistilBertConfig(
        vocab_size=pieces.size,
        max_position_embeddings=shape.length,
        n_layers=shape.layers,
        n_heads=shape.heads,
        dim=shape.hidden,
        hidden_dim=shape.feed_forward,
        pad_token_id=pieces.pad,
    )


def _modernbert(shape: Shape, pieces: Pieces) -> Any:
    return transformers.ModernBertConfig(
        **_sizes(shape, pieces),
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.length,
        bos_token_id=pieces.start,
        cls_token_id=pieces.start,
        eos_token_id=pieces.end,
        sep_token_id=pieces.end,
    )


def _sizes(shape: Shape, pieces: Pieces) -> dict[str, Any]:
    """What most config classes call alike."""
    return {
        "vocab_size": pieces.size,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "pad_token_id": pieces.pad,
    }


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _blocks(shape: Shape) -> int:
    """Blocks as in 2017: four products of attention, two of feed-forward, all with an offset, and two normalisations."""
    h, f = shape.hidden, shape.feed_forward
    return shape.layers * (4 * _linear(h, h) + _linear(h, f) + _linear(f, h) + 4 * h)


def _masked_head(h: int, vocabulary: int) -> int:
    """A product, a normalisation, and the pieces' offsets; the pieces' vectors are those of the input."""
    return _linear(h, h) + 2 * h + vocabulary


def _count_bert(shape: Shape, vocabulary: int, *, segments: int = 2, before: int = 0) -> Parameters:
    h = shape.hidden
    embeddings = (vocabulary + before + shape.length + segments) * h
    return Parameters(embeddings + 2 * h + _blocks(shape) + _masked_head(h, vocabulary), embeddings)


def _count_gpt2(shape: Shape, vocabulary: int) -> Parameters:
    embeddings = (vocabulary + shape.length) * shape.hidden
    return Parameters(embeddings + _blocks(shape) + 2 * shape.hidden, embeddings)


def _count_electra(shape: Shape, vocabulary: int) -> Parameters:
    h = shape.hidden
    embeddings = (vocabulary + shape.length + 2) * h
    return Parameters(embeddings + 2 * h + _blocks(shape) + _linear(h, h) + _linear(h, 1), embeddings)


def _count_xlnet(shape: Shape, vocabulary: int) -> Parameters:
    h, f = shape.hidden, shape.feed_forward
    block = 5 * h * h + 5 * h + 2 * h + _linear(h, f) + _linear(f, h) + 2 * h
    return Parameters(vocabulary * h + h + shape.layers * block + vocabulary, vocabulary * h)


def _count_modernbert(shape: Shape, vocabulary: int) -> Parameters:
    h, f = shape.hidden, shape.feed_forward
    blocks = shape.layers * (4 * h * h + 3 * h * f + 2 * h) - h  # the first block has no normalisation of its own before attention
    return Parameters(vocabulary * h + h + blocks + h + h * h + h + vocabulary, vocabulary * h)


ARCHITECTURES: dict[str, Architecture] = {
    "bert": Architecture(_bert, _count_bert),
    "distilbert": Architecture(_distilbert, lambda shape, vocabulary: _count_bert(shape, vocabulary, segments=0)),
    "distilgpt2": Architecture(_gpt2, _count_gpt2),
    "electra": Architecture(_electra, _count_electra),
    "gpt2": Architecture(_gpt2, _count_gpt2),
    "modernbert": Architecture(_modernbert, _count_modernbert, lambda shape: 2 * shape.heads),
    "roberta": Architecture(_roberta, lambda shape, vocabulary: _count_bert(shape, vocabulary, segments=1, before=2)),
    "xlnet": Architecture(_xlnet, _count_xlnet, lambda _: 2),
}
