"""`jetimg` for workflows of tests, in forks of a process that has imported the libraries of others already.

Those of networks take four to ten seconds of each command, and are the same each time. Our own modules are imported
anew in each process, as in a user's.
"""

import atexit
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import warm

LIBRARIES = (
    *("awkward", "h5py", "matplotlib.pyplot", "pydantic", "rich.progress", "typer", "uproot"),
    *("torch", "torch._dynamo", "torch.export", "onnxscript", "onnxruntime", "brevitas.nn", "brevitas.quant"),
)


@cache
def folder() -> Path:
    """A folder with the program `jetimg`; what it needs runs until this process ends."""
    stack = ExitStack()
    atexit.register(stack.close)
    made = Path(stack.enter_context(TemporaryDirectory(prefix="jetimg-")))
    stack.enter_context(warm.jetimg(made, LIBRARIES))
    return made
