"""Compiled functions that start at once: numba compiles them, and only LLVM is needed to load them again.

Importing numba and its first compiled function take as long as 2,000 events are converted. So the machine code of
simple functions is kept, as numba's own cache keeps it, beside the source. The next process hands it to llvmlite, and
calls it by numba's convention: a place for the result, one for an exception, and arrays as their fields
(https://numba.readthedocs.io/en/stable/developer/architecture.html, numba/core/callconv.py).

Simple functions take numbers and C-contiguous arrays, return a number or nothing, make no array, call no other of ours,
and raise nothing: what would ask for numba's own runtime is refused when it is compiled.
"""

import ctypes
import hashlib
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

import llvmlite.binding as llvm
import numpy as np

_SCALARS: dict[str, Any] = {"i4": ctypes.c_int32, "i8": ctypes.c_int64, "u8": ctypes.c_uint64, "f8": ctypes.c_double}
_VECTOR, _MATRIX = "[::1]", "[:,::1]"

# Keeps the machine code in memory as long as the process lives.
_ENGINES: list[Any] = []


class Native:
    """A compiled function; compiled or loaded when it is first called."""

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        """Takes a function.

        Args:
            function: see above.
            signature: by numba's short names, as in `i8(f8, f4[::1], u4[:,::1])`.
        """
        self.function, self.signature = function, signature.replace(" ", "")
        result, _, arguments = self.signature.removesuffix(")").partition("(")
        self._arguments = [_Argument(text) for text in _split(arguments)]
        self._result: Any = _SCALARS[result]() if result != "void" else ctypes.c_int64()

    def __call__(self, *arguments: Any) -> Any:
        """Calls it; arrays that it changes are changed in place.

        Raises:
            TypeError: an array of another type, shape or order than the signature says.
        """
        fields: list[Any] = []
        for argument, value in zip(self._arguments, arguments, strict=True):
            argument.append(value, fields)
        result = type(self._result)()
        if self._code(ctypes.byref(result), ctypes.byref(ctypes.c_void_p()), *fields):
            raise RuntimeError(f"{self.function.__name__} raised, which no such function does")
        return result.value

    @cached_property
    def _code(self) -> Any:
        name, code = next(filter(None, map(_kept, self._paths)), None) or self._compile()
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _ENGINES.append(engine)
        kinds = [kind for argument in self._arguments for kind in argument.kinds()]
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *kinds)
        return prototype(engine.get_function_address(name))

    @cached_property
    def _paths(self) -> list[Path]:
        """Where the machine code may be kept, the best place first; the name changes with all that it depends on."""
        source = Path(self.function.__code__.co_filename)
        cpu = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        versions = version("numba"), version("llvmlite"), platform.python_version()
        text = repr((source.read_bytes(), self.signature, cpu, versions))
        name = f"{source.stem}.{self.function.__name__}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.o"
        own = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "jetimg"
        chosen = os.environ.get("NUMBA_CACHE_DIR")
        return [folder / name for folder in ([Path(chosen)] if chosen else [source.parent / "__pycache__", own])]

    def _compile(self) -> tuple[str, bytes]:
        name, module = _module(self.function, self.signature)
        code: bytes = _machine().emit_object(module)
        content = name.encode() + b"\0" + code
        # Where no folder is ours, the next process compiles again.
        any(_keep(path, hashlib.sha256(content).digest() + content) for path in self._paths)
        return name, code


def native(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Makes a function a compiled one; see `Native`."""
    return lambda function: Native(function, signature)


class _Argument:
    """A number or an array."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ndim = 1 if text.endswith(_VECTOR) else 2 if text.endswith(_MATRIX) else 0
        self._dtype = np.dtype(text.partition("[")[0])

    def kinds(self) -> list[Any]:
        """The C types of its fields: of an array two pointers that Python objects need, sizes, data, shape, strides."""
        if not self._ndim:
            return [_SCALARS[self._text]]
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        return [pointer, pointer, number, number, pointer, *[number] * (2 * self._ndim)]

    def append(self, value: Any, fields: list[Any]) -> None:
        """Adds its fields."""
        if not self._ndim:
            fields.append(value)
            return
        if not (value.dtype == self._dtype and value.ndim == self._ndim and value.flags.c_contiguous):
            raise TypeError(f"expected {self._text}, not {value.ndim} dimensions of {value.dtype}")
        fields += (None, None, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides)


def _split(arguments: str) -> list[str]:
    """The arguments of a signature; the comma of a matrix is none between two of them."""
    return [part.replace(";", ",") for part in arguments.replace(_MATRIX, _MATRIX.replace(",", ";")).split(",")]


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


def _kept(path: Path) -> tuple[str, bytes] | None:
    try:
        digest, content = (kept := path.read_bytes())[:32], kept[32:]
    except OSError:
        return None
    if hashlib.sha256(content).digest() != digest:
        return None
    name, _, code = content.partition(b"\0")
    return name.decode(), code


def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)


def _module(function: Callable[..., Any], signature: str) -> tuple[str, Any]:
    """The function's name and its module, without the wrappers that call it from Python."""
    import numba

    compiled = numba.njit(signature, error_model="numpy", _nrt=False)(function)
    module = llvm.parse_assembly(compiled.inspect_llvm(compiled.signatures[0]))
    names = [one.name for one in module.functions if not one.is_declaration]
    name = next(one for one in names if one.startswith("_ZN") and "cpython" not in one[:12])
    for one in module.functions:
        if not one.is_declaration and one.name != name:
            one.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(_machine(), llvm.create_pipeline_tuning_options()))
    process = ctypes.CDLL(None)
    needed = [one.name for one in module.functions if one.is_declaration and not one.name.startswith("llvm.")]
    if missing := [one for one in needed if one.startswith("Py") or not hasattr(process, one)]:
        raise TypeError(f"{function.__name__} is not simple: it needs {', '.join(missing)}")
    return name, module
