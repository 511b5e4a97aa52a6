"""
A job: where it is, what it declares, and what is sent to it.

Measured on 2.568.2: a job takes a form only, and of its fields only *declared* parameters are kept; others vanish in
silence, one that is given twice is 500. ``delay`` is taken as the quiet period (a bare ``60`` are milliseconds), also
where a parameter has that name. A branch ``feature/x`` of a multibranch project is a job named ``feature%2Fx``, which
is encoded once more in the address.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from baton_operator.engines.base import Problem, SubmitRequest

#: The parameters by which Baton knows its builds; the first must be declared for the guarantee to hold.
TOKEN = "BATON_TOKEN"  # noqa: S105 - a parameter's name
FINGERPRINT = "BATON_FINGERPRINT"
TRACE_PARENT = "BATON_TRACEPARENT"

_RESERVED = frozenset({TOKEN, FINGERPRINT, TRACE_PARENT, "delay"})
_SHOWN = frozenset({"StringParameterDefinition", "TextParameterDefinition"})
_TOKEN = re.compile(r"[a-z0-9]([-a-z0-9]{0,43}[a-z0-9])?")


class Declared(msgspec.Struct, frozen=True):
    """A declared parameter."""

    name: str = ""
    type: str = ""


class Property(msgspec.Struct, frozen=True, rename="camel"):
    """One of a job's properties; one of them declares its parameters."""

    parameter_definitions: list[Declared] | None = None


Properties = Sequence[Property | None] | None
#: Of a job, in a request's ``tree``.
DECLARED_FIELDS = "property[parameterDefinitions[name,type]]"
JOB_FIELDS = f"buildable,disabled,{DECLARED_FIELDS}"


def declared(properties: Properties) -> dict[str, str]:
    """Return the types of the declared parameters, by name."""
    return {
        parameter.name: parameter.type
        for each in properties or ()
        if each is not None
        for parameter in each.parameter_definitions or ()
    }


def declares_token(properties: Properties) -> bool:
    """Whether builds show the token: it is declared, as a text and not as a password."""
    return declared(properties).get(TOKEN) in _SHOWN


class Job(msgspec.Struct, frozen=True):
    """What is found at a job's address; a folder is neither buildable nor not."""

    kind: str = msgspec.field(name="_class")
    buildable: bool | None = None
    disabled: bool | None = None
    property: list[Property | None] | None = None

    def problems(self, name: str, arguments: Sequence[str]) -> Sequence[Problem]:
        """Compare with what *arguments* a target gives, and with what Baton needs."""
        if self.buildable is None:
            kind = self.kind.rpartition(".")[2]
            return [Problem("TargetNotFound", f"{name} is no job but a {kind}: name a job in target.jenkins.job")]
        given = declared(self.property)
        found = [
            Problem("InvalidArguments", f"arguments.{each} is not declared by {name}: remove it or declare it")
            for each in arguments
            if each not in given and each not in _RESERVED
        ]
        found += [Problem("InvalidArguments", why) for each in arguments if (why := _reserved(each))]
        if self.disabled or not self.buildable:
            found.append(Problem("TargetNotFound", f"{name} is disabled in Jenkins: enable it"))
        if not given:
            message = f"{name} declares no parameters, so Jenkins refuses a build with any: declare {TOKEN}"
            found.append(Problem("MissingTokenParameter", message))
        elif not declares_token(self.property):
            message = (
                f"{name} does not declare the string parameter {TOKEN}: a build whose submit got no answer cannot "
                f"be found again, and of Runs with equal arguments one waits for the other; declare it"
            )
            found.append(Problem("MissingTokenParameter", message, blocking=False))
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a job is.

    Attributes:
        names: From the root to the job, as Jenkins has them.
    """

    names: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """As Jenkins writes it: ``team/nightly``."""
        return "/".join(self.names)

    @property
    def path(self) -> str:
        """Below Jenkins' address; each name is encoded once."""
        return "".join(f"/job/{quote(name, safe='')}" for name in self.names)


def place_of(target: Mapping[str, Any]) -> Place | None:
    """Return where a target's job is; None if it names none that can be."""
    names = target.get("job")
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        return None
    encoded = tuple(name.replace("/", "%2F") for name in names)
    return None if any(name.strip() in {"", ".", ".."} for name in encoded) else Place(encoded)


def refusal(request: SubmitRequest) -> str | None:
    """Say why *request* cannot be sent at all, or None if it can."""
    if not _TOKEN.fullmatch(request.token):
        return f"the token {request.token!r} is no token of Baton's"
    if place_of(request.target) is None:
        return "target.jenkins.job needs the names from the root to the job, none of them empty"
    for name in request.arguments:
        if why := _reserved(name):
            return why
    try:
        for name, value in form(request).items():
            f"{name}{value}".encode()
    except (ValueError, TypeError, RecursionError) as error:
        return f"arguments cannot be written as a form: {error}"
    return None


def _reserved(name: str) -> str | None:
    if name == "delay":
        return "arguments.delay is taken by Jenkins as the quiet period: rename the parameter"
    if name in _RESERVED:
        return f"arguments.{name} is Baton's own: remove it"
    return None if name else "arguments: a parameter without a name"


def form(request: SubmitRequest) -> dict[str, str]:
    """Return the fields of a submit; what the job does not declare, Jenkins leaves out."""
    fields = {name: text_of(value) for name, value in request.arguments.items()}
    fields |= {TOKEN: request.token, FINGERPRINT: request.fingerprint}
    return fields | {TRACE_PARENT: request.traceparent} if request.traceparent else fields


def text_of(value: Any) -> str:
    """Write an argument as Jenkins' parameters are: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def is_marked(recorded: Mapping[str, Any], request: SubmitRequest) -> bool:
    """
    Whether a build or an item that has the token also was made from *request*.

    By the fingerprint where the job declares it, else by the arguments that it declares and shows (a password is not
    shown; white space around a value may have been trimmed).
    """
    if recorded.get(FINGERPRINT) is not None:
        return bool(recorded[FINGERPRINT] == request.fingerprint)
    return all(
        _plain(text_of(recorded[name])) == _plain(text_of(value))
        for name, value in request.arguments.items()
        if recorded.get(name) is not None
    )


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
