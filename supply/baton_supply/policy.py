"""What people decided: `supply/policy.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POLICY = Path(__file__).parents[1] / "policy.toml"


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What may be in Baton.

    Attributes:
        permissive: Licences, by SPDX identifier, that any package may have.
        weak: Those that a package of the image may have only by name; packages outside of the image may, too.
        exceptions: The packages of the image that may have a weak copyleft, each with its reason.
        spelled: What older metadata says, and the SPDX expression for it.
        stated: The licence of packages whose metadata does not say it.
        ignored: Vulnerabilities, by identifier, that do not concern Baton, each with its reason.
    """

    permissive: frozenset[str]
    weak: frozenset[str]
    exceptions: Mapping[str, str] = field(default_factory=dict)
    spelled: Mapping[str, str] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)


def load(path: Path = POLICY) -> Policy:
    """
    Read the policy.

    Raises:
        KeyError: If a table of licences is not there.
    """
    text: dict[str, Any] = tomllib.loads(path.read_text())
    licences = text["licences"]
    return Policy(
        permissive=frozenset(licences["permissive"]),
        weak=frozenset(licences["weak-copyleft"]),
        exceptions=licences["in-the-image"],
        spelled=licences["spelled"],
        stated=licences["stated"],
        ignored=text.get("vulnerabilities", {}).get("ignored", {}),
    )
