"""A scan that writes all its hosts in one statement, and a hook that notes how it ended."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from baton_operator.tasks import TaskContext, task


@task("inventory.scan", timeout=300, on_crash="retry")
def scan(region: str, hosts: int, context: TaskContext, unreachable: bool = False) -> dict[str, Any]:
    """
    Write what is found in *region* into the inventory: new hosts, and the news of known ones.

    It only writes the database, so it may begin anew after a crash: what it wrote and how it ended are one transaction.

    Raises:
        ConnectionError: The region went away in the middle; no row of this scan is left.
    """
    host = context.get_model("inventory.Host")
    found = [
        {"name": f"{region}-{number:05}", "region": region, "kernel": f"6.{number % 9}", "run_id": context.run_id}
        for number in range(hosts)
    ]
    written = insert(host).values(found)
    news = {"kernel": written.excluded.kernel, "run_id": written.excluded.run_id, "scanned_at": func.now()}
    context.session.execute(written.on_conflict_do_update(index_elements=[host.name], set_=news))
    context.log(f"{len(found)} hosts in {region}")
    if unreachable:
        raise ConnectionError(f"{region} does not answer any more")
    return {"region": region, "hosts": len(found)}


@task("inventory.scan-ended", timeout=30)
async def scan_ended(status: str, context: TaskContext, **_: Any) -> None:
    """Note how a scan ended: a hook, called with what has changed."""
    host, log = context.get_model("inventory.Host"), context.get_model("inventory.ScanLog")
    count = await context.session.scalar(select(func.count()).select_from(host).where(host.run_id == context.run_id))
    values = {"run_id": context.run_id, "run_name": context.run_name, "status": status, "hosts": count}
    await context.session.execute(insert(log).values(values).on_conflict_do_nothing())
