"""
Restoring: telling one database from another, and having looked for what a restored one may have forgotten.

Nobody writes it down when a database is restored, so three things give it away: a person says so; the server or the
database is another one than it was; a custom resource says more than its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.base import new_id
from baton_models.errors import ForeignDatabaseError

#: Names the advisory lock of whoever begins a life ("baton", "life").
LOCK = 0x6261746F6E03

#: A copy of the files, a standby and a restore to a point in time keep both; a dump, pg_upgrade and a logical replica
#: do not.
_IDENTITY = text("""
SELECT s.system_identifier || '/' || d.oid
FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
""")

_LATEST = text("""
SELECT began_at, cause, actor, identity, known_until FROM database_life ORDER BY began_at DESC LIMIT 1
""")

_TAKE_TURN = text("SELECT pg_advisory_xact_lock(:key)")

#: Every row of a big table may be written.
_NO_HURRY = text("SELECT set_config('statement_timeout', '0', true)")

_FIRST = text("""
INSERT INTO database_life (id, cause, identity)
SELECT :id, 'Started', :identity WHERE NOT EXISTS (SELECT 1 FROM database_life)
""")

_OPEN = "('PENDING', 'PROCESSING', 'RETRYING')"

#: Something that has not ended may have been restored; nothing at all may have been lost.
_MAY_BE_OLD = text(f"SELECT EXISTS (SELECT 1 FROM run WHERE status IN {_OPEN}) OR NOT EXISTS (SELECT 1 FROM run)")

#: What was committed last is not earlier than anything that the database says of itself.
_BEGIN = text("""
INSERT INTO database_life (id, cause, actor, identity, began_at, known_until, epochs)
SELECT :id, :cause, left(CAST(:actor AS text), 100), :identity, clock_timestamp(),
       least(CAST(:saved_at AS timestamptz),
             greatest((SELECT max(updated_at) FROM dispatch_attempt), (SELECT max(updated_at) FROM run),
                      (SELECT max(probed_at) FROM engine_health))),
       (SELECT coalesce(jsonb_object_agg(engine_id, restart_epoch) FILTER (WHERE restart_epoch IS NOT NULL), '{}')
        FROM engine_health)
RETURNING began_at, known_until
""")

#: What Embedded did was kept in this database, and was undone with it.
_OUTSIDE = "EXISTS (SELECT 1 FROM engine e WHERE e.id = {table}.engine_id AND e.type <> 'Embedded')"

#: What an earlier restore made doubtful, and nobody has cleared up, is as old as it was.
_DOUBT_RUNS = text(f"""
UPDATE run r SET restored_at = :began_at, restored_from = least(r.restored_from, :known_until),
       doubts = CASE WHEN r.per = 'Run' THEN 1 ELSE r.max_parallel END, project_at = clock_timestamp()
WHERE r.status IN {_OPEN} AND {_OUTSIDE.format(table="r")}
""")

#: What is to be sent may have been sent, and what was sent once may have been sent again; what a person is to decide
#: may have been decided. What an engine has taken is followed as ever.
_DOUBT_ATTEMPTS = text(f"""
UPDATE dispatch_attempt d SET state = 'AMBIGUOUS', due_at = clock_timestamp(), absences = 0, last_look_at = NULL,
       lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp(),
       engine_epoch = CASE WHEN d.first_sent_at IS NULL THEN l.epochs ->> CAST(d.engine_id AS text)
                           ELSE d.engine_epoch END,
       first_sent_at = coalesce(d.first_sent_at, r.restored_from)
FROM run r, database_life l
WHERE r.id = d.run_id AND l.began_at = :began_at AND r.restored_at = l.began_at
  AND d.state IN ('INTENT', 'SENT', 'AMBIGUOUS', 'HALTED') AND {_OUTSIDE.format(table="d")}
""")

_SURVEY = text(f"""
SELECT e.tenant_id || '/' || e.name AS engine, e.type, count(DISTINCT d.run_id) AS runs,
       count(*) FILTER (WHERE d.state IN ('INTENT', 'SENT', 'AMBIGUOUS', 'HALTED') AND e.type <> 'Embedded')
         AS looked_for,
       count(*) FILTER (WHERE d.state IN ('ENQUEUED', 'ACKED')) AS followed,
       count(*) FILTER (WHERE d.state IN ('INTENT', 'SENT', 'AMBIGUOUS', 'HALTED') AND e.type = 'Embedded') AS as_before
FROM dispatch_attempt d JOIN engine e ON e.id = d.engine_id JOIN run r ON r.id = d.run_id
WHERE r.status IN {_OPEN} AND d.state NOT IN ('CLOSED', 'REJECTED')
GROUP BY e.id ORDER BY 1
""")

_AT_WORK = text("""
SELECT application_name FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (application_name LIKE 'baton-operator%' OR application_name LIKE 'baton-worker%')
ORDER BY 1
""")

_SAYS = """
SELECT * FROM unnest(CAST(:uids AS text[]), CAST(:submitted AS boolean[]), CAST(:completed AS boolean[]))
  AS says(uid, submitted, completed)
"""
_NEVER_SENT = """NOT EXISTS (SELECT 1 FROM dispatch_attempt d WHERE d.run_id = r.id
                   AND (d.sends > 0 OR d.orchestration_instance_id IS NOT NULL))"""

#: A status is written from rows that are committed, so it never says more than they do, unless they were lost. A Run
#: without a row that says Completed was refused.
_CONTRADICTED = text(f"""
WITH says AS ({_SAYS})
SELECT s.uid FROM says s LEFT JOIN run r ON r.uid = s.uid
WHERE CASE WHEN r.id IS NULL THEN s.submitted AND NOT s.completed
           WHEN r.status NOT IN {_OPEN} OR r.submitted_before THEN false
           ELSE s.completed OR s.submitted AND {_NEVER_SENT} END
""")

#: A run that goes whole was sent, and nobody knows how often: its absence is no evidence.
_KNOW_RUNS = text(f"""
WITH says AS ({_SAYS})
UPDATE run r SET submitted_before = true FROM says s
WHERE r.uid = s.uid AND s.submitted AND r.per = 'Run' AND r.status IN {_OPEN} AND NOT r.submitted_before
  AND {_NEVER_SENT}
RETURNING r.id
""")
_KNOW_ATTEMPTS = text("""
UPDATE dispatch_attempt d SET state = 'AMBIGUOUS', sends = 2, first_sent_at = clock_timestamp(),
       evidence_until = clock_timestamp(), due_at = clock_timestamp(), lease_token = NULL, lease_until = NULL,
       updated_at = clock_timestamp()
WHERE d.run_id = ANY(CAST(:runs AS uuid[])) AND d.state IN ('INTENT', 'AMBIGUOUS') AND d.sends = 0
""")


@dataclass(frozen=True, slots=True)
class Says:
    """
    What the custom resource of a Run says.

    Attributes:
        at: When it came to say so.
    """

    uid: str
    submitted: bool
    completed: bool
    at: datetime


async def identity(session: AsyncSession) -> str | None:
    """Say which server and database this is; None where the server does not tell us. Ends no transaction."""
    try:
        async with session.begin_nested():
            found: str | None = await session.scalar(_IDENTITY)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege | psycopg.errors.UndefinedFunction):
            return None
        raise
    return found


async def latest(session: AsyncSession) -> Any:
    """Read the life that lasts; None before the first start."""
    return (await session.execute(_LATEST)).one_or_none()


async def start(session: AsyncSession) -> None:
    """
    Begin the first life, if there was none; make sure that this is the database whose life lasts.

    Raises:
        ForeignDatabaseError: It is a copy.
    """
    here = await identity(session)
    life = await latest(session)
    if life is None:
        await session.execute(_TAKE_TURN, {"key": LOCK})
        await session.execute(_FIRST, {"id": new_id(), "identity": here})
    elif life.identity is not None and here is not None and life.identity != here:
        raise ForeignDatabaseError(
            f"this database is a copy of another one ({life.identity}, this is {here}): if it takes its place, stop "
            "whoever works on the other one and run `baton database restored`; if not, it is not ours to work on"
        )


async def survey(session: AsyncSession) -> list[dict[str, Any]]:
    """Count by engine what a restore would have looked for, what is followed, and what goes on as before."""
    return [dict(row) for row in (await session.execute(_SURVEY)).mappings()]


async def at_work(session: AsyncSession) -> Sequence[str]:
    """Name the operators and workers that are connected."""
    return list((await session.execute(_AT_WORK)).scalars())


async def restore(
    session: AsyncSession, *, cause: str, actor: str | None = None, saved_at: datetime | None = None
) -> datetime:
    """
    Begin a new life: whatever may have been sent since the database was saved is looked for before it is sent.

    Nobody may have worked on the database since it was restored: what it knows last, and what it knew of the engines,
    is read from it. Whoever worked on it before must have ended.

    Args:
        cause: ``Restored`` or ``Contradicted``.
        actor: Who says so.
        saved_at: The moment that the database was restored to, if somebody knows: it counts if it is earlier.

    Returns:
        When it began.
    """
    await session.execute(_NO_HURRY)
    await session.execute(_TAKE_TURN, {"key": LOCK})
    here = await identity(session)
    values = {"id": new_id(), "cause": cause, "actor": actor, "identity": here, "saved_at": saved_at}
    life = (await session.execute(_BEGIN, values)).one()
    await session.execute(_DOUBT_RUNS, {"began_at": life.began_at, "known_until": life.known_until})
    await session.execute(_DOUBT_ATTEMPTS, {"began_at": life.began_at})
    began: datetime = life.began_at
    return began


async def may_be_old(session: AsyncSession) -> bool:
    """Say whether custom resources may say more than the rows: of runs that have not ended, or that are all lost."""
    return bool(await session.scalar(_MAY_BE_OLD))


async def believe(session: AsyncSession, says: Sequence[Says]) -> Sequence[str]:
    """
    Compare what custom resources say with the rows, and begin a new life where they say more.

    A restore that is known, and is later than what they say, explains it. To be asked before anybody works on the
    database.

    Args:
        says: What some of those say that say anything.

    Returns:
        The uids of those that say more than their rows.
    """
    await session.execute(_TAKE_TURN, {"key": LOCK})
    columns = {
        "uids": [each.uid for each in says],
        "submitted": [each.submitted for each in says],
        "completed": [each.completed for each in says],
    }
    found = set((await session.execute(_CONTRADICTED, columns)).scalars())
    if not found:
        return ()
    life = await latest(session)
    told_at = max(each.at for each in says if each.uid in found)
    if life is None or life.cause == "Started" or life.began_at < told_at:
        await restore(session, cause="Contradicted")
    known = list((await session.execute(_KNOW_RUNS, columns)).scalars())
    await session.execute(_KNOW_ATTEMPTS, {"runs": known})
    return sorted(found)
