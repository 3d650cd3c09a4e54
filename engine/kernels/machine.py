"""Instructions that numba has no words for: asking for cache lines, and a bucket's eight words looked at in one go."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from engine.kernels import interpreted
from engine.kernels.jit import COMPILED, Rows
from engine.kernels.memory import ENDLESS

_arrays: Any = arrayobj
_builders: Any = cgutils
"""Both without types in numba."""
Words = npt.NDArray[np.uint64]
_WORD = ir.IntType(64)
_BYTE = ir.IntType(8)
_BUCKET = ir.VectorType(_WORD, 8)
_ENTRIES = 0x7F
"""The words of a bucket that are entries, a bit for each; the eighth is a link."""


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any, pointer: Any) -> Any:
    """Where row `index` of an array begins."""
    view = _arrays.make_array(array_type)(context, builder, array)
    stride = builder.extract_value(view.strides, 0)
    at = builder.add(builder.ptrtoint(view.data, stride.type), builder.mul(stride, index))
    return builder.inttoptr(at, pointer)


def _call(builder: Any, name: str, result: Any, arguments: Any) -> Any:
    """Call one of LLVM's own functions."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(_builders.get_or_insert_function(builder.module, kind, name), arguments)


@intrinsic
def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], _BYTE.as_pointer())
        flag = ir.IntType(32)
        read, keep, data = flag(0), flag(3), flag(1)
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), [address, read, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


prefetch = cast("Callable[[npt.NDArray[Any], int], None]", _prefetch if COMPILED else interpreted.prefetch)
"""Ask for the cache line where row `index` of an array begins; waits for nothing, and any index may be asked for."""


@intrinsic
def _endless(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = _arrays.make_array(signature.args[0])(context, builder, arguments[0])
        if ENDLESS:
            view.shape = _builders.pack_array(builder, [ir.Constant(_WORD, 0)], ty=_WORD)
        return view._getvalue()

    return array(array), generate


endless = cast("Callable[[Rows], Rows]", _endless if COMPILED else interpreted.endless)
"""The array without its length, as `engine.kernels.memory` gives arrays, and for the same reason."""


def _bits(builder: Any, found: Any) -> Any:
    """Which entries `found`, a vector of truths, is true of: a bit for each."""
    return builder.and_(builder.bitcast(found, _BYTE), _BYTE(_ENTRIES))


@intrinsic
def _slot_with(typing_context: Any, buckets: Any, bucket: Any, h: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _address(context, builder, signature.args[0], arguments[0], arguments[1], _BUCKET.as_pointer())
        words = builder.load(at, typ=_BUCKET, align=8)
        hashes = builder.lshr(words, ir.Constant(_BUCKET, [32] * 8))
        first = builder.insert_element(ir.Constant(_BUCKET, ir.Undefined), arguments[2], ir.IntType(32)(0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8)
        wanted = builder.shuffle_vector(first, ir.Constant(_BUCKET, ir.Undefined), lanes)
        bits = _bits(builder, builder.icmp_unsigned("==", hashes, wanted))
        # With no entry found this looks at the link, which the bucket has in any case.
        marked = builder.or_(bits, _BYTE(0x80))
        place = builder.zext(_call(builder, "llvm.cttz.i8", _BYTE, [marked, ir.IntType(1)(1)]), _WORD)
        word = builder.inttoptr(
            builder.add(builder.ptrtoint(at, _WORD), builder.shl(place, _WORD(3))), _WORD.as_pointer()
        )
        slot = builder.and_(builder.load(word, typ=_WORD), _WORD(0xFFFFFFFF))
        return builder.select(builder.icmp_unsigned("==", bits, _BYTE(0)), _WORD(0), slot)

    return types.int64(buckets, types.int64, types.int64), generate


slot_with = cast("Callable[[Words, int, int], int]", _slot_with if COMPILED else interpreted.slot_with)
"""The slot of an entry of the bucket that has the hash `h`, or 0."""


@intrinsic
def _entries_in(typing_context: Any, buckets: Any, bucket: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _address(context, builder, signature.args[0], arguments[0], arguments[1], _BUCKET.as_pointer())
        words = builder.load(at, typ=_BUCKET, align=8)
        bits = _bits(builder, builder.icmp_unsigned("!=", words, ir.Constant(_BUCKET, [0] * 8)))
        return builder.zext(_call(builder, "llvm.ctpop.i8", _BYTE, [bits]), _WORD)

    return types.int64(buckets, types.int64), generate


entries_in = cast("Callable[[Words, int], int]", _entries_in if COMPILED else interpreted.entries_in)
"""How many entries the bucket has."""
