"""The fake Jenkins' pages below ``/job``: jobs, their builds and logs."""

import orjson
from aiohttp import web
from baton_fakes import jenkins_pages as pages
from baton_fakes.jenkins_builds import FakeBuild, plain
from baton_fakes.jenkins_documents import PERMALINKS, Documents
from baton_fakes.jenkins_exchange import Ask
from baton_fakes.jenkins_jobs import FOLDER, MULTIBRANCH, FakeJob, Folder, config_of, configure, path_of
from baton_fakes.jenkins_security import ITEM_BUILD, ITEM_CANCEL, ITEM_DISCOVER, ITEM_READ
from baton_fakes.jenkins_state import JenkinsState

_UNSAFE = "?*/\\%!@#$^&|<>[]:;"


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """An answer that ends the work."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def answer_item(state: JenkinsState, ask: Ask, documents: Documents) -> web.Response:
    """Answer what is asked of a folder, a job or a build."""
    item, rest = _find(state, ask)
    if rest[:1] == ["api"]:
        return ask.document(documents.item(item))
    if not rest and ask.request.method == "DELETE":
        state.delete(item)
        return ask.reply(204)
    if not rest:
        return ask.page(200, item.name, size=pages.OBJECT)
    if rest == ["doDelete"]:
        if ask.is_read:
            return ask.not_by_get()
        state.delete(item)
        return ask.redirect("/")
    if isinstance(item, Folder):
        return create_item(state, item, ask) if rest == ["createItem"] else ask.not_found()
    if len(rest) == 1 and rest[0] in _ACTIONS:
        return _ACTIONS[rest[0]](state, ask, item)
    build = _build(state, item, rest[0])
    return ask.not_found() if build is None else _answer_build(state, ask, documents, build, rest[1:])


def _find(state: JenkinsState, ask: Ask) -> tuple[FakeJob | Folder, list[str]]:
    """Find the item that a path begins with; who may not know of it is told that there is nothing."""
    here: FakeJob | Folder = state.root
    rest = ask.segments
    while rest[:1] == ["job"] and len(rest) > 1 and isinstance(here, Folder):
        child = here.child(rest[1])
        if child is None or not ask.may(ITEM_DISCOVER):
            raise Refused(ask.not_found())
        here, rest = child, rest[2:]
    if here is state.root:
        raise Refused(ask.not_found())
    if not ask.may(ITEM_READ):
        raise Refused(ask.page(403, "Please log in to access this job"))
    return here, rest


def create_item(state: JenkinsState, folder: Folder, ask: Ask) -> web.Response:
    """Make a job of a posted ``config.xml``, or a folder."""
    if ask.is_read:
        return ask.not_by_get()
    name = ask.get("name")
    problem = _name_problem(folder, name)
    if name is None or problem:
        return _create_refused(ask, problem)
    if ask.get("mode") in {FOLDER, MULTIBRANCH}:
        state.folder([*folder.segments, name], str(ask.get("mode")))
        return ask.redirect(path_of([*folder.segments, name]))
    if ask.request.content_type not in {"application/xml", "text/xml"}:
        return _create_refused(ask, "No mode given")
    config = ask.content.decode()
    if config.lstrip().startswith(f"<{FOLDER}") or f"<{FOLDER}" in config[:200]:
        state.folder([*folder.segments, name])
        return ask.reply(200)
    job = FakeJob(name, folder)
    configure(job, config)
    folder.children[name] = job
    return ask.reply(200)


def _name_problem(folder: Folder, name: str | None) -> str:
    if not name:
        return "Query parameter 'name' is required"
    if unsafe := next((letter for letter in name if letter in _UNSAFE), ""):
        return f"{unsafe}  is an unsafe character"
    return f"A job already exists with the name  {name} " if name in folder.children else ""


def _create_refused(ask: Ask, problem: str) -> web.Response:
    return ask.page(400, problem, {"X-Error": problem})


def _submit(state: JenkinsState, ask: Ask, job: FakeJob) -> web.Response:
    """Answer ``buildWithParameters``."""
    if ask.is_read:
        return ask.not_by_get()
    refusal = _not_to_be_built(ask, job)
    if refusal is not None:
        return refusal
    if not job.parameters:
        return ask.jetty(400, f"{job.name} is not parameterized")
    given = {name: ask.all(name) for name in job.parameters if ask.all(name)}
    if any(len(values) > 1 for values in given.values()):
        return ask.oops()
    user, delay = ask.caller.user.name, _delay(ask.get("delay"))
    item, is_new = state.submit(job, {name: values[0] for name, values in given.items()}, user=user, delay=delay)
    return ask.reply(201 if is_new else 303, headers={"Location": f"{ask.base}/queue/item/{item.id}/"})


def _build_now(state: JenkinsState, ask: Ask, job: FakeJob) -> web.Response:
    """Answer ``build``: what people's forms post; it says less than ``buildWithParameters``."""
    if ask.is_read:
        return ask.not_by_get()
    refusal = _not_to_be_built(ask, job)
    if refusal is not None:
        return refusal
    user, delay = ask.caller.user.name, _delay(ask.get("delay"))
    if not job.parameters:
        item, _ = state.submit(job, {}, user=user, delay=delay)
        return ask.reply(201, headers={"Location": f"{ask.base}/queue/item/{item.id}/"})
    form = ask.get("json")
    if form is None:
        return ask.jetty(400, "Nothing is submitted")
    entries = orjson.loads(form).get("parameter", [])
    entries = entries if isinstance(entries, list) else [entries]
    if any(entry["name"] not in job.parameters for entry in entries):
        return ask.oops()
    _, is_new = state.submit(job, {entry["name"]: entry["value"] for entry in entries}, user=user, delay=delay)
    return ask.reply(201, headers={"Location": ask.base + job.path}) if is_new else ask.redirect(job.path)


def _not_to_be_built(ask: Ask, job: FakeJob) -> web.Response | None:
    if not ask.may(ITEM_BUILD):
        return ask.denied(ITEM_BUILD)
    return ask.jetty(409, f"{job.name} is not buildable") if job.disabled else None


def _delay(text: str | None) -> float | None:
    """
    Read ``60sec``; a bare number is of milliseconds.

    Raises:
        ValueError: It is neither; Jenkins answers 500.
    """
    if text is None:
        return None
    number = text.removesuffix("secs").removesuffix("sec").strip()
    return int(number) / (1.0 if number != text else 1000.0)


def _config(state: JenkinsState, ask: Ask, job: FakeJob) -> web.Response:
    """Give or take ``config.xml``."""
    if ask.request.method == "GET":
        return ask.reply(200, config_of(job).encode(), "application/xml")
    if ask.request.method != "POST":
        return ask.jetty(400, f"Unexpected request method {ask.request.method}")
    configure(job, ask.content.decode())
    state.set_disabled(job, job.disabled)
    return ask.reply(200)


def _enable(state: JenkinsState, ask: Ask, job: FakeJob) -> web.Response:
    return _switch(state, ask, job, disabled=False)


def _disable(state: JenkinsState, ask: Ask, job: FakeJob) -> web.Response:
    return _switch(state, ask, job, disabled=True)


def _switch(state: JenkinsState, ask: Ask, job: FakeJob, *, disabled: bool) -> web.Response:
    if ask.is_read:
        return ask.not_by_get()
    state.set_disabled(job, disabled)
    return ask.redirect(job.path)


def _rename(state: JenkinsState, ask: Ask, job: FakeJob) -> web.Response:
    if ask.is_read:
        return ask.not_by_get()
    name = ask.get("newName") or ""
    problem = _name_problem(job.parent, name)
    if problem:
        return _create_refused(ask, problem)
    state.rename(job, name)
    return ask.redirect(job.path.removesuffix("/"))


_ACTIONS = {
    "buildWithParameters": _submit,
    "build": _build_now,
    "config.xml": _config,
    "enable": _enable,
    "disable": _disable,
    "confirmRename": _rename,
    "doRename": _rename,
}


def _build(state: JenkinsState, job: FakeJob, name: str) -> FakeBuild | None:
    """Find a build by number or permalink; one that has just been begun is not there for a moment."""
    now = state.now()
    if name in PERMALINKS:
        shown = [build for build in job.newest_first() if build.begun <= now]
        looks = ((build, build.at(now)) for build in shown)
        return next((b for b, look in looks if (None if look.building else look.result) in PERMALINKS[name]), None)
    build = job.builds.get(int(name)) if name.isdigit() else None
    return build if build is not None and build.begun <= now else None


def _answer_build(
    state: JenkinsState, ask: Ask, documents: Documents, build: FakeBuild, rest: list[str]
) -> web.Response:
    path = f"{build.job.path}{build.number}/"
    if rest[:1] == ["api"]:
        return ask.document(documents.build(build))
    if not rest:
        return ask.page(200, f"{build.job.full_name} #{build.number}", size=pages.OBJECT)
    if rest == ["consoleText"]:
        return ask.text(plain(build.log(state.now())))
    if rest[0] == "logText":
        return _progressive(state, ask, build, html=rest[-1] == "progressiveHtml")
    if len(rest) != 1 or rest[0] not in {"stop", "term", "kill", "doDelete"}:
        return ask.not_found()
    if ask.is_read:
        return ask.not_by_get()
    if rest == ["stop"]:
        if not ask.may(ITEM_CANCEL):
            return ask.denied(ITEM_CANCEL)
        state.stop(build, ask.caller.user.name)
        return ask.redirect(path)
    if rest == ["doDelete"]:
        del build.job.builds[build.number]
        return ask.redirect(build.job.path)
    return ask.redirect(f"{path}{rest[0]}/")


def _progressive(state: JenkinsState, ask: Ask, build: FakeBuild, *, html: bool) -> web.Response:
    """Answer a part of the log: offsets are the file's, line ends are made two bytes long on the way."""
    moment = state.now()
    log = build.log(moment)
    start = int(ask.get("start") or 0)
    part = b"" if start < 0 else log[start if start <= len(log) else 0 :]
    headers = {"X-Text-Size": str(len(log))}
    if build.at(moment).building:
        headers["X-More-Data"] = "true"
    if html:
        headers["X-ConsoleAnnotator"] = "r3+OY915rZhIoCe2aQs4V2ZwJY+00M/6g9xqTF93"
        return ask.reply(200, plain(part).replace(b"\n", b"\r\n"), pages.UTF8, headers)
    return ask.text(part.replace(b"\n", b"\r\n"), headers)
