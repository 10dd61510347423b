"""A reader of Delphes cards for the tests: just enough Tcl, run as Delphes' own would run it."""

import math
import re
from functools import lru_cache
from types import CodeType

import numpy as np

from detector.geometry import cells


class Card:
    """A card, run: modules in order (name -> class and parameters), and what stands outside of them."""

    def __init__(self, text: str) -> None:
        self.modules: dict[str, tuple[str, dict]] = {}
        self.outside: dict = {}
        self._run(text, self.outside)

    def __getitem__(self, name: str) -> dict:
        return self.modules[name][1]

    def _run(self, script: str, scope: dict):
        result = None
        for command in split(script, "\n;"):
            if not command.startswith("#"):
                name, *arguments = (self._word(text, scope) for text in split(command, " \t"))
                result = getattr(self, f"_{name}")(scope, *arguments)
        return result

    def _word(self, text: str, scope: dict):
        if text[0] == "{":
            return text[1:-1]
        if text[0] == "[":
            return self._run(text[1:-1], scope)
        if text[0] == "$":
            return scope[text[1:]]
        text = re.sub(r"(?<!\\)\$(\w+)", lambda match: str(scope[match[1]]), text)
        return re.sub(r"\\(.)", r"\1", text)

    def _set(self, scope, name, value):
        scope[name] = [] if value == "" else value  # `set PhiBins {}` begins a new list

    def _add(self, scope, name, *values):
        scope.setdefault(name, []).extend(values)
        assert isinstance(scope[name], list)

    def _expr(self, scope, text):
        return eval(compiled(text), {"__builtins__": {}, "acos": math.acos, "int": int}, scope)

    def _incr(self, scope, name):
        scope[name] = int(scope[name]) + 1

    def _for(self, scope, start, condition, step, body):
        self._run(start, scope)
        scope.update({name: int(value) for name, value in scope.items() if name in ("i", "k")})
        while self._expr(scope, condition):
            self._run(body, scope)
            self._run(step, scope)

    def _foreach(self, scope, name, values, body):
        for value in values.split():
            scope[name] = value
            self._run(body, scope)

    def _module(self, scope, kind, name, body):
        assert name not in self.modules, f"{name} is defined twice"
        self.modules[name] = kind, (parameters := {})
        self._run(body, parameters)


@lru_cache
def compiled(expression: str) -> CodeType:
    """An expression in Tcl as one in Python; both have the same operators here."""
    return compile(expression.replace("$", ""), "card", "eval")


@lru_cache
def split(text: str, separators: str) -> list[str]:
    """Pieces between separators outside of braces and brackets; comments are pieces of their own."""
    pieces, depth, piece, comment, escaped = [], 0, "", False, False
    for character in text:
        comment = comment or (character == "#" and not piece.strip() and "\n" in separators)
        if not comment and not escaped:
            depth += (character in "{[") - (character in "}]")
        if character == "\n" if comment else depth == 0 and character in separators and not escaped:
            pieces, piece, comment = [*pieces, piece.strip()], "", False
        else:
            piece += character
        escaped = character == "\\" and not escaped
    assert depth == 0, text
    return [piece for piece in [*pieces, piece.strip()] if piece]


def built(parameters: dict) -> cells.Cells:
    """The cells as Delphes makes them: each eta edge owns a set of phi edges, for the cells below it."""
    owned: dict[float, set[float]] = {}
    flat = parameters["EtaPhiBins"]
    for eta, phi in zip(flat[::2], flat[1::2], strict=True):
        owned.setdefault(float(eta), set()).update(phi)
    edges = sorted(owned)
    for eta in edges:
        phi = np.array(sorted(owned[eta]))
        np.testing.assert_allclose(phi, np.linspace(-np.pi, np.pi, len(phi)), atol=1e-12)
        assert (phi[0], phi[-1]) == (-np.pi, np.pi)
    return cells.Cells(np.array(edges), np.array([len(owned[eta]) - 1 for eta in edges[1:]]))
