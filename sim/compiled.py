"""How the models are compiled, and where the machine code is kept."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from pathlib import Path

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_DAY = 86400

# A step function is handed its state, a tuple of tens of arrays, and allocates nothing: without
# Numba's reference counts, which are atomic and one for each array touched, it is several
# times as fast. Compiling what Python would need to call each by itself takes longer than the rest.
_OPTIONS = {"cache": True, "_nrt": False}
_INNER = _OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

step_function = numba.njit(**_INNER, forceinline=True)
outlined = numba.njit(**_INNER)
merged = numba.njit(cache=True, inline="always")
entry = numba.njit(**_OPTIONS, forceinline=True)
loop = numba.njit(**_OPTIONS)
"""Decorators of functions that allocate nothing: of one that becomes part of the compiled loop that
calls it; of one that stays by itself there; of one whose text becomes part of that which calls it,
so that it is not compiled by itself first; of one that Python may call too; of the loop itself."""


def constants(**values):
    """A compiled function of a named tuple: the same tuple, with these fields constants.

    What is only done for other values of them is then not in the machine code.
    """
    @intrinsic
    def with_constants(typingctx, state):
        def put(context, builder, signature, args):
            kind, value = signature.args[0], args[0]
            for name, constant in values.items():
                place = kind.fields.index(name)
                value = builder.insert_value(
                    value, context.get_constant(kind.types[place], constant), place)
            return value

        return state(state), put

    return with_constants


@intrinsic
def prefetch_from(typingctx, array, row, column, offset):
    """Begin to bring what is `offset` bytes behind the begin of an element of a contiguous array
    into the processor's cache. Of an array of one dimension `row` is 0."""
    def fetch(context, builder, signature, args):
        made = context.make_array(signature.args[0])(context, builder, args[0])
        row, column, offset = (
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(args[1:], signature.args[1:], strict=True))
        width = cgutils.unpack_tuple(builder, made.shape)[-1]
        place = builder.gep(made.data, [builder.add(builder.mul(row, width), column)])
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        call = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [pointer, number, number, number]),
            "llvm.prefetch.p0")
        read, keep, data = (ir.Constant(number, value) for value in (0, 3, 1))
        place = builder.gep(builder.bitcast(place, pointer), [offset])
        builder.call(call, [place, read, keep, data])
        return context.get_dummy_value()

    return types.none(array, row, column, offset), fetch


@numba.njit(cache=True, inline="always")
def prefetch(array, row, column):
    """The same of its begin."""
    prefetch_from(array, row, column, 0)


def use_own_cache() -> None:
    """Keep machine code in a folder of its own for each state of the sources.

    Numba looks at the file of the function it loads and not at those of the functions that are
    compiled into it: with its usual folders a changed step would leave a stale loop.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.read_bytes())
    folder = _base(root) / f"numba-{digest.hexdigest()[:16]}"
    for old in folder.parent.glob("numba-*"):
        if old != folder and time.time() - old.stat().st_mtime > _DAY:
            shutil.rmtree(old, ignore_errors=True)
    numba.config.CACHE_DIR = str(folder)


def _base(root: Path) -> Path:
    if numba.config.CACHE_DIR:
        return Path(numba.config.CACHE_DIR)
    base = root / "__pycache__"
    try:
        base.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=base).close()
    except OSError:
        return Path(tempfile.gettempdir()) / "lightloom"
    return base
