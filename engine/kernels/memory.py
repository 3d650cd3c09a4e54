"""How kernels reach a shard's arrays: by address, from one record.

A tuple of two dozen arrays as an argument is 150 machine words pushed at every call; this record is one
pointer, and the array that `cells_of(st)` makes of it is folded away by the compiler. The arrays carry no
reference counts: the Shard that owns the memory outlives every call.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj
from numba.np.numpy_support import from_dtype

from engine.kernels import interpreted
from engine.kernels.interpreted import array_at
from engine.kernels.jit import COMPILED, Rows
from engine.state import (
    CELL,
    CHANNEL,
    DEADLINE,
    HELD_LINE,
    HINT,
    ID,
    OPERATION,
    PLAN,
    PLANNING,
    RESERVATION,
    SKU,
    SOURCE,
    TABLE_COLUMNS,
    WAREHOUSE,
)

_arrays: Any = arrayobj
_builders: Any = cgutils
"""Both without types in numba."""
Memory = Any
"""A record of engine.state.MEMORY; numba reads its fields as attributes, which no stub knows."""
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Accessor = Callable[[Memory], npt.NDArray[Any]]


def _array_of(name: str, dtype: Any, columns: int | str = 0) -> Any:
    """The accessor of one array; `columns`: width of a two-dimensional one, or the array that is as long."""
    if not COMPILED:
        return array_at(name, dtype, columns)

    @intrinsic
    def access(typing_context: Any, st: Any) -> Any:
        element = from_dtype(np.dtype(dtype))
        array_type = types.Array(element, 2 if columns else 1, "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            record_type = signature.args[0]
            word = ir.IntType(64)
            base = builder.ptrtoint(arguments[0], word)

            def field(which: str) -> Any:
                at = builder.add(base, ir.Constant(word, record_type.offset(which)))
                return builder.load(builder.inttoptr(at, ir.PointerType(word)), typ=word)

            data_type = context.get_data_type(element)
            item = ir.Constant(word, np.dtype(dtype).itemsize)
            shape = [field(name + "_n")]
            strides = [item]
            if columns:
                width = ir.Constant(word, columns) if isinstance(columns, int) else field(columns + "_n")
                shape.append(width)
                strides.insert(0, builder.mul(item, width))
            array = _arrays.make_array(array_type)(context, builder)
            _arrays.populate_array(
                array,
                data=builder.inttoptr(field(name), ir.PointerType(data_type)),
                shape=_builders.pack_array(builder, shape, ty=word),
                strides=_builders.pack_array(builder, strides, ty=word),
                itemsize=item,
                meminfo=None,
            )
            return array._getvalue()

        return array_type(st), generate

    return access


skus_of = cast("Callable[[Memory], Rows]", _array_of("skus", SKU))
sku_buckets_of = cast("Callable[[Memory], Words]", _array_of("sku_buckets", np.uint64, 8))
sku_spill_of = cast("Callable[[Memory], Words]", _array_of("sku_spill", np.uint64, 8))
cells_of = cast("Callable[[Memory], Rows]", _array_of("cells", CELL))
cell_buckets_of = cast("Callable[[Memory], Words]", _array_of("cell_buckets", np.uint64, 8))
cell_spill_of = cast("Callable[[Memory], Words]", _array_of("cell_spill", np.uint64, 8))
planning_of = cast("Callable[[Memory], Rows]", _array_of("planning", PLANNING))
reservations_of = cast("Callable[[Memory], Rows]", _array_of("reservations", RESERVATION))
reservation_buckets_of = cast("Callable[[Memory], Words]", _array_of("reservation_buckets", np.uint64, 8))
reservation_spill_of = cast("Callable[[Memory], Words]", _array_of("reservation_spill", np.uint64, 8))
lines_of = cast("Callable[[Memory], Rows]", _array_of("lines", HELD_LINE))
sources_of = cast("Callable[[Memory], Rows]", _array_of("sources", SOURCE))
source_buckets_of = cast("Callable[[Memory], Words]", _array_of("source_buckets", np.uint64, 8))
source_spill_of = cast("Callable[[Memory], Words]", _array_of("source_spill", np.uint64, 8))
operations_of = cast("Callable[[Memory], Rows]", _array_of("operations", OPERATION))
operation_buckets_of = cast("Callable[[Memory], Words]", _array_of("operation_buckets", np.uint64, 8))
operation_spill_of = cast("Callable[[Memory], Words]", _array_of("operation_spill", np.uint64, 8))
ids_of = cast("Callable[[Memory], Rows]", _array_of("ids", ID))
id_buckets_of = cast("Callable[[Memory], Words]", _array_of("id_buckets", np.uint64, 8))
id_spill_of = cast("Callable[[Memory], Words]", _array_of("id_spill", np.uint64, 8))
id_times_of = cast("Callable[[Memory], Integers]", _array_of("id_times", np.int64))
deadlines_of = cast("Callable[[Memory], Rows]", _array_of("deadlines", DEADLINE))
warehouses_of = cast("Callable[[Memory], Rows]", _array_of("warehouses", WAREHOUSE))
channels_of = cast("Callable[[Memory], Rows]", _array_of("channels", CHANNEL))
channel_ranks_of = cast("Callable[[Memory], npt.NDArray[np.int16]]", _array_of("channel_ranks", np.int16, "warehouses"))
clients_of = cast("Callable[[Memory], npt.NDArray[np.uint8]]", _array_of("clients", np.uint8))
tables_of = cast("Callable[[Memory], Integers]", _array_of("tables", np.int64, TABLE_COLUMNS))
marks_of = cast("Callable[[Memory], Integers]", _array_of("marks", np.int64))
bounds_of = cast("Callable[[Memory], Integers]", _array_of("bounds", np.int64))
plan_of = cast("Callable[[Memory], Rows]", _array_of("plan", PLAN))
hints_of = cast("Callable[[Memory], Rows]", _array_of("hints", HINT))


@intrinsic
def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = _arrays.make_array(signature.args[0])(context, builder, arguments[0])
        stride = builder.extract_value(view.strides, 0)
        at = builder.add(builder.ptrtoint(view.data, stride.type), builder.mul(stride, arguments[1]))
        address = builder.inttoptr(at, ir.IntType(8).as_pointer())
        flag = ir.IntType(32)
        ask = _builders.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [address.type, flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        read, keep, data = 0, 3, 1
        builder.call(ask, [address, flag(read), flag(keep), flag(data)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


prefetch = cast("Callable[[npt.NDArray[Any], int], None]", _prefetch if COMPILED else interpreted.prefetch)
"""Ask for the cache line where row `index` of an array begins; waits for nothing, and any index may be asked for."""
