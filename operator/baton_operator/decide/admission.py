"""Whether a Run is taken in, and as what: its units of work, its limits, its token stems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from baton_models.errors import UncleanPayloadError
from baton_models.payload import check_payload
from baton_operator.decide.definition import Definition

MAX_ITEMS = 10_000
#: The name space of attempt tokens: the same Run gets the same tokens, whatever became of the database.
TOKEN_SPACE = UUID("b5a7b0f0-5d3c-5c6e-9d53-6f3a6b61746e")


@dataclass(frozen=True, slots=True)
class Refused:
    """A Run that is not taken in, with the closed list's reason and a message that names the field and the fix."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """
    One batch of a Run.

    Attributes:
        position: Its place in the order of batches, from 0.
        own: Whether the Run brings it itself, rather than naming one of its Automation.
    """

    name: str
    position: int
    payload: Any
    items: Sequence[Any]
    token_hex: str
    item_token_hexes: Sequence[str]
    own: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a Run that is taken in will do."""

    token_hex: str
    batches: Sequence[PlannedBatch]
    max_failures: int
    priority: int

    @property
    def items(self) -> int:
        """How many items it has."""
        return sum(len(batch.items) for batch in self.batches)


def token_stem(uid: str, batch: str = "", sequence: int | None = None) -> str:
    """Make the 32 hexadecimal digits in the tokens of one unit: UUIDv5 of the CR's uid, batch name and item number."""
    return uuid5(TOKEN_SPACE, f"{uid}\0{batch}\0{'' if sequence is None else sequence}").hex


def admit(uid: str, spec: Mapping[str, Any], definition: Definition) -> Plan | Refused:
    """Decide on a Run whose Automation is known."""
    if definition.suspend:
        return Refused("AutomationSuspended", "spec.suspend of the Automation is true: set it to false, then re-create")
    parameters = spec.get("parameters", {})
    if problem := _unclean("InvalidParameters", "spec.parameters", parameters) or _unclean(
        "InvalidParameters", "spec.correlationId", spec.get("correlationId")
    ):
        return problem
    if definition.parameters_schema and (found := definition.parameters_schema.problems("spec.parameters", parameters)):
        return Refused("InvalidParameters", "; ".join(found))
    chosen = _choose(spec.get("batches") or {}, definition)
    if isinstance(chosen, Refused):
        return chosen
    batches, own = chosen
    if problem := _check_batches(batches, definition, own=own):
        return problem
    planned = _plan(uid, batches, own=own, per=definition.per)
    units = {"Run": 1, "Batch": len(planned), "Item": sum(len(batch.items) for batch in planned)}[definition.per]
    return Plan(token_stem(uid), planned, definition.failures_allowed(units), spec.get("priority", definition.priority))


def _unclean(reason: str, path: str, value: Any) -> Refused | None:
    try:
        check_payload(value, path)
    except UncleanPayloadError as error:
        return Refused(reason, str(error))
    return None


def _choose(wanted: Mapping[str, Any], definition: Definition) -> tuple[Sequence[Mapping[str, Any]], bool] | Refused:
    """Find the batches that the Run names, or brings."""
    if "inline" in wanted:
        return wanted["inline"], True
    if "names" not in wanted:
        return definition.batches, False
    known = {batch["name"]: batch for batch in definition.batches}
    missing = [name for name in wanted["names"] if name not in known]
    if missing:
        have = ", ".join(sorted(known)[:20]) or "none"
        return Refused(
            "InvalidBatches", f"spec.batches.names: no batch {missing[0]!r} in the Automation; it has: {have}"
        )
    return [batch for batch in definition.batches if batch["name"] in set(wanted["names"])], False


def _check_batches(batches: Sequence[Mapping[str, Any]], definition: Definition, *, own: bool) -> Refused | None:
    where = "spec.batches.inline" if own else "spec.batches of the Automation"
    if sum(len(batch.get("items", ())) for batch in batches) > MAX_ITEMS:
        return Refused("TooManyItems", f"{where}: over {MAX_ITEMS} items; split them over several Runs")
    if len({batch["name"] for batch in batches}) < len(batches):
        return Refused("InvalidBatches", f"{where}: two batches have the same name")
    if definition.per != "Run" and not batches:
        return Refused("InvalidBatches", f"dispatch.per is {definition.per}, but there are no batches: add {where}")
    for number, batch in enumerate(batches):
        if problem := _check_batch(f"{where}[{number}]", batch, definition):
            return problem
    return None


def _check_batch(path: str, batch: Mapping[str, Any], definition: Definition) -> Refused | None:
    payload, items = batch.get("payload"), batch.get("items", ())
    if definition.per == "Item" and not items:
        return Refused("InvalidBatches", f"{path}.items: empty, but dispatch.per is Item: add items or leave it out")
    if problem := _unclean("InvalidBatches", f"{path}.payload", payload):
        return problem
    if definition.batch_schema and (found := definition.batch_schema.problems(f"{path}.payload", payload or {})):
        return Refused("InvalidBatches", "; ".join(found))
    for number, item in enumerate(items):
        if problem := _unclean("InvalidBatches", f"{path}.items[{number}]", item):
            return problem
        if definition.item_schema and (found := definition.item_schema.problems(f"{path}.items[{number}]", item)):
            return Refused("InvalidBatches", "; ".join(found))
    return None


def _plan(uid: str, batches: Sequence[Mapping[str, Any]], *, own: bool, per: str) -> tuple[PlannedBatch, ...]:
    if per == "Run":
        return ()
    return tuple(
        PlannedBatch(
            name=batch["name"],
            position=position,
            payload=batch.get("payload"),
            items=batch.get("items", ()),
            token_hex=token_stem(uid, batch["name"]),
            item_token_hexes=[token_stem(uid, batch["name"], number) for number in range(len(batch.get("items", ())))]
            if per == "Item"
            else (),
            own=own,
        )
        for position, batch in enumerate(batches)
    )
