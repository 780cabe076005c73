r"""Patterns of XML Schema: conversion to Python, an example of each, and matching in bounded time.

XML Schema has its own syntax of patterns: `^` and `$` are characters, `.` is anything except a line end,
`\s` is four characters of white space. A pattern is parsed into a small tree. From the tree come the
equivalent expression of Python's `re`, and a text that matches. A pattern with nested repetition could take
`re` exponential time; such a pattern is matched with a state machine instead, in linear time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

Matches = Callable[[str], bool]

_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_CLASSES: Final = {"d": r"\d", "D": r"\D", "s": r" \t\r\n", "w": r"\w"}
_SINGLE: Final = frozenset("\\|.?*+(){}[]-^$/,:;'\"#&<>=@!%_~` ")
_MANY: Final = 1 << 30
_MOST_STATES: Final = 20_000


class UnsupportedPattern(ValueError):
    """The pattern uses a construct that ISO 20022 patterns do not."""


@dataclass(frozen=True, slots=True)
class _Set:
    """One character of a set, in the syntax of `re`; `sample` is one of them."""

    expression: str
    sample: str


@dataclass(frozen=True, slots=True)
class _Repeat:
    node: "_Node"
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class _Row:
    nodes: tuple["_Node", ...]


@dataclass(frozen=True, slots=True)
class _Either:
    nodes: tuple["_Node", ...]


_Node = _Set | _Repeat | _Row | _Either


@cache
def matcher(pattern: str) -> Matches:
    """Get a function that tells whether a whole text matches. Raises UnsupportedPattern."""
    node = _parsed(pattern)
    if _repeats_repetition(node):
        return _StateMatcher(node)
    exactly = re.compile(_expression(node)).fullmatch
    return lambda text: exactly(text) is not None


@cache
def expression(pattern: str) -> str:
    """The equivalent expression of `re` (and of ECMAScript, which JSON Schema uses)."""
    return _expression(_parsed(pattern))


@cache
def example(pattern: str) -> str:
    """A short text that matches. Raises UnsupportedPattern."""
    return _example(_parsed(pattern))


# Reading


class _Reader:
    """Parses one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def fail(self) -> UnsupportedPattern:
        return UnsupportedPattern(f"pattern {self.pattern}")

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        found = self.peek()
        if not found:
            raise self.fail()
        self.at += 1
        return found

    def alternatives(self) -> _Node:
        found = [self.row()]
        while self.peek() == "|":
            self.take()
            found.append(self.row())
        return found[0] if len(found) == 1 else _Either(tuple(found))

    def row(self) -> _Node:
        found: list[_Node] = []
        while self.peek() not in ("", "|", ")"):
            found.append(self.repeated(self.atom()))
        return found[0] if len(found) == 1 else _Row(tuple(found))

    def repeated(self, node: _Node) -> _Node:
        low, high = 1, 1
        match self.peek():
            case "?":
                low, high = 0, 1
            case "*":
                low, high = 0, _MANY
            case "+":
                low, high = 1, _MANY
            case "{":
                found = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII).match(self.pattern, self.at)
                if found is None:
                    raise self.fail()
                self.at = found.end() - 1
                low = int(found[1])
                high = int(found[3]) if found[3] else _MANY if found[2] else low
            case _:
                return node
        self.take()
        if high < low or self.peek() in ("?", "*", "+", "{"):
            raise self.fail()
        return _Repeat(node, low, high)

    def atom(self) -> _Node:
        match self.take():
            case "(":
                node = self.alternatives()
                if self.take() != ")":
                    raise self.fail()
                return node
            case "[":
                return self.characters()
            case ".":
                return _Set(r"[^\n\r]", "A")
            case "\\":
                return self.escaped()
            case character if character in "?*+{}]":
                raise self.fail()
            case character:
                return _Set(_outside(character), character)

    def escaped(self) -> _Set:
        character = self.take()
        if character in _CLASSES:
            if character == "w":
                raise self.fail()  # the two syntaxes differ on it
            return _Set(f"[{_CLASSES[character]}]", "1" if character == "d" else " ")
        character = self.single(character)
        return _Set(_outside(character), character)

    def single(self, character: str) -> str:
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character not in _SINGLE:
            raise self.fail()
        return character

    def characters(self) -> _Set:
        negated = self.peek() == "^"
        if negated:
            self.take()
        pieces: list[str] = []
        samples: list[str] = []
        while self.peek() != "]" or not pieces:
            self.piece(pieces, samples)
        self.take()
        inside = "".join(pieces)
        found = f"[^{inside}]" if negated else f"[{inside}]"
        within = re.compile(found).fullmatch
        sample = next((each for each in (*samples, *"A1ax-") if within(each)), None)
        if sample is None:
            raise self.fail()
        return _Set(found, sample)

    def piece(self, pieces: list[str], samples: list[str]) -> None:
        character = self.take()
        if character == "[":
            raise self.fail()  # a set taken from a set
        if character == "\\":
            character = self.take()
            if character in {"d", "s"}:
                pieces.append(_CLASSES[character])
                samples.append("1" if character == "d" else " ")
                return
            character = self.single(character)
        elif character == "-" and self.peek() == "[":
            raise self.fail()
        pieces.append(_inside(character))
        samples.append(character)
        if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", "[", ""):
            self.take()
            last = self.take()
            last = self.single(self.take()) if last == "\\" else last
            if last < character:
                raise self.fail()
            pieces.append(f"-{_inside(last)}")


_LINE_ENDS: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _inside(character: str) -> str:
    """A character inside the brackets of a set."""
    return _LINE_ENDS.get(character) or (f"\\{character}" if character in r"\]^-[" else character)


def _outside(character: str) -> str:
    """A character outside of brackets."""
    return _LINE_ENDS.get(character) or (f"\\{character}" if character in r"\^$.|?*+()[]{}" else character)


def _parsed(pattern: str) -> _Node:
    reader = _Reader(pattern)
    node = reader.alternatives()
    if reader.peek():
        raise reader.fail()
    return node


# Results


def _expression(node: _Node) -> str:
    match node:
        case _Set(found, _):
            return found
        case _Row(nodes):
            return "".join(map(_grouped, nodes))
        case _Either(nodes):
            return "|".join(map(_expression, nodes))
        case _Repeat(inner, low, high):
            return f"{_grouped(inner, repeated=True)}{_sign(low, high)}"


def _grouped(node: _Node, *, repeated: bool = False) -> str:
    wants = isinstance(node, _Either) or (repeated and not isinstance(node, _Set))
    return f"(?:{_expression(node)})" if wants else _expression(node)


def _sign(low: int, high: int) -> str:
    signs = {(0, 1): "?", (0, _MANY): "*", (1, _MANY): "+"}
    if (low, high) in signs:
        return signs[low, high]
    if low == high:
        return f"{{{low}}}"
    return f"{{{low},{'' if high == _MANY else high}}}"


def _example(node: _Node) -> str:
    match node:
        case _Set(_, sample):
            return sample
        case _Row(nodes):
            return "".join(map(_example, nodes))
        case _Either(nodes):
            return next((text for text in map(_example, nodes) if text), "")
        case _Repeat(inner, low, high):
            return _example(inner) * max(low, min(high, 1))


def _varies(node: _Node) -> bool:
    """Whether a part of it may occur several times, or a varying number of times."""
    match node:
        case _Repeat(inner, low, high):
            return (high > 1 and (low != high or _varies(inner))) or _varies(inner)
        case _Row(nodes) | _Either(nodes):
            return any(map(_varies, nodes))
    return False


def _repeats_repetition(node: _Node) -> bool:
    match node:
        case _Repeat(inner, _, high):
            return (high > 1 and _varies(inner)) or _repeats_repetition(inner)
        case _Row(nodes) | _Either(nodes):
            return any(map(_repeats_repetition, nodes))
    return False


class _StateMatcher:
    """Tracks all states at once (Thompson's construction): the time is text length times states."""

    def __init__(self, node: _Node) -> None:
        self._steps: list[tuple[Callable[[str], object] | None, tuple[int, ...]]] = []
        self._end = self._state(None, ())
        self._start = self._built(node, self._end)

    def __call__(self, text: str) -> bool:
        states = self._closed({self._start})
        for character in text:
            states = self._closed(
                {
                    after
                    for state in states
                    if (takes := self._steps[state][0]) is not None and takes(character)
                    for after in self._steps[state][1]
                }
            )
            if not states:
                return False
        return self._end in states

    def _state(self, takes: Callable[[str], object] | None, after: tuple[int, ...]) -> int:
        if len(self._steps) >= _MOST_STATES:
            raise UnsupportedPattern("a pattern repeats too much")
        self._steps.append((takes, after))
        return len(self._steps) - 1

    def _built(self, node: _Node, after: int) -> int:
        """The start state of `node`, with `after` as the state that follows it."""
        match node:
            case _Set(found, _):
                return self._state(re.compile(found).fullmatch, (after,))
            case _Row(nodes):
                for inner in reversed(nodes):
                    after = self._built(inner, after)
                return after
            case _Either(nodes):
                return self._state(None, tuple(self._built(inner, after) for inner in nodes))
            case _Repeat(inner, low, high):
                return self._repeated(inner, low, high, after)

    def _repeated(self, inner: _Node, low: int, high: int, after: int) -> int:
        start = after
        if high == _MANY:
            start = self._state(None, ())
            self._steps[start] = (None, (self._built(inner, start), after))
        else:
            for _ in range(high - low):
                start = self._state(None, (self._built(inner, start), after))
        for _ in range(low):
            start = self._built(inner, start)
        return start

    def _closed(self, states: set[int]) -> set[int]:
        """The states reachable without a character."""
        waiting = list(states)
        while waiting:
            takes, after = self._steps[waiting.pop()]
            if takes is None:
                new = [state for state in after if state not in states]
                states.update(new)
                waiting += new
        return states
