"""bfloat16 in kernels: 16 numbers of two bytes to and from a vector of 16 floats, the places that a job names, and dropout without a pool.

A bfloat16 is the upper half of a float, so reading one is a shift; writing one rounds to the nearest, halves to the even one, as torch does.

    x = load_half(p, 32)                           # p: where 16-bit numbers begin
    store_half(p, 32, multiply(x, x))
    store_half(p, 32, multiply(x, kept(seed, 32, threshold, scale)))

Whether a number is dropped out follows from its place and a seed alone (the hash `lowbias32` of Chris Wellons): nothing is drawn, nothing
is kept, and the way back asks again.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ringsmith._kernels.simd import _INDEX, _VECTOR, LANES, _operation, _splat, vector

_FLOAT, _HALF, _LONG = ir.FloatType(), ir.IntType(16), ir.IntType(64)
_HALVES, _WHOLE = ir.VectorType(_HALF, LANES), ir.VectorType(_INDEX, LANES)
_TIMES_A, _TIMES_B = 0x7FEB352D, 0x846CA68B


def _all(number: int) -> Any:
    """The same 32-bit number in every lane."""
    return ir.Constant(_WHOLE, [number - (1 << 32) if number >> 31 else number] * LANES)


def _spread(builder: Any, value: Any) -> Any:
    """The last 32 bits of an integer in every lane."""
    single = builder.insert_element(ir.Constant(_WHOLE, ir.Undefined), builder.trunc(value, _INDEX), ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(single, ir.Constant(_WHOLE, ir.Undefined), ir.Constant(_WHOLE, [0] * LANES))


def _place(builder: Any, pointer: Any, offset: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [offset], inbounds=True), _HALVES.as_pointer())


@_operation
def floats(typing: Any, number: Any) -> Any:
    """Where floats begin, from the number of their address."""
    return types.CPointer(types.float32)(types.int64), lambda context, builder, signature, arguments: builder.inttoptr(arguments[0], _FLOAT.as_pointer())


@_operation
def halves(typing: Any, number: Any) -> Any:
    """Where 16-bit numbers begin, from the number of their address."""
    return types.CPointer(types.uint16)(types.int64), lambda context, builder, signature, arguments: builder.inttoptr(arguments[0], _HALF.as_pointer())


@_operation
def longs(typing: Any, number: Any) -> Any:
    """Where 64-bit integers begin, from the number of their address."""
    return types.CPointer(types.int64)(types.int64), lambda context, builder, signature, arguments: builder.inttoptr(arguments[0], _LONG.as_pointer())


@_operation
def load_half(typing: Any, pointer: Any, offset: Any) -> Any:
    """16 numbers from number `offset` on, as floats."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = builder.zext(builder.load(_place(builder, *arguments), align=2), _WHOLE)
        return builder.bitcast(builder.shl(wide, _all(16)), _VECTOR)

    return vector(pointer, types.intp), build


@_operation
def store_half(typing: Any, pointer: Any, offset: Any, value: Any) -> Any:
    """Write 16 floats, rounded, from number `offset` on."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[2], _WHOLE)
        odd = builder.and_(builder.lshr(bits, _all(16)), _all(1))
        rounded = builder.lshr(builder.add(builder.add(bits, odd), _all(0x7FFF)), _all(16))
        builder.store(builder.trunc(rounded, _HALVES), _place(builder, *arguments[:2]), align=2)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, vector), build


@_operation
def store_turned(typing: Any, pointer: Any, offset: Any, step: Any, rows: Any) -> Any:
    """Write 16 vectors as columns: the first float of each from float number `offset` on, the second ones `step` further, and so on."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, offset, step, rows = arguments
        parts = cgutils.unpack_tuple(builder, rows)
        for stride in (1, 2, 4, 8):
            low = [lane if not lane & stride else LANES + lane - stride for lane in range(LANES)]
            high = [lane + stride if not lane & stride else LANES + lane for lane in range(LANES)]
            first, second = (ir.Constant(_WHOLE, mask) for mask in (low, high))
            pairs = [(row, row + stride) for row in range(LANES) if not row & stride]
            for a, b in pairs:
                parts[a], parts[b] = builder.shuffle_vector(parts[a], parts[b], first), builder.shuffle_vector(parts[a], parts[b], second)
        for row in parts:
            builder.store(row, builder.bitcast(builder.gep(pointer, [offset], inbounds=True), _VECTOR.as_pointer()), align=4)
            offset = builder.add(offset, step)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, types.intp, rows), build


@_operation
def kept(typing: Any, seed: Any, place: Any, threshold: Any, scale: Any) -> Any:
    """For the 16 numbers from number `place` on: 0 where a number is dropped out, which `threshold` of 2^32 are, else `scale`."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        seed, place, threshold, scale = arguments
        n = builder.xor(builder.add(_spread(builder, place), ir.Constant(_WHOLE, list(range(LANES)))), _spread(builder, seed))
        for shift, factor in ((16, _TIMES_A), (15, _TIMES_B)):
            n = builder.mul(builder.xor(n, builder.lshr(n, _all(shift))), _all(factor))
        n = builder.xor(n, builder.lshr(n, _all(16)))
        dropped = builder.icmp_unsigned("<", n, _spread(builder, threshold))
        return builder.select(dropped, ir.Constant(_VECTOR, [0.0] * LANES), _splat(builder, scale))

    return vector(types.int64, types.intp, types.int64, types.float32), build
