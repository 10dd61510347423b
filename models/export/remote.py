"""A detector behind a port, in the KServe v2 protocol over HTTP: Triton, MLServer and others."""

from typing import Any
from urllib.parse import urlsplit

import numpy as np
from torch import Tensor

from jetimg.common.errors import DataError, MachineFault
from models.export.runners import Runner
from models.export.triton import NAME
from models.export.whole import INPUT, WholeDetections
from models.networks.config import Model

# Triton's name of the extension by which tensors are sent as bytes; other servers want numbers in JSON.
BYTES = "binary_tensor_data"
TIMEOUT = 600.0


class RemoteDetector:
    """A detector that a server computes.

    Attributes:
        model: shape of its images.
        name: the server's, of the model.
        as_bytes: whether the server takes tensors as bytes.
    """

    def __init__(self, url: str) -> None:
        """Asks a server for its model.

        Args:
            url: http://HOST:PORT, or http://HOST:PORT/v2/models/NAME for another model than `jetimg`.

        Raises:
            DataError: not such a URL, or the model is not one of ours.
            MachineFault: no server, or not that model.
        """
        from tritonclient import http

        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.netloc:
            raise DataError(f"{url}: not http://HOST:PORT[/v2/models/NAME]")
        self.url, self.name = url, parts.path.rstrip("/").rpartition("/")[2] or NAME
        self._http = http
        self._client = http.InferenceServerClient(parts.netloc, connection_timeout=TIMEOUT, network_timeout=TIMEOUT)
        described = self._asked(lambda: self._client.get_model_metadata(self.name))
        extensions = self._asked(lambda: self._client.get_server_metadata()).get("extensions", [])
        self.as_bytes = BYTES in extensions
        shapes = {one["name"]: one["shape"] for one in described["inputs"]}
        outputs = {one["name"] for one in described["outputs"]}
        if list(shapes) != [INPUT] or len(shapes[INPUT]) != 4 or not outputs >= set(WholeDetections._fields):
            raise DataError(f"{url}: {self.name} is no detector of `jetimg models export --format triton`")
        _, channels, n_eta, n_phi = shapes[INPUT]
        self.model = Model(input_channels=channels, image_shape=(n_eta, n_phi), normalisation="raw")

    def __call__(self, images: Tensor) -> dict[str, Any]:
        """Jets in images, float32 (images, channels, n_eta, n_phi), GeV: arrays by the names of `WholeDetections`.

        Raises:
            MachineFault: the server does not answer, or refuses.
        """
        pixels = np.ascontiguousarray(images.numpy())
        sent = self._http.InferInput(INPUT, list(pixels.shape), "FP32")
        sent.set_data_from_numpy(pixels, binary_data=self.as_bytes)
        wanted = [self._http.InferRequestedOutput(name, binary_data=self.as_bytes) for name in WholeDetections._fields]
        found = self._asked(lambda: self._client.infer(self.name, [sent], outputs=wanted))
        return {name: found.as_numpy(name) for name in WholeDetections._fields}

    def _asked(self, call: Any) -> Any:
        from tritonclient.utils import InferenceServerException

        try:
            return call()
        except (InferenceServerException, OSError) as error:
            raise MachineFault(f"{self.url}: {self.name}: {' '.join(str(error).split())[:300]}") from error


def runner(url: str) -> Runner:
    """A server's detector as one more model of a benchmark."""
    detector = RemoteDetector(url)
    how = "bytes" if detector.as_bytes else "JSON"
    return Runner(f"{detector.name}, remote ({how})", url, "KServe v2", detector.model, detector)
