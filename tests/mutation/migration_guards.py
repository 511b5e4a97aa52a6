"""The guards around the chains: Baton's own, and those of extensions."""

from __future__ import annotations

from guard import Guard

FENCE = "migrations/baton_migrations/fence.py"
RUNNER = "migrations/baton_migrations/runner.py"
REVISION = "migrations/baton_migrations/revision.py"
FENCED = "tests/integration/store/test_extension_fence.py::test_"
TOUCHED = FENCED + "what_is_not_the_extensions_own_is_rolled_back_and_named"
ENDED = FENCED + "a_revision_that_ends_its_transaction_is_refused"
LEAKED = FENCED + "what_a_revision_sets_does_not_reach_the_next"
CHAINS = "tests/integration/store/test_extension_chains.py::test_"
COMMANDS = "tests/integration/cli/test_extension_commands.py::test_"
DISCOVERY = "tests/unit/migrations/test_chain_discovery.py::test_"

OLDER = "tests/integration/upgrades/test_older_schema.py::test_"
ROLLBACK = "tests/cluster/spine/test_spine_upgrade.py::test_a_rollback_"

MIGRATIONS = (
    Guard(
        "a deadlock with those who work meanwhile is tried again",
        RUNNER,
        "            if not left or error.__cause__ is None or sqlstate(error.__cause__) != _DEADLOCK:\n",
        "            if True:\n",
        (OLDER + "a_deadlock_with_the_older_release_is_tried_again",),
    ),
    Guard(
        "an older operator says that the schema is newer",
        "operator/baton_operator/app.py",
        "            if chain.is_newer:\n",
        "            if False:\n",
        (ROLLBACK + "goes_on_where_the_newer_schema_allows_it",),
    ),
    Guard(
        "an older operator refuses a schema that it must not work with",
        "migrations/baton_migrations/check.py",
        "        if self.standing is Standing.NEWER_UNREADABLE:\n",
        "        if self.standing is None:\n",
        (ROLLBACK + "is_refused_in_one_line_where_the_newer_schema_forbids_it",),
    ),
    Guard(
        "what a revision makes or drops elsewhere is seen",
        FENCE,
        "    for name in sorted({*before, *after}):\n",
        "    for name in sorted({*before} & {*after}):\n",
        (TOUCHED + "[CREATE TABLE orders (id integer)-made table orders]",),
    ),
    Guard(
        "what a revision changes elsewhere is seen",
        FENCE,
        "        elif before[name] != after[name]:\n",
        "        elif before[name] == 'never':\n",
        (TOUCHED + "[ALTER FUNCTION baton_uuid7() STABLE-changed function baton_uuid7()]",),
    ),
    Guard(
        "rows that a revision writes elsewhere are seen",
        FENCE,
        "sorted(written.items()) if count]",
        "sorted(written.items()) if count < 0]",
        (TOUCHED + "[DELETE FROM alembic_version_ab-wrote 1 rows of public.alembic_version_ab]",),
    ),
    Guard(
        "a revision cannot commit in its middle",
        FENCE,
        '    listened = (("commit", refuse), ("rollback", refuse), ("before_cursor_execute", read))\n',
        "    listened = ()\n",
        (ENDED + "[COMMIT-tried to end its transaction (COMMIT)]",),
    ),
    Guard(
        "a commit that was hidden is seen",
        FENCE,
        "    if now != before.transaction:\n",
        "    if False:\n",
        (ENDED + "[SELECT 1; COMMIT-it ended its transaction, so a part of it is kept]",),
    ),
    Guard(
        "settings do not leak from one revision to the next",
        FENCE,
        '    connection.execute(text("RESET ALL"))\n',
        "",
        (LEAKED + "[SET lock_timeout = 0]",),
    ),
    Guard(
        "a revision reads and writes the rows of its own extension",
        FENCE,
        "    connection.execute(text(declare(chain)))\n",
        "",
        (FENCED + "data_moves_in_its_own_tables_and_in_no_others",),
    ),
    Guard(
        "tables are guarded without being asked",
        FENCE,
        "    connection.execute(text(guard_tables(chain)))\n",
        "",
        (FENCED + "every_table_gets_its_guards_although_no_revision_asks_for_them",),
    ),
    Guard(
        "a failing extension does not stop the others",
        RUNNER,
        "                if not chain.is_extension or connection.invalidated:\n",
        "                if True:\n",
        (CHAINS + "a_failing_revision_in_the_second_of_three_stops_that_one_alone",),
    ),
    Guard(
        "a chain that cannot be used lets nothing start",
        "migrations/baton_migrations/check.py",
        "        if self.standing is Standing.UNUSABLE:\n            raise",
        "        if self.standing is None:\n            raise",
        (CHAINS + "nothing_may_start_while_a_chain_is_behind_or_cannot_be_used",),
    ),
    Guard(
        "the neighbours' models are not compared",
        "migrations/baton_migrations/filters.py",
        '"include_object": include_object}',
        '"include_object": lambda *_: True}',
        (DISCOVERY + "both_of_alembics_filters_follow_the_owner",),
    ),
    Guard(
        "models that cannot be imported drop no tables",
        REVISION,
        "    if chain.name in registry.broken and chain.name not in registry.empty:\n",
        "    if False:\n",
        (COMMANDS + "models_that_cannot_be_imported_do_not_drop_the_tables",),
    ),
    Guard(
        "no revision is written into an installed copy",
        REVISION,
        "    if folder is None or is_installed_copy(chain) or not",
        "    if folder is None or not",
        (COMMANDS + "a_revision_is_not_written_into_an_installed_copy",),
    ),
)
