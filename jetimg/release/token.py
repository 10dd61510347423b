"""The access token: read from ZENODO_TOKEN only, and used only in the header of requests."""

import os
import re
from typing import Any

from pydantic import SecretStr

from jetimg.common.errors import DataError

VARIABLE = "ZENODO_TOKEN"

_MASK = "***"


def read() -> SecretStr:
    """The token of the environment.

    A token with a space or a line break in it would be quoted in full by the error of the HTTP library,
    so it is refused here, without quoting it.

    Raises:
        DataError: not set, or not a token.
    """
    value = os.environ.get(VARIABLE, "").strip()
    if not value:
        raise DataError(
            f"{VARIABLE} is not set: make a token with deposit:write at Zenodo's account settings, export it"
        )
    if not re.fullmatch(r"[\x21-\x7e]{8,}", value):
        raise DataError(
            f"{VARIABLE} is not a token: it is shorter than 8 characters, or has spaces or line breaks in it"
        )
    return SecretStr(value)


def masked(text: str, token: SecretStr) -> str:
    """A text without the token, for what a server may echo."""
    return text.replace(token.get_secret_value(), _MASK)


def masked_json(content: Any, token: SecretStr) -> Any:
    """JSON without the token in any text, key or value: what is stored of an answer must not hold it."""
    if isinstance(content, str):
        return masked(content, token)
    if isinstance(content, list):
        return [masked_json(part, token) for part in content]
    if isinstance(content, dict):
        return {masked(key, token): masked_json(value, token) for key, value in content.items()}
    return content
