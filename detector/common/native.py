"""Compiled functions that start at once: numba compiles them, and only LLVM is needed to load them again.

Importing numba and its first compiled function take as long as 2,000 events are converted. So the machine code of
simple functions is kept, as numba's own cache keeps it, beside the source. The next process hands it to llvmlite, and
calls it by numba's convention: a place for the result, one for an exception, then the arguments; arrays and tuples as
their fields (https://numba.readthedocs.io/en/stable/developer/architecture.html, numba/core/callconv.py).

Simple functions take numbers, C-contiguous arrays, and named tuples of these; they return a number or nothing, make no
array, and raise nothing: what would ask for numba's own runtime is refused when it is compiled. They call plain
functions of the same kind, which are compiled with them and may return tuples, and C functions (`External`).
"""

import ctypes
import hashlib
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast, get_args

import llvmlite.binding as llvm
import numpy as np

Scalar = TypeVar("Scalar", bound=np.generic)
# Contiguous arrays of one and of two dimensions, in the annotations of compiled functions.
Vector = np.ndarray[tuple[int], np.dtype[Scalar]]
Matrix = np.ndarray[tuple[int, int], np.dtype[Scalar]]

P = ParamSpec("P")
R = TypeVar("R")

_SCALARS: dict[str, Any] = {
    "b1": ctypes.c_bool,
    "i4": ctypes.c_int32,
    "i8": ctypes.c_int64,
    "u8": ctypes.c_uint64,
    "f8": ctypes.c_double,
}
_VECTOR, _MATRIX = "[::1]", "[:,::1]"
_SHAPES = {1: _VECTOR, 2: _MATRIX}
_OF_PYTHON: dict[Any, str] = {bool: "b1", int: "i8", float: "f8"}

# Keeps the machine code in memory as long as the process lives.
_ENGINES: list[Any] = []
_EXTERNALS: set[str] = set()


class External:
    """A C function of a shared library that takes an address and gives a double."""

    def __init__(self, library: str, name: str) -> None:
        """Finds it.

        Args:
            library: the file.
            name: the function's; unique in the process.

        Raises:
            AttributeError: the library has none of this name.
        """
        self.name = name
        self._function = getattr(ctypes.CDLL(library), name)
        self._function.restype, self._function.argtypes = ctypes.c_double, [ctypes.c_void_p]
        llvm.add_symbol(name, ctypes.cast(self._function, ctypes.c_void_p).value)
        _EXTERNALS.add(name)

    def __call__(self, address: int) -> float:
        """What it gives."""
        return float(self._function(address))


class Packed:
    """An argument that stays the same from call to call, made ready once: named tuples of many arrays."""

    def __init__(self, value: Any) -> None:
        self.value = value  # kept alive
        self.fields: list[Any] = []
        self.kind = _append(value, self.fields)


class Native:
    """A compiled function; compiled or loaded when it is first called with arguments of a kind."""

    def __init__(self, function: Callable[..., Any], declared: list[tuple[str, ...]] | None = None) -> None:
        """Takes a function.

        Args:
            function: see above.
            declared: the kinds of arguments that it takes, `i4` or `f8` and for arrays `u4[::1]` or `f4[:,::1]`; if
                None, it takes what it is given.
        """
        self.function, self._declared = function, declared
        self._codes: dict[Any, tuple[Any, Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Calls it; arrays that it changes are changed in place.

        Raises:
            TypeError: an array of another type, shape or order than declared.
        """
        fields: list[Any] = []
        kinds: Any = tuple([_append(value, fields) for value in arguments])
        code, result = self._codes.get(kinds) or self._of(kinds)
        place = result()
        if code(ctypes.byref(place), ctypes.byref(ctypes.c_void_p()), *fields):
            raise RuntimeError(f"{self.function.__name__} raised, which no such function does")
        return place.value

    def _of(self, given: tuple[Any, ...]) -> tuple[Any, Any]:
        """The code for arguments of some kinds, and the type of its result."""
        kinds = given if self._declared is None else _chosen(given, self._declared)
        self._codes[given] = found = self._codes.get(kinds) or self._load(kinds)
        return found

    def _load(self, kinds: tuple[Any, ...]) -> tuple[Any, Any]:
        paths = self._paths(kinds)
        name, returned, code = next(filter(None, map(_kept, paths)), None) or self._compile(kinds, paths)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _ENGINES.append(engine)
        types = [one for kind in kinds for one in _c_types(kind)]
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *types)
        # What returns nothing leaves the place for its result alone.
        return prototype(engine.get_function_address(name)), _SCALARS.get(returned, ctypes.c_int64)

    def _paths(self, kinds: tuple[Any, ...]) -> list[Path]:
        """Where the machine code may be kept, the best place first; the name changes with all that it depends on."""
        source = Path(self.function.__code__.co_filename)
        cpu = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        versions = version("numba"), version("llvmlite"), platform.python_version()
        text = repr((self._sources, _text(kinds), cpu, versions))
        name = f"{source.stem}.{self.function.__name__}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.o"
        own = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "jetimg"
        chosen = os.environ.get("NUMBA_CACHE_DIR")
        return [folder / name for folder in ([Path(chosen)] if chosen else [source.parent / "__pycache__", own])]

    @cached_property
    def _sources(self) -> list[Any]:
        """The files that it and all that it calls stand in, and what these take from other files."""
        functions = list(_reached(self.function))
        files = {Path(one.__code__.co_filename) for one in functions}
        others = {(name, _text(value)) for one in functions for name, value in _names(one)}
        return [*(path.read_bytes() for path in sorted(files)), *sorted(others)]

    def _compile(self, kinds: tuple[Any, ...], paths: list[Path]) -> tuple[str, str, bytes]:
        name, returned, module = _module(self.function, kinds)
        code: bytes = _machine().emit_object(module)
        content = name.encode() + b"\0" + returned.encode() + b"\0" + code
        # Where no folder is ours, the next process compiles again.
        any(_keep(path, hashlib.sha256(content).digest() + content) for path in paths)
        return name, returned, code


def native(function: Callable[P, R]) -> Callable[P, R]:
    """Makes a function a compiled one that takes what its annotations say; see `Native`.

    They are `int`, `float`, `bool`, scalars of numpy, and `Vector` and `Matrix` of these or of a type variable: then
    all that have it are of one of its types.
    """
    return cast("Callable[P, R]", Native(function, _declared(function)))


def compiled(function: Callable[..., Any]) -> Any:
    """Makes a function a compiled one that takes what it is given; see `Native`."""
    return Native(function)


def _declared(function: Callable[..., Any]) -> list[tuple[str, ...]]:
    """The kinds of its arguments, once for each type of its type variable."""
    types = [one for name, one in function.__annotations__.items() if name != "return"]
    variables = [one for annotation in types for one in getattr(annotation, "__parameters__", ())]
    scalars = variables[0].__constraints__ if variables else (None,)
    return [tuple([_kind_of_type(one, scalar) for one in types]) for scalar in scalars]


def _kind_of_type(annotation: Any, scalar: Any) -> str:
    """The kind of an annotation, with a scalar in the place of its type variable."""
    if not (parts := get_args(annotation)):
        return _OF_PYTHON.get(annotation) or np.dtype(annotation).str.lstrip("<|")
    shape, (of,) = map(get_args, parts)
    return _array_kind(np.dtype(scalar if isinstance(of, TypeVar) else of), len(shape))


def _chosen(given: tuple[Any, ...], declared: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Those of the declared kinds that arguments have; numbers become what is declared."""
    for kinds in declared:
        pairs = list(zip(given, kinds, strict=True))
        wrong = [pair for pair in pairs if pair[0] != pair[1] and not (pair[0] in _SCALARS and pair[1] in _SCALARS)]
        if not wrong:
            return kinds
    found, said = wrong[0]
    raise TypeError(f"expected {said}, not {found}")


def _append(value: Any, fields: list[Any]) -> Any:
    """Adds the fields of an argument; its kind: that of a number or array, of a tuple its class and their kinds."""
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise TypeError(f"expected contiguous arrays, not {value.ndim} dimensions with steps {value.strides}")
        fields += (None, None, value.size, value.itemsize, _address(value), *value.shape, *value.strides)
        return _array_kind(value.dtype, value.ndim)
    if isinstance(value, Packed):
        fields += value.fields
        return value.kind
    if isinstance(value, tuple):
        return type(value), *[_append(one, fields) for one in value]
    real = isinstance(value, float)
    fields.append(value if real else int(value))
    return "f8" if real else "i8"


def _address(array: Any) -> int:
    """Where its numbers lie: by the quickest way, which read-only and empty arrays forbid."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):
        return int(array.__array_interface__["data"][0])


@cache
def _array_kind(dtype: Any, ndim: int) -> str:
    if ndim not in _SHAPES:
        raise TypeError(f"expected vectors and matrices, not {ndim} dimensions")
    return str(dtype.str.lstrip("<|") + _SHAPES[ndim])


def _c_types(kind: Any) -> list[Any]:
    """The C types of its fields: of an array two pointers that Python objects need, sizes, data, shape, strides."""
    if isinstance(kind, tuple):
        return [one for part in kind[1:] for one in _c_types(part)]
    if kind in _SCALARS:
        return [_SCALARS[kind]]
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return [pointer, pointer, number, number, pointer, *[number] * (2 * (2 if kind.endswith(_MATRIX) else 1))]


def _numba_type(kind: Any) -> Any:
    import numba

    if isinstance(kind, tuple):
        return numba.types.BaseTuple.from_types([_numba_type(one) for one in kind[1:]], pyclass=kind[0])
    name, bracket, shape = kind.partition("[")
    scalar = numba.from_dtype(np.dtype(name))
    return numba.types.Array(scalar, 2 if bracket + shape == _MATRIX else 1, "C") if bracket else scalar


def _keep(path: Path, content: bytes) -> bool:
    """Writes a file in one step; whether that could be done."""
    partial = path.with_name(f".{path.name}.{token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        return False
    return True


def _kept(path: Path) -> tuple[str, str, bytes] | None:
    try:
        digest, content = (kept := path.read_bytes())[:32], kept[32:]
    except OSError:
        return None
    if hashlib.sha256(content).digest() != digest:
        return None
    name, returned, code = content.split(b"\0", 2)
    return name.decode(), returned.decode(), code


def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)


def _names(function: Any) -> Iterator[tuple[str, Any]]:
    """What the names in a function stand for in its module."""
    for name in sorted(set(function.__code__.co_names)):
        if name in function.__globals__:
            value = function.__globals__[name]
            yield name, value.function if isinstance(value, Native) else value


def _text(value: Any) -> str:
    """A constant, the fields of a named tuple, or the kinds of arguments, the same in every process."""
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    if hasattr(value, "_fields"):
        return f"{value.__name__}{value._fields}"
    return repr(value) if isinstance(value, int | float | str) else ""


def _reached(function: Any) -> dict[Any, None]:
    """The function and all that it calls, in the order that they are met."""
    reached, new = {function: None}, [function]
    while new:
        called = {value: None for _, value in _names(new.pop()) if isinstance(value, FunctionType)}
        new += [one for one in called if one not in reached]
        reached |= called
    return reached


def _for_numba(function: Any) -> Any:
    """The function as numba takes it: all that it calls is numba's too."""
    import numba

    scopes: dict[Any, dict[str, Any]] = {one: dict(one.__globals__) for one in _reached(function)}
    made = {
        one: numba.njit(error_model="numpy", _nrt=False)(
            FunctionType(one.__code__, scope, one.__name__, one.__defaults__, one.__closure__)
        )
        for one, scope in scopes.items()
    }
    for one, scope in scopes.items():
        for name, value in _names(one):
            if isinstance(value, External):
                scope[name] = numba.types.ExternalFunction(value.name, numba.float64(numba.int64))
            elif isinstance(value, FunctionType):
                scope[name] = made[value]
    return made[function]


def _module(function: Callable[..., Any], kinds: tuple[Any, ...]) -> tuple[str, str, Any]:
    """The function's name, what it returns, and its module, without the wrappers that call it from Python."""
    dispatcher = _for_numba(function)
    dispatcher.compile(tuple(_numba_type(kind) for kind in kinds))
    (found,) = dispatcher.overloads.values()
    name, returned = found.fndesc.llvm_func_name, str(found.signature.return_type)
    if returned not in _RETURNED:
        raise TypeError(f"{function.__name__} is not simple: it returns {returned}")
    module = llvm.parse_assembly(found.library.get_llvm_str())
    for one in module.functions:
        if not one.is_declaration and one.name != name:
            one.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(_machine(), llvm.create_pipeline_tuning_options()))
    process = ctypes.CDLL(None)
    needed = [one.name for one in module.functions if one.is_declaration and not one.name.startswith("llvm.")]
    missing = [one for one in needed if one.startswith("Py") or not (one in _EXTERNALS or hasattr(process, one))]
    if missing:
        raise TypeError(f"{function.__name__} is not simple: it needs {', '.join(missing)}")
    return name, _RETURNED[returned], module


_RETURNED = {"none": "", "int64": "i8", "uint64": "u8", "float64": "f8", "int32": "i4", "bool": "b1"}
