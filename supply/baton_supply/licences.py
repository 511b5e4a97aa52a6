"""
The licence of every package, as its own metadata says, judged by the policy, and the page of the reference about it.

    python -m baton_supply.licences            write docs/reference/licences.md
    python -m baton_supply.licences --check    say whether it differs, and exit with 1 if it does
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from license_expression import ExpressionError, Licensing, get_spdx_licensing

from baton_supply import locks
from baton_supply.locks import Pin
from baton_supply.policy import Policy, load
from baton_supply.tree import ROOT

PAGE = ROOT / "docs" / "reference" / "licences.md"
_CLASSIFIER = "License :: OSI Approved :: "
_SPDX: Licensing = get_spdx_licensing()
_HEAD = """\
# Licences

Made by `make generate` from the locks and from what each package says in its metadata; `make check` compares.
[What may be in Baton](../supply-chain.md#licences) is decided in `supply/policy.toml`. Baton itself is Apache-2.0.
"""


class LicenceError(ValueError):
    """A package's licence is not known or not allowed: it names the package, and what to do."""


@dataclass(frozen=True, slots=True)
class Licence:
    """
    One package's licence.

    Attributes:
        pin: The package.
        expression: Its licence, as an SPDX expression.
        shipped: Whether the package is in the image.
        reason: Why a weak copyleft is all right in the image; empty elsewhere.
    """

    pin: Pin
    expression: str
    shipped: bool
    reason: str = ""


def judged(policy: Policy) -> tuple[Licence, ...]:
    """
    Find the licence of every package of the image, of development and of the extras, in the order of the lock.

    Raises:
        LicenceError: If one is unknown or not allowed, or an exception of the policy serves no package.
    """
    shipped = {pin.name: pin for pin in locks.read(locks.IMAGE)}
    others = [pin for pin in locks.read(locks.EVERYTHING) if pin.name not in shipped]
    found = tuple(
        judge(pin, expression_of(pin, policy), policy, shipped=pin.name in shipped)
        for pin in (*shipped.values(), *others)
    )
    idle = policy.exceptions.keys() - {each.pin.name for each in found if each.reason}
    if idle:
        raise LicenceError(f"{', '.join(sorted(idle))}: needs no exception any more: remove it from supply/policy.toml")
    return found


def judge(pin: Pin, expression: str, policy: Policy, *, shipped: bool) -> Licence:
    """
    Judge one package: permissive anywhere, a weak copyleft outside of the image or with a reason.

    Raises:
        LicenceError: If it may not be there.
    """
    if _met(_SPDX.parse(expression), policy.permissive):
        return Licence(pin, expression, shipped)
    reason = policy.exceptions.get(pin.name, "")
    if (reason or not shipped) and _met(_SPDX.parse(expression), policy.permissive | policy.weak):
        return Licence(pin, expression, shipped, reason)
    where = "the image" if shipped else "development"
    raise LicenceError(f"{pin.name} {pin.version} is under {expression}, which supply/policy.toml refuses in {where}")


def expression_of(pin: Pin, policy: Policy) -> str:
    """
    Read a package's licence: from the policy if that states it, otherwise from the installed package's metadata.

    Returns:
        An SPDX expression that parses.

    Raises:
        LicenceError: If the package is not installed at the lock's version, or does not say its licence clearly.
    """
    if pin.name in policy.stated:
        return _normal(policy.stated[pin.name]) or _unclear(pin, policy.stated[pin.name])
    try:
        said = metadata.metadata(pin.name).json
    except metadata.PackageNotFoundError as error:
        raise LicenceError(
            f"{pin.name} {pin.version} is not installed here: state its licence in supply/policy.toml"
        ) from error
    if said["version"] != pin.version:
        raise LicenceError(f"{pin.name} {said['version']} is installed, the lock says {pin.version}: run `make check`")
    words = [str(said[key]) for key in ("license_expression", "license") if key in said]
    words += [each.removeprefix(_CLASSIFIER) for each in said.get("classifier", []) if each.startswith(_CLASSIFIER)]
    known = filter(None, (_normal(policy.spelled.get(each, each)) for each in words))
    return next(known, None) or _unclear(pin, "; ".join(words))


def _normal(words: str) -> str | None:
    """Write an SPDX expression as SPDX does, or tell that it is none."""
    try:
        return str(_SPDX.parse(words, validate=True, strict=True))
    except ExpressionError:
        return None


def _unclear(pin: Pin, words: str) -> str:
    raise LicenceError(f"{pin.name} {pin.version} says {words!r} of its licence: state it in supply/policy.toml")


def _met(expression: object, allowed: frozenset[str]) -> bool:
    """Tell whether one may choose allowed licences only: all of an AND, any of an OR."""
    if isinstance(expression, _SPDX.AND):
        return all(_met(each, allowed) for each in expression.args)
    if isinstance(expression, _SPDX.OR):
        return any(_met(each, allowed) for each in expression.args)
    return str(expression) in allowed


def page(found: Iterable[Licence]) -> str:
    """Write the page of the reference."""
    found = tuple(found)
    shipped, others = ([each for each in found if each.shipped is is_shipped] for is_shipped in (True, False))
    return "\n".join(
        [
            _HEAD,
            "## In the image\n",
            *_table(shipped),
            "Under a weak copyleft, and why that is all right:\n",
            *(f"- {each.pin.name}: {each.reason}." for each in shipped if each.reason),
            "",
            "## Elsewhere\n",
            "For development, and for the extras `local`, `kubeconfig` and `conformance`: never in the image.\n",
            *_table(others),
        ]
    )


def _table(found: Iterable[Licence]) -> Iterator[str]:
    yield "| package | version | licence |\n|---|---|---|"
    yield from (f"| {each.pin.name} | {each.pin.version} | {each.expression} |" for each in found)
    yield ""


def main(arguments: list[str] | None = None) -> int:
    """Run the script; the result is its exit code."""
    parser = argparse.ArgumentParser(description="Write the page about licences.")
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 if the page differs")
    text = page(judged(load()))
    if not parser.parse_args(arguments).check:
        PAGE.write_text(text)
        return 0
    if not PAGE.exists() or PAGE.read_text() != text:
        sys.stderr.write(f"{PAGE.relative_to(ROOT)} differs from its sources: run `make generate`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
