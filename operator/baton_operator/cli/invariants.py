"""`baton check`: what must always hold, asked of a live system."""

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from baton_operator.cli.exits import FAILED
from baton_operator.cli.output import Format, FormatOption, complain, show
from baton_operator.cli.surroundings import connection, database, kubernetes, run
from baton_operator.invariants import INVARIANTS, Violation, check_invariants
from baton_operator.kube.errors import NoConnectionError


def check(
    only: Annotated[
        list[str] | None, typer.Option(help="Only this invariant, for example I3; may be repeated.")
    ] = None,
    bound: Annotated[
        float, typer.Option(min=0, help="Seconds that a loop may take to do what is due; 0 once all is at rest.")
    ] = 30.0,
    kube: Annotated[bool, typer.Option(help="Compare with the API server's Runs, too.")] = True,
    how: FormatOption = Format.TABLE,
) -> None:
    """
    Check what must always hold: nothing lost, nothing twice, history whole, status true, tenants apart.

    Reads only, in one transaction, with set-based questions. The exit code is 1 if anything is wrong; each line names
    the row and says what to do.

    [bold]Examples[/bold]

     baton check
     baton check --only I2 --only I3 -o json
    """
    known = {each.number for each in INVARIANTS}
    chosen = [each.upper() for each in only or ()]
    if unknown := set(chosen) - known:
        raise typer.BadParameter(f"{sorted(unknown)} is none of {', '.join(sorted(known))}", param_hint="--only")

    async def ask() -> list[Violation]:
        async with database() as found:
            if not kube or not _has_api_server():
                return await check_invariants(found, bound=bound, only=chosen)
            async with kubernetes() as client:
                return await check_invariants(found, client, bound=bound, only=chosen)

    found = run(ask)
    show([_document(each) for each in found], how, lambda: _report(found, chosen))
    if found:
        raise typer.Exit(FAILED)


def _has_api_server() -> bool:
    try:
        connection()
    except NoConnectionError:
        complain("no API server: custom resources are not compared with the rows (set KUBECONFIG)")
        return False
    return True


def _document(violation: Violation) -> dict[str, Any]:
    return {
        "invariant": violation.invariant,
        "subject": violation.subject,
        "found": violation.found,
        "advice": violation.advice,
    }


def _report(found: list[Violation], chosen: list[str]) -> RenderableType:
    lines: list[RenderableType] = []
    for invariant in INVARIANTS:
        if chosen and invariant.number not in chosen:
            continue
        broken = [each for each in found if each.invariant == invariant.number]
        verdict = ("ok", "green") if not broken else (f"{len(broken)} violations", "bold red")
        lines.append(Text.assemble((invariant.number, "bold"), f"  {invariant.promise}: ", verdict))
        for each in broken:
            lines.append(Text(f"    {each.subject}: {each.found}"))
            lines.append(Text(f"      → {each.advice}", style="dim"))
    return Group(*lines)
