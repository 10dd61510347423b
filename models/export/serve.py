"""Detectors behind a port, in the KServe v2 protocol: MLServer, an engine of its own environment, runs them."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from detector.common.subprocesses import ends_with_us
from jetimg.common.errors import DataError, MachineFault
from models.export.onnx_detector import FORMAT_WHOLE, opened
from models.export.triton import CONFIG, MODEL, NAME
from models.export.triton import export as write_repository

INSTALL = "python3 -m venv mlserver && mlserver/bin/pip install mlserver onnxruntime"
# s that the server has to end by itself.
GRACE = 10


def serve(model: Path, port: int, *, host: str = "127.0.0.1", mlserver: str = "mlserver", threads: int = 0) -> None:
    """Serves detectors until it is stopped (Ctrl-C, SIGTERM).

    Args:
        model: a model repository of `jetimg models export --format triton`, or a checkpoint, which is exported first
            and served as `jetimg`.
        port: of HTTP.
        host: address that it listens at; the protocol knows no passwords.
        mlserver: MLServer's program.
        threads: of the processor for each model; 0 lets ONNX Runtime choose.

    Raises:
        DataError: no checkpoint and no repository, or one with a damaged model.
        MachineFault: no MLServer, or it fails.
    """
    program = shutil.which(mlserver)
    if program is None:
        raise MachineFault(f"{mlserver}: not there. MLServer has an environment of its own: {INSTALL}; then --mlserver")
    with tempfile.TemporaryDirectory(prefix="jetimg-serve-") as folder:
        if model.is_file():
            write_repository(model, Path(folder) / "repository")
            models = {NAME: Path(folder) / "repository" / NAME / MODEL}
        else:
            models = found(model)
        lay_out(models, Path(folder) / "mlserver", host, port, threads)
        code = _run([program, "start", str(Path(folder) / "mlserver")])
    if code > 0:
        raise MachineFault(f"MLServer ended with exit code {code}; what it said stands above")


def found(repository: Path) -> dict[str, Path]:
    """The ONNX files of a repository, by the name of their model.

    Raises:
        DataError: none, or a damaged one.
    """
    models = {path.parent.name: path.parent / MODEL for path in sorted(repository.glob(f"*/{CONFIG}"))}
    if not models:
        raise DataError(f"{repository}: no model repository and no checkpoint: jetimg models export --format triton")
    for path in models.values():
        opened(path, FORMAT_WHOLE)
    return models


def lay_out(models: dict[str, Path], folder: Path, host: str, port: int, threads: int) -> None:
    """Writes what MLServer reads: settings, and a folder for each model with our runtime in it.

    Args:
        models: ONNX files by name.
        folder: to be made.
        host, port: where it listens.
        threads: of each model.
    """
    for name, path in models.items():
        (folder / name).mkdir(parents=True)
        shutil.copy(Path(__file__).with_name("mlserver_runtime.py"), folder / name / "mlserver_runtime.py")
        settings: dict[str, Any] = {"name": name, "implementation": "mlserver_runtime.OnnxModel", "platform": "onnx"}
        settings["parameters"] = {"uri": str(path.absolute()), "version": "1", "extra": {"threads": threads}}
        (folder / name / "model-settings.json").write_text(json.dumps(settings))
    # HTTP alone; models in the server's own process; a batch of 64 images has 100 MB.
    server: dict[str, Any] = {"host": host, "http_port": port, "parallel_workers": 0, "debug": False}
    server |= {"grpc_port": 0, "metrics_endpoint": None}
    (folder / "settings.json").write_text(json.dumps(server))


def _run(command: list[str]) -> int:
    """Runs a program until it ends or this process is asked to; its exit code, 0 if it was asked."""
    with ends_with_us(), subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait()
        except (KeyboardInterrupt, SystemExit):
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
            return 0
