"""An Automation of any engine is told of hooks and data models that are not installed, before a Run calls them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from loop_site import Site, turn

from baton_operator.engines.base import Problem
from baton_operator.loops import probe
from baton_operator.loops.probe import ProbeLoop

SPEC = {"hooks": {"onStart": {"task": "acme.seen"}, "onFinish": {"task": "acme.sen"}}, "dataModels": ["Note", "Not"]}
TOLD = "no model Not; spec.hooks.onFinish: no task acme.sen"
TARGET = "SELECT target_reason, target_message FROM automation"


class Installed:
    """Knows one task and one data model."""

    async def problem(self, task: str, arguments: Sequence[str] | None) -> Problem | None:
        """Ask for a task; what a hook would be given is its own to take."""
        assert arguments is None
        return None if task == "acme.seen" else Problem("TargetNotFound", f"no task {task}")

    async def missing_model(self, models: Sequence[str]) -> Problem | None:
        """Ask for data models."""
        lacking = [each for each in models if each != "Note"]
        return Problem("TargetNotFound", f"no model {lacking[0]}") if lacking else None


class Silent(Installed):
    """Takes for ever."""

    async def missing_model(self, models: Sequence[str]) -> Problem | None:
        """Never answer."""
        await asyncio.Event().wait()
        raise AssertionError(models)


async def check(site: Site, tasks: Installed, **spec: Any) -> tuple[str, str | None]:
    """Bring an Automation, have its target checked, and give what it shows of it."""
    await site.serve()
    await site.define(**spec)
    return await check_again(site, tasks)


async def check_again(site: Site, tasks: Installed) -> tuple[str, str | None]:
    """Have the target checked now."""
    site.execute("UPDATE automation SET next_check_at = now()")
    bells = {"dispatching": site.first.dispatch.bell, "projecting": site.first.project.bell}
    await turn(ProbeLoop(site.first.parts, **bells, tasks=tasks))
    ((reason, message),) = site.rows(TARGET)
    return reason, message


async def test_hooks_and_data_models_that_are_not_installed_are_told(site: Site) -> None:
    """Runs go, so it stays ready, and the message says what they will lack."""
    assert await check(site, Installed(), **SPEC) == ("Valid", TOLD)
    await site.start("monday")
    assert site.runs() == {"monday": ("PENDING", "Queued")}


async def test_what_is_installed_is_no_news(site: Site) -> None:
    known = {"hooks": {"onStart": {"task": "acme.seen"}}, "dataModels": ["Note"]}
    assert await check(site, Installed(), **known) == ("Valid", None)


async def test_what_the_engine_says_of_its_target_comes_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether work can be found again is read from the reason, when an answer was lost."""

    async def weak(target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        assert (set(target), arguments) == ({"namespace", "workflowTemplate"}, [])
        return [Problem("MissingTokenParameter", "declare it", blocking=False)]

    monkeypatch.setattr(site.engine, "validate", weak)
    assert await check(site, Installed(), **SPEC) == ("MissingTokenParameter", f"declare it; {TOLD}")


async def test_a_slow_package_keeps_nobody_from_the_engine(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known in time is not told yet, and asked again soon; what was told stays."""
    soon = "SELECT next_check_at < now() + interval '16 s' FROM automation"
    monkeypatch.setattr(probe, "LIST_WITHIN", 0.2)
    assert await check(site, Silent(), **SPEC) == ("Valid", None)
    assert site.one(soon)
    assert await check_again(site, Installed()) == ("Valid", TOLD)
    assert not site.one(soon)
    assert await check_again(site, Silent()) == ("Valid", TOLD)
