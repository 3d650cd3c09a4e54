"""How kernels reach a shard's arrays: by address, from one record.

A tuple of two dozen arrays as an argument is 150 machine words pushed at every call; this record is one
pointer, and the array that `cells_of(st)` makes of it is folded away by the compiler. The arrays carry no
reference counts: the Shard that owns the memory outlives every call. The big ones say that they have no length:
numba counts a negative index from the end, and five instructions at every access did so; with a length of 0, known to
the compiler, they are gone. How long they are is asked of `cells_end(st)` and the like.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic
from numba.np import arrayobj
from numba.np.numpy_support import from_dtype

from engine.kernels.interpreted import array_at, length_at
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
_settings: Any = config
"""All without types in numba."""
ENDLESS = not _settings.BOUNDSCHECK
"""Whether arrays may hide their length; who checks bounds needs it."""
Memory = Any
"""A record of engine.state.MEMORY; numba reads its fields as attributes, which no stub knows."""
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Accessor = Callable[[Memory], npt.NDArray[Any]]


def _field(builder: Any, record_type: Any, record: Any, name: str) -> Any:
    """Load a word of MEMORY, which never changes: the compiler may keep it over any store."""
    word = ir.IntType(64)
    at = builder.add(builder.ptrtoint(record, word), ir.Constant(word, record_type.offset(name)))
    value = builder.load(builder.inttoptr(at, ir.PointerType(word)), typ=word)
    value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


def _length_of(name: str) -> Any:
    """How many elements an array has."""
    if not COMPILED:
        return length_at(name)

    @intrinsic
    def length(typing_context: Any, st: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _field(builder, signature.args[0], arguments[0], name + "_n")

        return types.int64(st), generate

    return length


def _array_of(name: str, dtype: Any, columns: int | str = 0, endless: bool = ENDLESS) -> Any:
    """The accessor of one array; `columns`: width of a two-dimensional one, or the array that is as long."""
    if not COMPILED:
        return array_at(name, dtype, columns)

    @intrinsic
    def access(typing_context: Any, st: Any) -> Any:
        element = from_dtype(np.dtype(dtype))
        array_type = types.Array(element, 2 if columns else 1, "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = ir.IntType(64)

            def field(which: str) -> Any:
                return _field(builder, signature.args[0], arguments[0], which)

            data_type = context.get_data_type(element)
            item = ir.Constant(word, np.dtype(dtype).itemsize)
            shape = [ir.Constant(word, 0) if endless else field(name + "_n")]
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
warehouses_of = cast("Callable[[Memory], Rows]", _array_of("warehouses", WAREHOUSE, endless=False))
channels_of = cast("Callable[[Memory], Rows]", _array_of("channels", CHANNEL, endless=False))
channel_ranks_of = cast("Callable[[Memory], npt.NDArray[np.int16]]", _array_of("channel_ranks", np.int16, "warehouses"))
clients_of = cast("Callable[[Memory], npt.NDArray[np.uint8]]", _array_of("clients", np.uint8, endless=False))
tables_of = cast("Callable[[Memory], Integers]", _array_of("tables", np.int64, TABLE_COLUMNS))
marks_of = cast("Callable[[Memory], Integers]", _array_of("marks", np.int64))
bounds_of = cast("Callable[[Memory], Integers]", _array_of("bounds", np.int64))
plan_of = cast("Callable[[Memory], Rows]", _array_of("plan", PLAN))
hints_of = cast("Callable[[Memory], Rows]", _array_of("hints", HINT))
touched_of = cast("Callable[[Memory], npt.NDArray[np.uint32]]", _array_of("touched", np.uint32))

_Length = Callable[[Memory], int]
skus_end = cast("_Length", _length_of("skus"))
sku_buckets_end = cast("_Length", _length_of("sku_buckets"))
cells_end = cast("_Length", _length_of("cells"))
cell_buckets_end = cast("_Length", _length_of("cell_buckets"))
reservations_end = cast("_Length", _length_of("reservations"))
reservation_buckets_end = cast("_Length", _length_of("reservation_buckets"))
lines_end = cast("_Length", _length_of("lines"))
sources_end = cast("_Length", _length_of("sources"))
source_buckets_end = cast("_Length", _length_of("source_buckets"))
operations_end = cast("_Length", _length_of("operations"))
operation_buckets_end = cast("_Length", _length_of("operation_buckets"))
ids_end = cast("_Length", _length_of("ids"))
id_buckets_end = cast("_Length", _length_of("id_buckets"))
plan_end = cast("_Length", _length_of("plan"))
touched_end = cast("_Length", _length_of("touched"))
