"""What people say of attempts that are held, typed on the command line (R12)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from baton_fakes.in_memory import Execution
from click.testing import Result
from loop_site import Site
from typer.testing import CliRunner

from baton_models import new_id
from baton_models.statements.resolve import take
from baton_operator.cli import run_resolve
from baton_operator.cli.application import application
from baton_operator.engines.base import NameGone
from baton_operator.engines.registry import AdapterRegistry

Resolve = Callable[..., Awaitable[Result]]


@pytest.fixture
async def resolve(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Resolve:
    """Types `baton runs resolve monday` beside the site's database and engine."""

    @asynccontextmanager
    async def adapters(_: object) -> AsyncIterator[AdapterRegistry]:
        yield site.first.parts.registry

    monkeypatch.setattr(run_resolve, "adapters", adapters)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BATON_DATABASE_URL", site.admin.url.set(drivername="postgresql").render_as_string(False))
    monkeypatch.setenv("LOGNAME", "ada")

    async def typed(*words: str) -> Result:
        line = ["runs", "resolve", "monday", "-n", "team-a", *words]
        return await asyncio.to_thread(CliRunner().invoke, application(), line)

    return typed


async def held(site: Site, **automation: object) -> str:
    """Bring a Run whose name was taken and then gone (R13): held at once; give its token."""
    await site.serve()
    await site.define(**automation)
    await site.start("monday")
    site.engine.script.append(NameGone("the name was taken, and then gone"))
    await site.dispatch()
    assert site.attempts() == ["HALTED"]
    return str(site.one("SELECT token FROM dispatch_attempt"))


def started(site: Site, token: str, fingerprint: str | None = None) -> str:
    """Let the engine have what the token stands for; give its id."""
    own = site.one("SELECT fingerprint FROM dispatch_attempt WHERE token = :token", token=token)
    site.engine.executions[token] = Execution(token, fingerprint or own, {})
    return site.engine.executions[token].id


async def test_without_a_choice_it_says_what_is_held_and_why(site: Site, resolve: Resolve) -> None:
    """With what each choice means, and the moment from which it may be sent again; nothing changes."""
    token = await held(site)
    shown = await resolve()
    assert shown.exit_code == 0, shown.output
    for words in ("then gone", "from ", "--adopt", "--resubmit", "--fail"):
        assert words in shown.output
    (row,) = json.loads((await resolve("-o", "json")).stdout)
    assert (row["token"], row["too_early"]) == (token, True)
    assert site.attempts() == ["HALTED"]


async def test_r12_nothing_is_sent_again_while_a_request_may_still_arrive(site: Site, resolve: Resolve) -> None:
    """The command says from when on; the statement keeps it, whoever asks."""
    await held(site)
    refused = await resolve("--resubmit")
    assert refused.exit_code == 1
    assert "may still arrive until" in refused.output
    attempt = site.one("SELECT id FROM dispatch_attempt")
    for expected in (False, True):
        async with site.first.database.get_async_session() as session:
            assert await take(session, attempt, lease=new_id(), to_send=True) is expected
        site.later(60)
    assert site.engine.submits == []


async def test_resubmit_sends_it_once_more_under_its_token(site: Site, resolve: Resolve) -> None:
    token = await held(site)
    site.later(60)
    told = await resolve("--resubmit", "--reason", "it is not there")
    assert told.exit_code == 0, told.output
    assert "it is not there (ada" in site.one("SELECT error FROM dispatch_attempt")
    await site.dispatch()
    assert site.engine.submits == [token]
    assert site.rows("SELECT state::text, sends FROM dispatch_attempt") == [("ACKED", 2)]
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}


async def test_what_is_to_be_cancelled_is_not_sent_again(site: Site, resolve: Resolve) -> None:
    """The cancel has it looked for again, and only then it is held once more."""
    await held(site)
    site.execute("UPDATE dispatch_attempt SET cancel_requested_at = now()")
    site.later(60)
    refused = await resolve("--resubmit")
    assert refused.exit_code == 1
    assert "being cancelled" in refused.output
    assert site.attempts() == ["HALTED"]


async def test_adopt_compares_before_it_believes(site: Site, resolve: Resolve) -> None:
    """Another id than the engine's own, one that is not there, one that is a foreigner's: each refused in words."""
    token = await held(site)
    nowhere = await resolve("--adopt", "memory/other")
    assert nowhere.exit_code == 3
    assert "knows no memory/other" in nowhere.output
    there = started(site, token)
    other = await resolve("--adopt", "memory/other")
    assert other.exit_code == 1
    assert f"the engine has {there} under this token" in other.output.replace("\n", " ")
    started(site, token, fingerprint="f" * 64)
    foreign = await resolve("--adopt", there)
    assert foreign.exit_code == 1
    assert "--anyway" in foreign.output
    assert site.attempts() == ["HALTED"]


async def test_adopt_follows_what_is_there_to_its_end(site: Site, resolve: Resolve) -> None:
    """With everything that carries the token; the person stands in the history."""
    token = await held(site)
    there = started(site, token)
    site.engine.duplicate(token)
    told = await resolve("--adopt", there)
    assert told.exit_code == 0, told.output
    assert f"adopted {there}" in told.output
    assert site.attempts() == ["ACKED"]
    assert site.one("SELECT count(*) FROM orchestration_instance") == 2
    actors = {row.created_by for row in site.rows("SELECT created_by FROM instance_state_history")}
    assert actors == {"ada (baton runs resolve)"}
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}


async def test_it_works_for_a_user_without_a_login(
    site: Site, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a Pod, whose user no password file knows."""
    await held(site)
    for each in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 1234567)
    told = await resolve("--fail")
    assert told.exit_code == 0, told.output
    assert site.one("SELECT error_summary FROM run").startswith("decided (user 1234567 of ")


async def test_adopt_anyway_takes_a_persons_word(site: Site, resolve: Resolve) -> None:
    """The engine has it under another name: a person started it by hand."""
    await held(site)
    site.engine.executions["by-hand"] = Execution("by-hand", "f" * 64, {})
    refused = await resolve("--adopt", "memory/by-hand")
    assert refused.exit_code == 1
    assert "does not show this token" in refused.output
    assert (await resolve("--adopt", "memory/by-hand", "--anyway")).exit_code == 0
    assert site.attempts() == ["ACKED"]
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}
    site.engine.executions.clear()


async def test_what_belongs_to_another_run_is_not_adopted(site: Site, resolve: Resolve) -> None:
    await held(site)
    await site.start("tuesday")
    await site.dispatch()
    (other,) = site.engine.executions.values()
    refused = await resolve("--adopt", other.id, "--anyway")
    assert refused.exit_code == 1
    assert "belongs to run team-a/tuesday already" in refused.output
    site.engine.end()
    await site.track()


async def test_fail_ends_the_unit_with_the_persons_words(site: Site, resolve: Resolve) -> None:
    """No retry follows: a person has decided; who, stands in the history."""
    await held(site, retry={"maxAttempts": 3})
    assert (await resolve("--fail", "--reason", "host was replaced")).exit_code == 0
    assert site.runs() == {"monday": ("FAILED", "Failed")}
    assert site.one("SELECT error_summary FROM run") == "host was replaced (ada (baton runs resolve))"
    assert site.attempts() == ["CLOSED"]
    last = "SELECT created_by FROM run_state_history ORDER BY seq DESC LIMIT 1"
    assert site.one(last) == "ada (baton runs resolve)"


async def test_of_many_it_is_said_which(site: Site, resolve: Resolve) -> None:
    """A fleet whose items are held: one by its token, or all alike."""
    await site.serve()
    await site.define(batches=[{"name": "a", "items": [{}] * 3}], dispatch={"per": "Item"})
    await site.start("monday")
    site.engine.script.extend([NameGone("gone")] * 3)
    await site.dispatch()
    refused = await resolve("--fail")
    assert (refused.exit_code, "3 attempts are held" in refused.output) == (1, True)
    token = site.one("SELECT min(token) FROM dispatch_attempt")
    assert (await resolve("--fail", "--attempt", token)).exit_code == 0
    assert sorted(site.attempts()) == ["CLOSED", "HALTED", "HALTED"]
    assert (await resolve("--fail", "--all")).exit_code == 0
    assert site.runs() == {"monday": ("FAILED", "Failed")}
    assert (await resolve("--fail")).exit_code == 3


async def test_only_one_choice_at_a_time(resolve: Resolve) -> None:
    assert (await resolve("--fail", "--resubmit")).exit_code == 2
