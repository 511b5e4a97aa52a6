"""Licences: what packages say of theirs, and which ones the policy allows where."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from baton_supply import licences, locks, policy
from baton_supply.licences import LicenceError
from baton_supply.locks import Pin
from baton_supply.policy import Policy

PIN = Pin("thing", "1.0", None, ("a" * 64,))
POLICY = Policy(frozenset({"MIT", "Apache-2.0"}), frozenset({"MPL-2.0"}), exceptions={"excepted": "read only"})


def stated(words: str, spelled: Mapping[str, str] | None = None) -> str:
    return licences.expression_of(PIN, Policy(frozenset(), frozenset(), spelled=spelled or {}, stated={"thing": words}))


@pytest.mark.parametrize("shipped", [True, False])
@pytest.mark.parametrize("expression", ["MIT", "MIT AND Apache-2.0", "GPL-3.0-only OR MIT", "MIT AND (X-1 OR MIT)"])
def test_a_permissive_licence_is_allowed_anywhere(expression: str, shipped: bool) -> None:
    """Of alternatives one that is permissive is enough; of parts each has to be."""
    assert licences.judge(PIN, expression, POLICY, shipped=shipped).reason == ""


def test_a_weak_copyleft_is_allowed_outside_of_the_image() -> None:
    assert licences.judge(PIN, "MPL-2.0 AND MIT", POLICY, shipped=False).expression == "MPL-2.0 AND MIT"


def test_a_weak_copyleft_in_the_image_needs_a_reason() -> None:
    with pytest.raises(LicenceError, match=r"thing 1\.0 is under MPL-2\.0, which .* refuses in the image"):
        licences.judge(PIN, "MPL-2.0", POLICY, shipped=True)
    excepted = Pin("excepted", "1.0", None, PIN.hashes)
    assert licences.judge(excepted, "MPL-2.0", POLICY, shipped=True).reason == "read only"


@pytest.mark.parametrize("name", ["thing", "excepted"])
@pytest.mark.parametrize("shipped", [True, False])
@pytest.mark.parametrize("expression", ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only", "Proprietary"])
def test_a_copyleft_is_refused_everywhere(expression: str, shipped: bool, name: str) -> None:
    """A reason does not help."""
    with pytest.raises(LicenceError, match="refuses"):
        licences.judge(Pin(name, "1.0", None, PIN.hashes), expression, POLICY, shipped=shipped)


def test_no_strong_copyleft_slipped_into_the_policy() -> None:
    rules = policy.load()
    assert not {each for each in rules.permissive | rules.weak if each.startswith(("GPL", "AGPL", "SSPL", "BUSL"))}
    assert not {each for each in rules.permissive if "GPL" in each or "MPL" in each}
    assert all(reason.strip() for reason in (*rules.exceptions.values(), *rules.ignored.values()))


def test_a_stated_licence_has_to_be_spdx() -> None:
    assert stated("(apache-2.0 or MIT)") == "Apache-2.0 OR MIT"
    with pytest.raises(LicenceError, match=r"thing 1\.0 says 'BSD' of its licence: state it"):
        stated("BSD")


def test_metadata_is_read() -> None:
    """Of an installed package; another version than the lock's says nothing about it."""
    rules = policy.load()
    (pin,) = (each for each in locks.read(locks.IMAGE) if each.name == "kopf")
    assert licences.expression_of(pin, rules) == "MIT"
    with pytest.raises(LicenceError, match=r"is installed, the lock says 0\.1"):
        licences.expression_of(Pin("kopf", "0.1", None, pin.hashes), rules)
    with pytest.raises(LicenceError, match=r"thing 1\.0 is not installed here"):
        licences.expression_of(PIN, rules)


def test_every_package_is_allowed() -> None:
    """Of the image, of development and of the extras; each one once."""
    found = licences.judged(policy.load())
    names = [each.pin.name for each in found]
    both = {pin.name for lock in (locks.IMAGE, locks.EVERYTHING) for pin in locks.read(lock)}
    assert sorted(names) == sorted(both)
    assert {each.pin.name for each in found if each.reason} == policy.load().exceptions.keys()


def test_an_exception_that_nothing_needs_is_refused() -> None:
    rules = policy.load()
    more = Policy(rules.permissive, rules.weak, {**rules.exceptions, "kopf": "no longer"}, rules.spelled, rules.stated)
    with pytest.raises(LicenceError, match=r"^kopf: needs no exception any more"):
        licences.judged(more)


def test_the_page_is_what_the_locks_say() -> None:
    """`make generate` writes it."""
    assert licences.main(["--check"]) == 0
