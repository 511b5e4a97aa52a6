"""The three steps of a request: each is a Run, and each but the first names the one before as its parent."""

from typing import Any

from baton_operator.tasks import TaskContext, task


class NoRequestError(LookupError):
    """There is nothing to correct or approve; the text says what to do."""


@task("approvals.request", timeout=60)
def request(item: str, amount: int, context: TaskContext) -> dict[str, Any]:
    """Make a request."""
    model = context.get_model("approvals.PurchaseRequest")
    context.session.add(model(item=item, amount=amount, state="requested"))
    context.log(f"{item} for {amount} is requested")
    return {"item": item, "amount": amount}


@task("approvals.correct", timeout=60)
def correct(amount: int, context: TaskContext) -> dict[str, Any]:
    """Add a step with another amount; the row before stays as it was."""
    model = context.get_model("approvals.PurchaseRequest")
    last = _last(context)
    context.session.add(model(item=last.item, amount=amount, currency=last.currency, state="corrected"))
    context.log(f"{last.item}: {last.amount} becomes {amount}")
    return {"item": last.item, "before": last.amount, "amount": amount}


@task("approvals.approve", timeout=60)
def approve(by: str, limit: int, context: TaskContext) -> dict[str, Any]:
    """
    Add the approving step.

    Raises:
        ValueError: The amount is above the limit: the Run fails, and no row is left of it.
    """
    model = context.get_model("approvals.PurchaseRequest")
    last = _last(context)
    step = model(item=last.item, amount=last.amount, currency=last.currency, state="approved", decided_by=by)
    context.session.add(step)
    if last.amount > limit:
        raise ValueError(f"{last.item} costs {last.amount} {last.currency}, {by} may approve {limit}: correct it first")
    context.log(f"{last.item} for {last.amount} is approved by {by}")
    return {"item": last.item, "amount": last.amount, "by": by}


def _last(context: TaskContext) -> Any:
    """Read the step that this run continues: that of its parent, or of the one before where the parent left none."""
    model = context.get_model("approvals.PurchaseRequest")
    last = context.session.scalar(model.previous_version(context.run_id))
    if last is None:
        raise NoRequestError("no request to continue: name the Run before by spec.parentRunRef")
    return last
