"""
How Jenkins (Stapler) makes JSON and XML of its objects.

Each property has a visibility: without ``tree`` an object shows what its depth allows, so a build is whole on its own
page and a number and an address in its job's. With ``tree`` it shows what was asked for, and nothing of what it lacks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from xml.sax.saxutils import escape

#: Whatever the depth; Stapler's own idiom.
ALWAYS = 999
#: Only by ``tree``.
ON_REQUEST = -9

_WORD = re.compile(r"[^,\[\]{}]+")


@dataclass(frozen=True, slots=True)
class Property:
    """
    One property of an object.

    Attributes:
        read: Makes the value, only when it is shown.
        visibility: At depth 0 the object itself shows 1 and more, what it holds 2 and more, and so on.
        inline: Whether what it holds counts as the object itself.
    """

    read: Callable[[], Any]
    visibility: int = 1
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Bean:
    """
    An object as it is shown.

    Attributes:
        kind: Its ``_class``; None for those that have none.
        properties: By name, in their order.
    """

    kind: str | None
    properties: Mapping[str, Property] = field(default_factory=dict)


def plain_values(visibility: int = 1, /, **values: Any) -> dict[str, Property]:
    """Make properties of plain values, of one visibility."""

    def constant(value: Any) -> Property:
        return Property(lambda: value, visibility)

    return {name: constant(value) for name, value in values.items()}


def bean(kind: str | None, visibility: int = 1, /, **values: Any) -> Bean:
    """Make an object whose properties are plain values of one visibility."""
    return Bean(kind, plain_values(visibility, **values))


@dataclass(frozen=True, slots=True)
class Lazy:
    """A list of which only the range that is asked for is made."""

    source: Sequence[Any]
    make: Callable[[Any], Bean]


class Pruner(Protocol):
    """Says what is shown of an object, and of what it holds."""

    def within(self, name: str, shown: Property) -> "Pruner | None":
        """Return the pruner for a property's value; None if the property is not shown."""

    def cut(self, entries: Sequence[Any]) -> Sequence[Any]:
        """Return the range of a list that is shown."""


@dataclass(frozen=True, slots=True)
class ByDepth:
    """Without ``tree``: by the visibilities; *threshold* is 1 less the depth that was asked for."""

    threshold: int

    def within(self, name: str, shown: Property) -> "ByDepth | None":
        """Show what is visible here; what it holds must be more so."""
        if shown.visibility < self.threshold:
            return None
        return self if shown.inline else ByDepth(self.threshold + 1)

    def cut(self, entries: Sequence[Any]) -> Sequence[Any]:
        """Show all."""
        return entries


@dataclass(frozen=True, slots=True)
class ByTree:
    """With ``tree``: what it names, and of lists the range ``{from,to}``."""

    children: dict[str, "ByTree"] = field(default_factory=dict)
    first: int = 0
    end: int | None = None

    def within(self, name: str, shown: Property) -> "ByTree | None":
        """Show what is named."""
        return self.children.get(name)

    def cut(self, entries: Sequence[Any]) -> Sequence[Any]:
        """Show the range."""
        return entries[self.first : self.end]


def parse_tree(text: str) -> ByTree:
    """
    Read a ``tree`` parameter.

    Raises:
        ValueError: It is empty or unbalanced; Jenkins answers 500.
    """
    children, rest = _siblings(text)
    if rest:
        raise ValueError(f"unexpected {rest!r}")
    return ByTree(children)


def _siblings(text: str) -> tuple[dict[str, ByTree], str]:
    found: dict[str, ByTree] = {}
    while True:
        word = _WORD.match(text)
        if word is None:
            raise ValueError(f"a name was expected before {text!r}")
        text = text[word.end() :]
        children: dict[str, ByTree] = {}
        if text.startswith("["):
            children, text = _siblings(text[1:])
            if not text.startswith("]"):
                raise ValueError("expected a closing bracket")
            text = text[1:]
        first, end = 0, None
        if text.startswith("{"):
            span, closed, text = text[1:].partition("}")
            if not closed:
                raise ValueError("expected a closing brace")
            first, end = _range(span)
        found[word.group().strip()] = ByTree(children, first, end)
        if not text.startswith(","):
            return found, text
        text = text[1:]


def _range(span: str) -> tuple[int, int | None]:
    """Read ``0,200``, ``,3``, ``5,`` or ``2`` (only that one)."""
    first, comma, end = span.partition(",")
    if not comma:
        return int(first), int(first) + 1
    return int(first or 0), int(end) if end.strip() else None


def export(value: Any, pruner: Pruner) -> Any:
    """Make plain JSON of *value*."""
    if isinstance(value, Bean):
        document: dict[str, Any] = {} if value.kind is None else {"_class": value.kind}
        for name, shown in value.properties.items():
            inner = pruner.within(name, shown)
            if inner is not None:
                document[name] = export(shown.read(), inner)
        return document
    if isinstance(value, Lazy):
        return [export(value.make(entry), pruner) for entry in pruner.cut(value.source)]
    if isinstance(value, list | tuple):
        return [export(entry, pruner) for entry in pruner.cut(value)]
    return value


def to_xml(document: Mapping[str, Any]) -> str:
    """Make Stapler's XML of an object: lists repeat their name in the singular."""
    name = str(document.get("_class", "object")).rpartition(".")[2].rpartition("$")[2]
    return _element(name[:1].lower() + name[1:], document)


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name.removesuffix("s"), entry) for entry in value)
    if isinstance(value, Mapping):
        kind = f" _class='{escape(value['_class'])}'" if "_class" in value else ""
        inner = "".join(_element(key, entry) for key, entry in value.items() if key != "_class" and entry is not None)
        return f"<{name}{kind}>{inner}</{name}>"
    return f"<{name}>{escape(str(value).lower() if isinstance(value, bool) else str(value))}</{name}>"
