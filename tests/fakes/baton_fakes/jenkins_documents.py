"""What the fake Jenkins shows of its jobs, builds and queue: properties, their visibility and their order."""

from collections.abc import Mapping, Sequence
from functools import partial

from baton_fakes.jenkins_builds import FakeBuild
from baton_fakes.jenkins_export import ALWAYS, ON_REQUEST, Bean, Lazy, Property, bean
from baton_fakes.jenkins_export import plain_values as _values
from baton_fakes.jenkins_jobs import FREESTYLE, FakeJob, Folder, path_of
from baton_fakes.jenkins_queue import BLOCKED, BUILDABLE, LEFT, WAITING, FakeItem, is_blocked
from baton_fakes.jenkins_security import ITEM_DISCOVER, ITEM_READ, Caller
from baton_fakes.jenkins_state import JenkinsState

#: So many builds are in ``builds``; ``allBuilds`` has all.
SHOWN_BUILDS = 100
_VALUE = "hudson.model.StringParameterValue"
_DEFINITION = "hudson.model.StringParameterDefinition"
_DEFINITIONS = "hudson.model.ParametersDefinitionProperty"
_COLORS = {"SUCCESS": "blue", "UNSTABLE": "yellow", "FAILURE": "red", "ABORTED": "aborted", "NOT_BUILT": "notbuilt"}
#: The permalinks of a job, and the results that each accepts; None for a build that still runs.
PERMALINKS: Mapping[str, frozenset[str | None]] = {
    "lastBuild": frozenset({None, *_COLORS}),
    "lastCompletedBuild": frozenset(_COLORS),
    "lastFailedBuild": frozenset({"FAILURE"}),
    "lastStableBuild": frozenset({"SUCCESS"}),
    "lastSuccessfulBuild": frozenset({"SUCCESS", "UNSTABLE"}),
    "lastUnstableBuild": frozenset({"UNSTABLE"}),
    "lastUnsuccessfulBuild": frozenset({"FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT"}),
}


class Documents:
    """
    What one caller is shown, at one moment.

    Args:
        base: The server's address as the request has it, without a slash at its end.
        secure: Whether security is on.
    """

    def __init__(self, state: JenkinsState, base: str, caller: Caller, *, secure: bool = True) -> None:
        self._state, self._base, self._caller, self._secure = state, base, caller, secure
        self._now = state.now()
        self._listed = self._now - state.settings.list_lag
        self._builds: dict[int, Sequence[FakeBuild]] = {}
        self._jobs: dict[int, Bean] = {}
        self._colors: dict[int, str] = {}

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission."""
        return self._caller.user.may(permission)

    def item(self, item: FakeJob | Folder) -> Bean:
        """Show a job or a folder."""
        return self.job(item) if isinstance(item, FakeJob) else self.folder(item)

    def root(self) -> Bean:
        """Show the server."""
        state = self._state
        view = bean("hudson.model.AllView", 2, name="all", url=f"{self._base}/")
        return Bean(
            "hudson.model.Hudson",
            {
                **_values(assignedLabels=[bean(None, 2, name="built-in")], mode="NORMAL"),
                **_values(nodeDescription="the Jenkins controller's built-in node", nodeName=""),
                **_values(numExecutors=state.settings.executors, description=None),
                "jobs": Property(lambda: self._children(state.root)),
                **_values(overallLoad=Bean(None), primaryView=view, quietDownReason=None),
                **_values(quietingDown=state.quieting, slaveAgentPort=0),
                **_values(unlabeledLoad=bean("jenkins.model.UnlabeledLoadStatistics"), url=None, useCrumbs=True),
                **_values(useSecurity=self._secure, views=[view]),
            },
        )

    def _children(self, folder: Folder) -> list[Bean]:
        return [self.item(folder.children[name]) for name in sorted(folder.children)] if self.may(ITEM_READ) else []

    def folder(self, folder: Folder) -> Bean:
        """Show a folder or a multibranch project."""
        shown = {"displayName": folder.name, "fullName": "/".join(folder.segments)}
        return Bean(
            folder.kind,
            {
                **_values(actions=[], description=None, **shown),
                **_values(3, name=folder.name, url=self._base + path_of(folder.segments)),
                "jobs": Property(lambda: self._children(folder)),
            },
        )

    def job(self, job: FakeJob) -> Bean:
        """Show a job; made once for all that one answer shows."""
        if id(job) not in self._jobs:
            self._jobs[id(job)] = self._job(job)
        return self._jobs[id(job)]

    def _job(self, job: FakeJob) -> Bean:
        definitions = [self._definitions(job)] if job.parameters else []
        links = {name: Property(partial(self._link, job, results)) for name, results in PERMALINKS.items()}
        names = {"displayName": job.display_name, "displayNameOrNull": None, "fullDisplayName": job.full_name}
        return Bean(
            job.kind,
            {
                **_values(actions=[*definitions, Bean(None), Bean(None)], description="", **names),
                **_values(fullName=job.full_name),
                **_values(3, name=job.name, url=self._base + job.path),
                "allBuilds": Property(lambda: Lazy(self._shown(job), self.build), ON_REQUEST),
                **_values(buildable=not job.disabled),
                "builds": Property(lambda: Lazy(self._shown(job)[:SHOWN_BUILDS], self.build)),
                "color": Property(lambda: self._color(job), 2),
                "firstBuild": Property(lambda: self._first(job)),
                "healthReport": Property(lambda: self._health(self._shown(job))),
                "inQueue": Property(lambda: self._queued(job) is not None),
                **_values(keepDependencies=False),
                **links,
                **_values(nextBuildNumber=job.next_number),
                "property": Property(lambda: definitions, inline=True),
                "queueItem": Property(lambda: self._queued(job)),
                **(_freestyle(job) if job.kind == FREESTYLE else _values(concurrentBuild=job.concurrent)),
            },
        )

    def _shown(self, job: FakeJob) -> Sequence[FakeBuild]:
        """Return the builds that are seen, newest first; made once for all that one answer shows."""
        if id(job) not in self._builds:
            self._builds[id(job)] = [build for build in job.newest_first() if build.begun <= self._listed]
        return self._builds[id(job)]

    def _first(self, job: FakeJob) -> Bean | None:
        shown = self._shown(job)
        return self.build(shown[-1]) if shown else None

    def _queued(self, job: FakeJob) -> Bean | None:
        item = next((item for item in self._state.queue.items.values() if item.job is job), None)
        return None if item is None else self.queue_item(item)

    def _link(self, job: FakeJob, results: frozenset[str | None]) -> Bean | None:
        for build in self._shown(job):
            look = build.at(self._listed)
            if (None if look.building else look.result) in results:
                return self.build(build)
        return None

    def _health(self, shown: Sequence[FakeBuild]) -> list[Bean]:
        ended = [build for build in shown[:5] if not build.at(self._listed).building]
        if not ended:
            return []
        bad = sum(build.result == "FAILURE" for build in ended)
        text = f"Build stability: {bad} out of the last {len(ended)} builds failed."
        icon = {"iconClassName": "icon-health-60to79", "iconUrl": "health-60to79.png"}
        return [bean(None, ALWAYS, description=text, **icon, score=100 - 100 * bad // len(ended))]

    def _color(self, job: FakeJob) -> str:
        if id(job) not in self._colors:
            self._colors[id(job)] = "disabled" if job.disabled or job.deleted else self._color_of_builds(job)
        return self._colors[id(job)]

    def _color_of_builds(self, job: FakeJob) -> str:
        color, moves = "notbuilt", ""
        for build in job.newest_first():
            look = build.at(self._now)
            if not look.building:
                color = _COLORS[look.result or "FAILURE"]
                break
            moves = "_anime"
        return color + moves

    def _definitions(self, job: FakeJob) -> Bean:
        def one(name: str, default: str) -> Bean:
            value = Bean(_VALUE, {**_values(3, name=name), **_values(ALWAYS, value=default)})
            return bean(
                _DEFINITION,
                3,
                defaultParameterValue=value,
                description="",
                name=name,
                type=_DEFINITION.rpartition(".")[2],
            )

        return bean(_DEFINITIONS, 2, parameterDefinitions=[one(*entry) for entry in job.parameters.items()])

    def build(self, build: FakeBuild) -> Bean:
        """Show a build."""
        look = build.at(self._listed if self._state.settings.list_lag else self._now)
        executor = bean("hudson.model.Executor", 1, number=0, progress=-1) if look.building else None
        number = str(build.number)
        return Bean(
            build.job.build_kind,
            {
                "actions": Property(lambda: self._build_actions(build)),
                **_values(artifacts=[], building=look.building, description=None, displayName=f"#{number}"),
                **_values(duration=look.duration),
                "estimatedDuration": Property(lambda: self._estimate(build.job)),
                **_values(executor=executor),
                **_values(fullDisplayName=f"{build.job.full_name} #{number}", id=number),
                **_values(inProgress=look.building, keepLog=False),
                **_values(2, number=build.number),
                **_values(queueId=build.queue_id, result=look.result),
                **_values(timestamp=self._state.shown_time(build.begun)),
                **_values(2, url=f"{self._base}{build.job.path}{number}/"),
                **(_freestyle_build() if build.job.kind == FREESTYLE else _values(changeSets=[], culprits=[])),
            },
        )

    def _estimate(self, job: FakeJob) -> int:
        ended = [build.at(self._now).duration for build in list(job.builds.values())[-3:]]
        return round(sum(ended) / len(ended)) if ended and all(ended) else -1

    def _build_actions(self, build: FakeBuild) -> list[Bean]:
        actions = [_parameters(build.parameters)] if build.parameters else []
        actions.append(_causes(build.users))
        if build.interruptions and not build.at(self._now).building:
            causes = [bean(kind, 1, shortDescription=text) for kind, text in build.interruptions]
            actions.append(bean("jenkins.model.InterruptedBuildAction", 1, causes=causes))
        return [*actions, Bean(None)]

    def queue(self) -> Bean:
        """Show the queue; of items that the caller may only discover, the job's name."""
        shown = self._state.queue.shown(self._listed)
        readable = shown if self.may(ITEM_READ) else []
        discoverable = shown if self.may(ITEM_DISCOVER) and not self.may(ITEM_READ) else []
        tasks = [bean(None, ALWAYS, task=bean(None, ALWAYS, name=item.job.name)) for item in discoverable]
        return Bean(
            "hudson.model.Queue",
            {
                **_values(discoverableItems=tasks),
                "items": Property(lambda: Lazy(readable, lambda item: self.queue_item(item, self._listed)), 1, True),
            },
        )

    def queue_item(self, item: FakeItem, moment: float | None = None) -> Bean:
        """Show a queue item."""
        moment = self._now if moment is None else moment
        kind = item.kind(moment, blocked=is_blocked(item.job))
        given = item.parameters
        return Bean(
            f"hudson.model.Queue${kind}",
            {
                "actions": Property(lambda: [*([_parameters(given)] if given else []), _causes(item.users)], ALWAYS),
                **_values(ALWAYS, blocked=kind == BLOCKED, buildable=kind == BUILDABLE, id=item.id),
                **_values(ALWAYS, inQueueSince=self._state.shown_time(item.since)),
                "params": Property(lambda: "".join(f"\n{name}={given[name]}" for name in given), ALWAYS),
                **_values(ALWAYS, stuck=False),
                "task": Property(lambda: self.job(item.job), ALWAYS),
                **_values(ALWAYS, url=f"queue/item/{item.id}/"),
                "why": Property(lambda: self._why(item, kind, moment), ALWAYS),
                **self._by_kind(item, kind, moment),
            },
        )

    def _by_kind(self, item: FakeItem, kind: str, moment: float) -> dict[str, Property]:
        if kind == WAITING:
            return _values(ALWAYS, timestamp=self._state.shown_time(item.due))
        if kind == LEFT:
            build = item.build if moment >= item.shown else None
            executable = Property(lambda: None if build is None else self.build(build), ALWAYS)
            return {**_values(ALWAYS, cancelled=item.cancelled), "executable": executable}
        since = _values(ALWAYS, buildableStartMilliseconds=self._state.shown_time(item.ready or moment))
        return since if kind == BLOCKED else {**since, **_values(ALWAYS, pending=False)}

    def _why(self, item: FakeItem, kind: str, moment: float) -> str | None:
        if kind == WAITING:
            return f"In the quiet period. Expires in {_span(round((item.due - moment) * 1000))}"
        if kind == BLOCKED:
            number = next((build.number for build in item.job.newest_first() if build.at(moment).building), 0)
            return f"Build #{number} is already in progress (ETA: N/A)"
        if kind == LEFT:
            return None
        return "Jenkins is about to shut down" if self._state.quieting else "Waiting for next available executor"

    def computers(self) -> Bean:
        """Show all nodes: there is one."""
        state = self._state
        shown = {"computer": Property(lambda: [self.node()], inline=True), **_values(displayName="Nodes")}
        totals = _values(totalExecutors=state.settings.executors)
        return Bean("hudson.model.ComputerSet", {**_values(busyExecutors=state.busy), **shown, **totals})

    def node(self) -> Bean:
        """Show the built-in node and its executors."""
        busy = [job for job in self._state.jobs() if job.running]
        running = [build for job in busy for build in job.newest_first() if build.at(self._now).building]
        total = self._state.settings.executors
        shown = {"displayName": "Built-In Node", "idle": not running, "offline": False, "numExecutors": total}
        return Bean(
            "hudson.model.Hudson$MasterComputer",
            {
                **_values(**shown),
                "executors": Property(lambda: [self._executor(number, running) for number in range(total)]),
                **_values(oneOffExecutors=[]),
            },
        )

    def _executor(self, number: int, running: Sequence[FakeBuild]) -> Bean:
        build = running[number] if number < len(running) else None
        current = Property(lambda: None if build is None else self.build(build))
        return Bean(None, {"currentExecutable": current, **_values(idle=build is None, number=number, progress=-1)})

    def who(self) -> Bean:
        """Show who the caller is."""
        nobody = self._caller.is_anonymous
        groups = ["anonymous"] if nobody else ["authenticated"]
        return bean(
            "hudson.security.WhoAmI",
            anonymous=nobody,
            authenticated=True,
            authorities=groups,
            name=self._caller.user.name,
        )

    def user(self) -> Bean:
        """Show the caller's account."""
        name = self._caller.user.name
        return bean("hudson.model.User", absoluteUrl=f"{self._base}/user/{name}", fullName=name, id=name)


def _span(milliseconds: int) -> str:
    """Write a time as Jenkins does: the greatest unit, and the next one if there are less than ten of it."""
    seconds, rest = divmod(milliseconds, 1000)
    for size, name, smaller, label in ((3600, "hr", 60, "min"), (60, "min", 1, "sec")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}" if count >= 10 else f"{count} {name} {seconds % size // smaller} {label}"
    if seconds >= 10:
        return f"{seconds} sec"
    if seconds:
        return f"{seconds}.{rest // 100} sec"
    return f"{rest // 10 / 100} sec" if rest >= 100 else f"{max(rest, 0)} ms"


def _parameters(parameters: Mapping[str, str]) -> Bean:
    def values() -> list[Bean]:
        return [bean(_VALUE, 3, name=name, value=value) for name, value in parameters.items()]

    return Bean("hudson.model.ParametersAction", {"parameters": Property(values, 2)})


def _causes(users: Sequence[str]) -> Bean:
    def causes() -> list[Bean]:
        return [
            bean(
                "hudson.model.Cause$UserIdCause",
                3,
                shortDescription=f"Started by user {user}",
                userId=user,
                userName=user,
            )
            for user in users
        ]

    return Bean("hudson.model.CauseAction", {"causes": Property(causes, 2)})


def _freestyle(job: FakeJob) -> dict[str, Property]:
    scm = bean("hudson.scm.NullSCM")
    return {
        **_values(concurrentBuild=job.concurrent, disabled=job.disabled, downstreamProjects=[], labelExpression=None),
        **_values(scm=scm, upstreamProjects=[]),
    }


def _freestyle_build() -> dict[str, Property]:
    changes = bean("hudson.scm.EmptyChangeLogSet", ALWAYS, items=[], kind=None)
    return _values(builtOn="", changeSet=changes, culprits=[])
