"""The fake Jenkins' tree of folders, multibranch projects and jobs."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from baton_fakes.jenkins_builds import FakeBuild

FREESTYLE = "hudson.model.FreeStyleProject"
PIPELINE = "org.jenkinsci.plugins.workflow.job.WorkflowJob"
FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
#: Seconds of archiving in a job that archives: while it does, the result is there and the build still runs.
ARCHIVING = 2.0
_PARAMETER = "hudson.model.StringParameterDefinition"


@dataclass
class Folder:
    """
    What holds other items; the root has no name.

    Attributes:
        kind: Its class; of a multibranch project the children are branches.
    """

    name: str
    kind: str = FOLDER
    parent: "Folder | None" = None
    children: "dict[str, Folder | FakeJob]" = field(default_factory=dict)

    @property
    def segments(self) -> tuple[str, ...]:
        """The names from the root."""
        return () if self.parent is None else (*self.parent.segments, self.name)

    def child(self, name: str) -> "Folder | FakeJob | None":
        """Find a child; a branch is found by its encoded name, and by its own as well, as branch-api has it."""
        if name in self.children or self.kind != MULTIBRANCH:
            return self.children.get(name)
        return self.children.get(unquote(name)) or self.children.get(encoded(name))


@dataclass
class FakeJob:
    """
    A job and its builds.

    Attributes:
        parameters: Declared names and their defaults; empty for an unparameterised job.
        concurrent: Whether two of its builds may run at once.
        quiet_period: Seconds; None for the server's.
        seconds: How long a build lasts that does not say it by ``SECS``.
        archives: Seconds for which a build goes on after its result is set.
        stubborn: Seconds for which a stopped build goes on.
        ticks: Whether its log gets a line each second.
        keep: So many of its builds are kept, and the last one that succeeded; None for all.
        next_number: Of the next build; saved at once, so a killed server skips the numbers of what it lost.
        builds: By number, oldest first.
        config: Its ``config.xml`` as it was given.
    """

    name: str
    parent: Folder
    kind: str = FREESTYLE
    parameters: Mapping[str, str] = field(default_factory=dict)
    concurrent: bool = True
    disabled: bool = False
    quiet_period: float | None = None
    seconds: float = 0.0
    archives: float = 0.0
    stubborn: float = 0.0
    ticks: bool = False
    keep: int | None = None
    next_number: int = 1
    builds: "dict[int, FakeBuild]" = field(default_factory=dict)
    running: int = 0
    deleted: bool = False
    config: str = ""

    @property
    def segments(self) -> tuple[str, ...]:
        """The names from the root."""
        return (*self.parent.segments, self.name)

    @property
    def full_name(self) -> str:
        """As Jenkins writes it: with slashes."""
        return "/".join(self.segments)

    @property
    def display_name(self) -> str:
        """As people know it: a branch's own name."""
        return unquote(self.name) if self.parent.kind == MULTIBRANCH else self.name

    @property
    def path(self) -> str:
        """The address below the server's: each segment is encoded once, a branch's name for the second time."""
        return path_of(self.segments)

    @property
    def build_kind(self) -> str:
        """The class of its builds."""
        return "hudson.model.FreeStyleBuild" if self.kind == FREESTYLE else f"{PIPELINE.rpartition('.')[0]}.WorkflowRun"

    def rotate(self, now: float) -> None:
        """Delete what is beyond the builds that are kept; what runs, and the last success, are not counted."""
        if self.keep is None:
            return
        good = [number for number, build in self.builds.items() if now >= build.ends and build.result == "SUCCESS"]
        for number, build in list(self.builds.items())[: -self.keep or None]:
            if now >= build.ends and number not in good[-1:]:
                del self.builds[number]

    def newest_first(self) -> "Sequence[FakeBuild]":
        """Return the builds as lists show them."""
        return list(reversed(self.builds.values()))


def encoded(name: str) -> str:
    """Encode a branch's name, as a job's name and again as a segment of an address."""
    return quote(name, safe="")


def path_of(segments: Sequence[str]) -> str:
    """Return the address of the item with these names."""
    return "/" + "".join(f"job/{encoded(segment)}/" for segment in segments)


def walk(folder: Folder) -> Iterator[FakeJob]:
    """Yield every job below *folder*."""
    for child in folder.children.values():
        if isinstance(child, Folder):
            yield from walk(child)
        else:
            yield child


def configure(job: FakeJob, config: str) -> None:
    """
    Take over what a ``config.xml`` says.

    Raises:
        ValueError: It is no XML.
    """
    try:
        root = ET.fromstring(_without_declaration(config))  # noqa: S314 - the tests' own
    except ET.ParseError as error:
        raise ValueError(str(error)) from error
    job.config = config
    job.parameters = {
        entry.findtext("name", ""): entry.findtext("defaultValue") or "" for entry in root.iter(_PARAMETER)
    }
    job.concurrent = root.findtext("concurrentBuild", "true") == "true"
    job.disabled = root.findtext("disabled") == "true"
    quiet = root.findtext("quietPeriod")
    job.quiet_period = float(quiet) if quiet else None
    keep = root.findtext(".//numToKeep") or "-1"
    job.keep = int(keep) if int(keep) > 0 else None
    command = " ".join(entry.text or "" for entry in root.iter("command"))
    job.ticks = "for i in" in command and "sleep" in command
    job.stubborn = 8.0 if command.startswith("trap") else 0.0
    job.archives = ARCHIVING if root.find(".//hudson.tasks.ArtifactArchiver") is not None else 0.0


def _without_declaration(config: str) -> str:
    """Leave the declaration out: Jenkins writes XML 1.1, which Python does not read."""
    return config.partition("?>")[2] if config.lstrip().startswith("<?xml") else config


def config_of(job: FakeJob) -> str:
    """Return the job's ``config.xml``."""
    if job.config:
        return job.config
    declared = "".join(
        f"<{_PARAMETER}><name>{escape(name)}</name><defaultValue>{escape(value)}</defaultValue></{_PARAMETER}>"
        for name, value in job.parameters.items()
    )
    holder = "hudson.model.ParametersDefinitionProperty"
    properties = f"<{holder}><parameterDefinitions>{declared}</parameterDefinitions></{holder}>" if declared else ""
    return (
        f'<?xml version="1.1" encoding="UTF-8"?>\n<project><actions/><properties>{properties}</properties>'
        f"<disabled>{str(job.disabled).lower()}</disabled>"
        f"<concurrentBuild>{str(job.concurrent).lower()}</concurrentBuild><builders/></project>"
    )
