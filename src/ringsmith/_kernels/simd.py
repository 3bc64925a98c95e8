"""Vectors of 16 floats as values in Numba: load, store, multiply and add, sum. What a C compiler's intrinsics are to C.

Numba turns plain loops into vector code when it recognises them; the inner loops of word2vec keep a dozen vectors in registers across two
loops, which no compiler recognises. With these few operations they are written down as they shall run. LLVM maps 16 floats to one
register of AVX-512, two of AVX, four of NEON or SSE.

    p, q = address(x), address(y)          # where the numbers of two float32 arrays in C order begin; p[3] is one of them
    a, b = load(p, 0), load(q, 0)          # the offset counts floats
    store(q, 0, add_product(a, b, b))      # a * b + b

Functions on addresses are called for nothing; handing an array to a function counts its references, which costs more than a step of word2vec.
Nothing checks bounds here: arrays are padded to whole blocks of `LANES`, and whoever takes an address keeps its array alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

COMPILE: dict[str, Any] = {"cache": True, "nogil": True, "boundscheck": False, "error_model": "numpy"}
"""How every kernel is compiled."""
LANES = 16
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INDEX = ir.IntType(32)


def _operation(build: Callable[..., Any]) -> Any:
    """An operation that compiled code may call."""
    return intrinsic(build)


class Vector(types.Type):
    """Numba's type of 16 floats in a register."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


vector = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _address(builder: Any, pointer: Any, offset: Any) -> Any:
    """Where the vector lies that starts at float number `offset`."""
    return builder.bitcast(builder.gep(pointer, [offset], inbounds=True), _VECTOR.as_pointer())


def _splat(builder: Any, value: Any) -> Any:
    """The number in every lane."""
    single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32"), [a, b, c])


def _smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _reduce(builder: Any, value: Any, join: Callable[[Any, Any, Any], Any]) -> Any:
    """All lanes joined to one number."""
    for stride in (8, 4, 2, 1):
        turned = ir.Constant(ir.VectorType(_INDEX, LANES), [lane ^ stride for lane in range(LANES)])
        value = join(builder, value, builder.shuffle_vector(value, ir.Constant(_VECTOR, ir.Undefined), turned))
    return builder.extract_element(value, ir.Constant(_INDEX, 0))


@_operation
def address(typing: Any, array: Any) -> Any:
    """Where the numbers of an array in C order begin; it can be indexed."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), build


@_operation
def load(typing: Any, pointer: Any, offset: Any) -> Any:
    """16 floats from float number `offset` on."""
    return vector(pointer, types.intp), lambda context, builder, signature, arguments: builder.load(_address(builder, *arguments), align=4)


@_operation
def store(typing: Any, pointer: Any, offset: Any, value: Any) -> Any:
    """Write 16 floats from float number `offset` on."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(builder, *arguments[:2]), align=4)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, vector), build


@_operation
def store_bytes(typing: Any, pointer: Any, offset: Any, value: Any) -> Any:
    """Write 16 floats from 0 to 255, cut off to integers, as bytes from byte number `offset` on."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        small = ir.VectorType(ir.IntType(8), LANES)
        numbers = builder.trunc(builder.fptosi(arguments[2], ir.VectorType(_INDEX, LANES)), small)
        builder.store(numbers, builder.bitcast(builder.gep(arguments[0], [arguments[1]], inbounds=True), small.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, vector), build


@_operation
def prefetch(typing: Any, pointer: Any, offset: Any) -> Any:
    """Ask for the cache line of float number `offset`; it will be written to soon."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [byte, word, word, word]), "llvm.prefetch.p0")
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), byte)
        builder.call(function, [place, word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(pointer, types.intp), build


@_operation
def splat(typing: Any, value: Any) -> Any:
    """The same float 16 times."""
    return vector(types.float32), lambda context, builder, signature, arguments: _splat(builder, arguments[0])


@_operation
def add(typing: Any, a: Any, b: Any) -> Any:
    """The sum, lane by lane."""
    return vector(vector, vector), lambda context, builder, signature, arguments: builder.fadd(*arguments)


@_operation
def subtract(typing: Any, a: Any, b: Any) -> Any:
    """The difference a - b, lane by lane."""
    return vector(vector, vector), lambda context, builder, signature, arguments: builder.fsub(*arguments)


@_operation
def multiply(typing: Any, a: Any, b: Any) -> Any:
    """The product, lane by lane."""
    return vector(vector, vector), lambda context, builder, signature, arguments: builder.fmul(*arguments)


@_operation
def divide(typing: Any, a: Any, b: Any) -> Any:
    """The quotient a / b, lane by lane."""
    return vector(vector, vector), lambda context, builder, signature, arguments: builder.fdiv(*arguments)


@_operation
def quick_divide(typing: Any, a: Any, b: Any) -> Any:
    """The quotient a / b, lane by lane, by the processor's estimate of 1 / b and one step of Newton's where it has one."""
    return vector(vector, vector), lambda context, builder, signature, arguments: builder.fdiv(*arguments, flags=("fast",))


@_operation
def inverse_root(typing: Any, value: Any) -> Any:
    """The number 1 / sqrt(x), lane by lane, to one part in 16,000: AVX-512's estimate; elsewhere another, if there is one, and a step of Newton's."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if "+avx512f" in context.codegen().magic_tuple()[2].split(","):
            kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, ir.IntType(LANES)])
            estimate = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.rsqrt14.ps.512")
            return builder.call(estimate, [arguments[0], ir.Constant(_VECTOR, ir.Undefined), ir.Constant(ir.IntType(LANES), -1)])
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.sqrt.v{LANES}f32")
        root = builder.call(function, [arguments[0]], fastmath=("fast",))
        return builder.fdiv(ir.Constant(_VECTOR, [1.0] * LANES), root, flags=("fast",))

    return vector(vector), build


@_operation
def raise_exponent(typing: Any, value: Any, powers: Any) -> Any:
    """The product value * 2^n, lane by lane, where `powers` is 1.5 * 2^23 + n (its last bits are n); the result must be a normal number."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.VectorType(_INDEX, LANES)
        value, powers = (builder.bitcast(argument, whole) for argument in arguments)
        return builder.bitcast(builder.add(value, builder.shl(powers, ir.Constant(whole, [23] * LANES))), _VECTOR)

    return vector(vector, vector), build


@_operation
def minimum(typing: Any, a: Any, b: Any) -> Any:
    """The smaller one, lane by lane; b where one of them is not a number."""
    return vector(vector, vector), lambda context, builder, signature, arguments: _smaller(builder, *arguments)


@_operation
def maximum(typing: Any, a: Any, b: Any) -> Any:
    """The larger one, lane by lane; b where one of them is not a number."""
    return vector(vector, vector), lambda context, builder, signature, arguments: _larger(builder, *arguments)


@_operation
def smallest(typing: Any, value: Any) -> Any:
    """The smallest of the 16."""
    return types.float32(vector), lambda context, builder, signature, arguments: _reduce(builder, arguments[0], _smaller)


@_operation
def largest(typing: Any, value: Any) -> Any:
    """The largest of the 16."""
    return types.float32(vector), lambda context, builder, signature, arguments: _reduce(builder, arguments[0], _larger)


@_operation
def total(typing: Any, value: Any) -> Any:
    """The sum of the 16, halves first."""
    return types.float32(vector), lambda context, builder, signature, arguments: _reduce(builder, arguments[0], lambda build, a, b: build.fadd(a, b))


@_operation
def add_product(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """The sum a * b + c, lane by lane, rounded once."""
    return vector(vector, vector, vector), lambda context, builder, signature, arguments: _fma(builder, *arguments)


@_operation
def clamp(typing: Any, value: Any, low: Any, high: Any) -> Any:
    """Each lane, moved into the range from `low` to `high`."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, low, high = arguments[0], _splat(builder, arguments[1]), _splat(builder, arguments[2])
        return _smaller(builder, high, _larger(builder, low, value))  # in this order what is not a number stays so

    return vector(vector, types.float32, types.float32), build


@_operation
def twice(typing: Any, value: Any) -> Any:
    """Lanes 0-5 once more in lanes 6-11."""
    lanes = [lane - 6 if 6 <= lane < 12 else lane for lane in range(LANES)]
    mask = ir.Constant(ir.VectorType(_INDEX, LANES), lanes)
    return vector(vector), lambda context, builder, signature, arguments: builder.shuffle_vector(arguments[0], arguments[0], mask)


@_operation
def sums(typing: Any, vectors: Any) -> Any:
    """Of up to 16 vectors each one's sum: lane i of the answer is the sum of vector i, lanes beyond are 0.

    Two vectors at a time are folded into one, four times over: 12 sums take 36 instructions instead of 96.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = cgutils.unpack_tuple(builder, arguments[0])
        parts += [ir.Constant(_VECTOR, [0.0] * LANES)] * (LANES - len(parts))
        for stride in (1, 2, 4, 8):
            parts = [_fold(builder, first, second, stride) for first, second in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    return vector(vectors), build


def _fold(builder: Any, first: Any, second: Any, stride: int) -> Any:
    """Add lanes `stride` apart; blocks of `first` and `second` alternate in the answer."""
    if _is_zero(first) and _is_zero(second):
        return first
    low = [lane + (LANES - stride if lane & stride else 0) for lane in range(LANES)]
    high = [lane + stride for lane in low]
    masks = (ir.Constant(ir.VectorType(_INDEX, LANES), mask) for mask in (low, high))
    return builder.fadd(*(builder.shuffle_vector(first, second, mask) for mask in masks))


def _is_zero(value: Any) -> bool:
    return isinstance(value, ir.Constant)
