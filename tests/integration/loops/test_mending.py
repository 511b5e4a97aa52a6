"""Runs whose status somebody has written over become due to be shown; what is right costs next to nothing."""

from __future__ import annotations

from typing import Any

from loop_site import Site, counted_statements, manifest

from baton_operator.kube.conditions import fingerprint
from baton_operator.kube.resources import RunSeen
from baton_operator.loops.mend import READS, MendLoop
from baton_operator.loops.witness import SETTLE, Witness

OURS, THEIRS = {"phase": "Succeeded"}, {"phase": "Pending"}
DUE = "SELECT count(*) FROM run WHERE shown IS NULL AND project_at <= now()"


class Scene:
    """Runs that were shown long ago, and what the watch says of them."""

    def __init__(self, site: Site, uids: list[str]) -> None:
        self.site = site
        self.uids = uids
        self._now = 0.0
        replica = site.first
        self.witness = Witness(lambda: self._now)
        self.there: dict[str, dict[str, Any]] = {}
        self.reads = 0
        bell = replica.project.bell
        self.loop = MendLoop(replica.parts, self.witness, replica.intake, read=self._read, projecting=bell)

    async def look(self, status: dict[str, Any], *, now: dict[str, Any] | None = None) -> int:
        """Have every Run seen with *status* (it is *now* another one), and looked at; count the statements."""
        for number, uid in enumerate(self.uids):
            raw = manifest("team-a", f"run-{number}", {"automationRef": {"name": "patch"}}, uid=uid)
            self.witness.saw(RunSeen.parse({"type": "MODIFIED", "object": {**raw, "status": status}}))
            self.there[f"run-{number}"] = {**raw, "status": now or status}
        self.pass_time()
        with counted_statements(self.site.first) as sent:
            await self.loop.turn()
        return len(sent)

    def pass_time(self) -> None:
        """Let every suspicion be due."""
        self._now += 60

    async def _read(self, namespace: str, name: str) -> dict[str, Any]:
        assert namespace == "team-a"
        self.reads += 1
        return self.there[name]


async def scene(site: Site, runs: int = 1) -> Scene:
    await site.serve()
    await site.define()
    uids = await site.start(*(f"run-{number}" for number in range(runs)))
    site.execute(
        "UPDATE run SET shown = :digest, project_at = NULL, projected_at = now() - interval '1 minute'",
        digest=fingerprint(OURS),
    )
    return Scene(site, uids)


async def test_a_status_that_is_not_ours_is_shown_anew(site: Site) -> None:
    made = await scene(site, runs=2)
    await made.look(THEIRS)
    assert site.one(DUE) == 2


async def test_a_status_that_another_replica_wrote_is_left_alone(site: Site) -> None:
    """One question for all of them, and none the next time."""
    made = await scene(site, runs=100)
    assert await made.look(OURS) == 1
    assert await made.look(OURS) == 0
    assert site.one(DUE) == 0


async def test_mending_many_costs_as_much_as_mending_one(site: Site) -> None:
    """The rest of what one turn does not read waits for the next."""
    made = await scene(site, runs=READS + 10)
    assert await made.look(THEIRS) == 2
    assert (site.one(DUE), made.reads) == (READS, READS)
    await made.loop.turn()
    assert (site.one(DUE), made.reads) == (READS + 10, READS + 10)


async def test_what_a_late_watch_told_is_not_believed(site: Site) -> None:
    """The Run shows what it should by now: nothing is asked of the database but what was shown."""
    made = await scene(site)
    assert await made.look(THEIRS, now=OURS) == 1
    assert (site.one(DUE), made.reads) == (0, 1)


async def test_an_object_that_another_one_has_replaced_is_left_to_its_deletion(site: Site) -> None:
    made = await scene(site)
    await made.look(THEIRS)
    site.execute("UPDATE run SET shown = :digest, project_at = NULL", digest=fingerprint(OURS))
    made.there["run-0"]["metadata"]["uid"] = "another"
    raw = manifest("team-a", "run-0", {}, uid=made.uids[0])
    made.witness.saw(RunSeen.parse({"type": "MODIFIED", "object": {**raw, "status": {"phase": "Queued"}}}))
    made.pass_time()
    await made.loop.turn()
    assert (site.one(DUE), made.reads) == (0, 2)


async def test_a_run_that_is_being_shown_is_looked_at_later(site: Site) -> None:
    """What is recorded as shown is not what is there, just then."""
    made = await scene(site)
    site.execute("UPDATE run SET project_lease = now() + interval '20 seconds'")
    await made.look(THEIRS)
    assert site.one(DUE) == 0
    site.execute("UPDATE run SET project_lease = NULL, projected_at = now()")
    await made.look(THEIRS)
    assert site.one(DUE) == 0
    site.execute(f"UPDATE run SET projected_at = now() - interval '{SETTLE + 1} seconds'")
    await made.look(THEIRS)
    assert site.one(DUE) == 1


async def test_a_run_that_was_refused_and_does_not_say_so_is_taken_in_again(site: Site) -> None:
    """It has no row, as there was no Automation of its name; if there is one now, it is admitted."""
    await site.serve()
    uid = "0b0e4a7e-0000-4000-8000-000000000001"
    await Scene(site, [uid]).look(THEIRS)
    await site.define()
    await site.first.intake.turn()
    assert site.runs() == {"run-0": ("PENDING", "Queued")}


async def test_a_refusal_is_left_to_whoever_showed_it(site: Site) -> None:
    await site.serve()
    await site.define()
    refused = {"conditions": [{"type": "Completed", "status": "True"}]}
    await Scene(site, ["0b0e4a7e-0000-4000-8000-000000000002"]).look(refused)
    await site.first.intake.turn()
    assert site.runs() == {}
