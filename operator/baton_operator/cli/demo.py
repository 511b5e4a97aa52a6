"""`baton demo`: a whole Baton on this machine, Runs that travel, and one Run's history from PostgreSQL."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy import text

from baton_models.database import DatabaseConfig
from baton_operator.cli.demo_books import books
from baton_operator.cli.demo_display import Display, display
from baton_operator.cli.demo_extensions import are_installed, show_extensions
from baton_operator.cli.demo_script import SCRIPTS, DemoEngine, Script, miscounted, surprises, with_extensions
from baton_operator.cli.exits import FAILED, CommandError
from baton_operator.cli.output import console as answers
from baton_operator.cli.run_objects import Object, has_ended, name_of, phase_of
from baton_operator.cli.run_rows import Row, find_run, read_history, read_tree
from baton_operator.cli.run_tree import run_tree
from baton_operator.cli.runs import history_table
from baton_operator.cli.surroundings import home_folder, run

if TYPE_CHECKING:
    from baton_operator.local.api_server import ApiServer
    from baton_operator.local.stack import Stack

NAMESPACE = "default"

_RUNS = f"/apis/baton.dev/v1alpha1/namespaces/{NAMESPACE}/runs"
#: What the engine must have an execution for: all that was sent, but for what it refused.
_ACCEPTED = text("""
SELECT d.token FROM dispatch_attempt d JOIN run r ON r.id = d.run_id
WHERE r.uid = ANY(CAST(:uids AS text[])) AND d.sends > 0 AND d.state <> 'REJECTED'
""")
_POLL = 0.25
_REASON = "the demo shows how a Run is cancelled"


def demo(
    engine: Annotated[DemoEngine, typer.Option(help="Whose work is shown.")] = DemoEngine.EMBEDDED,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running, to look around.")] = False,
    home: Annotated[Path | None, typer.Option(help="The folder in which everything is kept.")] = None,
    examples: Annotated[Path | None, typer.Option(help="The folder of the examples, if not those of Baton.")] = None,
) -> None:
    """
    See Baton work on this machine: no root, no Docker, no cluster.

    Starts PostgreSQL, a Kubernetes API server and Baton, applies the examples, and shows the Runs until each has
    ended: some succeed, some fail, one is tried again, one is cancelled, some fan out. Then shows one Run's tree and
    history as PostgreSQL has them, and stops everything; the Runs are deleted, their history stays. The exit code is 0
    only if every Run ended as it should.

    [bold]Examples[/bold]

     baton demo
     baton demo --engine argo --keep
     baton demo --engine airflow
    """
    from baton_operator.local.errors import LocalError  # noqa: PLC0415 - only the extra `local` has this room
    from baton_operator.local.home import Home  # noqa: PLC0415
    from baton_operator.local.manifests import examples_folder  # noqa: PLC0415
    from baton_operator.local.stack import Stack  # noqa: PLC0415

    script, console = _script(engine), answers()
    root = examples or examples_folder()
    if not list((root / script.folder).glob("*.yaml")):
        raise CommandError(f"no examples in {root / script.folder}: name another folder, or leave out --examples")
    stack = Stack(Home.at(home or home_folder()), lambda line: console.print(f"  {escape(line)}", style="dim"))
    try:
        problems = _Demo(stack, engine, script, console).play(root, keep=keep)
    except LocalError as error:
        raise CommandError(str(error)) from None
    finally:
        if not keep:
            stack.down()
    for problem in problems:
        console.print(f"[red]unexpected:[/] {escape(problem)}")
    if problems:
        raise typer.Exit(FAILED)
    _say_good_bye(console, stack, len(script.endings), keep=keep)


def _script(engine: DemoEngine) -> Script:
    """Give the script; with Baton's own engine also what the example extensions show, if they are installed."""
    script = SCRIPTS[engine]
    return with_extensions(script) if engine is DemoEngine.EMBEDDED and are_installed() else script


def _say_good_bye(console: Console, stack: "Stack", count: int, *, keep: bool) -> None:
    console.print(f"\n[green]All {count} Runs ended as they should.[/]")
    if keep:
        console.print(f"\nEverything runs on:\n  export KUBECONFIG={stack.home.kubeconfig}")
        console.print("  kubectl get runs -o wide\n  baton runs list\n  baton check\n  baton local down")


class _Demo:
    """One showing."""

    def __init__(self, stack: "Stack", engine: DemoEngine, script: Script, console: Console) -> None:
        self._stack = stack
        self._script = script
        self._engine = engine
        self._console = console
        self._database_url = ""
        self._later: dict[str, Path] = {}

    def play(self, root: Path, *, keep: bool) -> list[str]:
        """Show the examples in *root*, and delete them unless *keep*; say what went otherwise than it should."""
        from baton_operator.local.api_server import ApiServer  # noqa: PLC0415 - only the extra `local` has this room
        from baton_operator.local.manifests import own_objects  # noqa: PLC0415

        self._title("A Baton of your own: PostgreSQL, a Kubernetes API server, the operator")
        engines = [] if self._engine is DemoEngine.EMBEDDED else [self._engine.value]
        endpoints = self._stack.up(engines, operator=True)
        self._database_url = endpoints.database_url
        server = ApiServer(endpoints.kubeconfig)
        self._remove_earlier(server)
        folder = root / self._script.folder
        self._later = {name: root / file for name, file in self._script.after.items()}
        more = [root / file for file in self._script.more]
        files = sorted(folder.glob("*.yaml"))
        self._title(f"kubectl apply -f {_from_here(folder)}/" + "".join(f" -f {_from_here(file)}" for file in more))
        later = list(self._later.values())
        server.apply(*files, *more)
        with display(self._console) as shown:
            runs = self._watch(server, shown)
        problems = surprises(self._script, runs)
        uids = [each["metadata"]["uid"] for each in runs]
        problems += run(lambda: self._tell(DatabaseConfig(self._database_url, pool_size=1), server, uids))
        if not (keep or problems):
            server.delete_objects(own_objects([*files, *more, *later]))  # so that `baton local up` shows Runs travel
        return problems

    def _title(self, text: str) -> None:
        self._console.print(f"\n[bold]{escape(text)}[/]")

    def _remove_earlier(self, server: "ApiServer") -> None:
        """Take away the Runs of an earlier showing; their history stays in the database."""
        ours = [each for each in self._list(server) if name_of(each) in self._script.endings]
        for name in [name_of(each) for each in ours if not has_ended(each)]:
            self._end(server, name)  # what an interrupted showing began would go on, by the policy Orphan
        if ours:
            server.kubectl("delete", "runs", "--namespace", NAMESPACE, *map(name_of, ours))

    def _list(self, server: "ApiServer") -> list[Object]:
        runs: list[Object] = server.request("GET", _RUNS)["items"]
        return runs

    def _watch(self, server: "ApiServer", shown: Display) -> list[Object]:
        """Show the Runs until all have ended, or patience has."""
        asked = False
        runs: list[Object] = []
        for runs in self._seen(server):
            shown.show(runs)
            if all(map(has_ended, runs)) and len(runs) == len(self._script.endings):
                break
            asked = asked or self._cancel(server, runs)
            self._go_on(server, runs)
            self._revive(server)
        return runs

    def _go_on(self, server: "ApiServer", runs: list[Object]) -> None:
        """Apply what follows the Runs that have ended."""
        for name in [name_of(each) for each in runs if has_ended(each)]:
            if file := self._later.pop(name, None):
                server.apply(file)

    def _revive(self, server: "ApiServer") -> None:
        """Start the operator again where somebody killed it, to see what happens then."""
        from baton_operator.local.baton import Operator  # noqa: PLC0415 - only the extra `local` has this room
        from baton_operator.local.errors import LocalError  # noqa: PLC0415

        operator = Operator(self._stack.home, server, self._database_url)
        if operator.process.identity() is not None:
            return
        self._console.print("  the operator is gone: starting it again", style="dim")
        with suppress(LocalError):  # killed once more; the next round sees it
            operator.up()

    def _seen(self, server: "ApiServer") -> Iterator[list[Object]]:
        end = time.monotonic() + self._script.patience
        while time.monotonic() < end:
            yield [each for each in self._list(server) if name_of(each) in self._script.endings]
            time.sleep(_POLL)

    def _cancel(self, server: "ApiServer", runs: list[Object]) -> bool:
        """Cancel the Run that is there for it, once it runs."""
        running = [each for each in runs if name_of(each) == self._script.cancelled and phase_of(each) == "Running"]
        if running:
            self._end(server, self._script.cancelled)
        return bool(running)

    def _end(self, server: "ApiServer", name: str) -> None:
        server.request("PATCH", f"{_RUNS}/{name}", {"spec": {"state": "Cancelled", "reason": _REASON}})

    async def _tell(self, database: DatabaseConfig, server: "ApiServer", uids: list[str]) -> list[str]:
        """Show what the database knows of one Run; compare the engine's own books with it."""
        try:
            async with database.get_async_session() as session:
                found = await find_run(session, NAMESPACE, self._script.told)
                tree = await read_tree(session, found)
                changes: list[Row] = await read_history(session, found["id"])
                tokens = (await session.execute(_ACCEPTED, {"uids": uids})).scalars().all()
                self._title(f"baton runs get {self._script.told}")
                self._console.print(run_tree(tree, most=None))
                self._title(f"baton runs history {self._script.told}   (PostgreSQL keeps it when the Run is gone)")
                self._console.print(history_table(changes))
                if self._script.after:
                    await show_extensions(session, self._console, uids)
        finally:
            await database.dispose_async_engine()
        return self._compare(server, uids, tokens)

    def _compare(self, server: "ApiServer", uids: list[str], tokens: Sequence[str]) -> list[str]:
        """Compare the engine's executions of these Runs with the attempts: one for each, and none besides."""
        found = books(self._engine, self._stack, server, uids)
        if found is None:
            return []
        problems = miscounted(tokens, found.names, found.kind)
        if not problems:
            counts = f"{len(found.names)} {found.kind}s for {len(tokens)} attempts"
            self._console.print(f"\n{found.engine} has {counts}, exactly one for each.")
        return problems


def _from_here(folder: Path) -> Path:
    """Name *folder* as people would who are where we are."""
    here = Path.cwd()
    return folder.absolute().relative_to(here) if folder.absolute().is_relative_to(here) else folder
