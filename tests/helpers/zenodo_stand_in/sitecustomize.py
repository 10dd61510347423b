"""Points zenodo-get at the stand-in of tests/helpers/zenodo.py, and keeps it off the network.

Python imports this module at start where its folder is on PYTHONPATH; it acts in zenodo-get only.
"""

import os
import sys

STAND_IN = os.environ.get("JETIMG_STAND_IN")

if STAND_IN and "zenodo_get" in sys.orig_argv:
    import httpx2

    _send = httpx2.HTTPTransport.handle_request

    def _redirected(self: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if request.url.host in ("zenodo.org", "sandbox.zenodo.org"):
            there = httpx2.URL(STAND_IN)
            request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
            request.headers["Host"] = f"{there.host}:{there.port}"
        if request.url.host != "127.0.0.1":
            raise httpx2.ConnectError(f"no network in tests: {request.url}", request=request)
        return _send(self, request)

    httpx2.HTTPTransport.handle_request = _redirected
