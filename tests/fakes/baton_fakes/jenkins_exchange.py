"""A request to the fake Jenkins as its endpoints read it, and the ways in which they answer."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import web
from baton_fakes import jenkins_pages as pages
from baton_fakes.jenkins_export import Bean, ByDepth, export, parse_tree, to_xml
from baton_fakes.jenkins_security import ADMINISTER, ANONYMOUS, READ, Caller, Proof, User

COOKIE = "JSESSIONID.5b418245"
CRUMB = "Jenkins-Crumb"
JSON, TEXT, XML = "application/json;charset=utf-8", "text/plain;charset=utf-8", "application/xml;charset=UTF-8"
#: Jetty leaves shorter answers uncompressed.
_COMPRESSED_FROM = 32
_NOBODY = Caller(User(ANONYMOUS, "", permissions=frozenset()), Proof.NONE)


@dataclass
class Ask:
    """
    One request.

    Attributes:
        uri: The path as it came.
        segments: Of the path below the prefix, each decoded once.
        values: Of the query and of the form, as a servlet sees them: together.
        content: The body, if it is no form.
        prefix: Of the server's paths.
        session: The server's, as it is shown in ``X-Jenkins-Session``.
        cookie: The client's session.
        new_session: Makes another one.
        new_cookie: The session that begins with the answer.
        caller: Who asks.
    """

    request: web.Request
    uri: str
    segments: list[str]
    values: list[tuple[str, str]]
    content: bytes
    prefix: str
    session: str
    cookie: str
    new_session: Callable[[], str]
    caller: Caller = _NOBODY
    new_cookie: str = ""

    @classmethod
    async def read(cls, request: web.Request, prefix: str, session: str, new_session: Callable[[], str]) -> "Ask":
        """Read a request, its body and all."""
        uri = request.raw_path.partition("?")[0]
        values, content = list(request.query.items()), b""
        if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            values += [(name, value) for name, value in (await request.post()).items() if isinstance(value, str)]
        else:
            content = await request.read()
        below = uri.removeprefix(prefix).split("/")
        segments = [unquote(segment) for segment in below if segment]
        cookie = request.cookies.get(COOKIE, "")
        return cls(request, uri, segments, values, content, prefix, session, cookie, new_session)

    def all(self, name: str) -> list[str]:
        """Return every value that was given under a name."""
        return [value for each, value in self.values if each == name]

    def get(self, name: str) -> str | None:
        """Return the first value that was given under a name."""
        return next(iter(self.all(name)), None)

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.request.method in {"GET", "HEAD"}

    @property
    def base(self) -> str:
        """The server's address, as the request's own headers have it: nothing else tells a Jenkins its name."""
        headers = self.request.headers
        scheme = headers.get("X-Forwarded-Proto", self.request.scheme)
        host = headers.get("X-Forwarded-Host", self.request.host)
        port = headers.get("X-Forwarded-Port", "")
        if port and ":" not in host and port != {"http": "80", "https": "443"}.get(scheme):
            host = f"{host}:{port}"
        return f"{scheme}://{host}{self.prefix}"

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission."""
        return self.caller.user.may(permission)

    def marks(self) -> dict[str, str]:
        """Return what only documents and rendered pages carry."""
        return {"X-Jenkins": pages.VERSION, "X-Jenkins-Session": self.session}

    def begin_session(self) -> str:
        """Return the client's session; a new one, if it has none."""
        if not self.cookie and not self.new_cookie:
            self.new_cookie = self.new_session()
        return self.cookie or self.new_cookie

    def document(self, bean: Bean) -> web.Response:
        """
        Answer with an object, as JSON or XML, whole or by ``tree``.

        Raises:
            ValueError: ``tree`` or ``depth`` cannot be read.
        """
        if self.get("jsonp") is not None:
            return self.jetty(403, "jsonp forbidden; implement jenkins.security.SecureRequester")
        tree = self.get("tree")
        pruner = ByDepth(1 - int(self.get("depth") or 0)) if tree is None else parse_tree(tree)
        document = export(bean, pruner)
        if self.segments[-1] == "xml":
            return self.reply(200, to_xml(document).encode(), XML, self.marks())
        return self.reply(200, orjson.dumps(document), JSON, self.marks())

    def reply(
        self,
        status: int,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        compress: bool = True,
    ) -> web.Response:
        """Answer; compressed, if the client takes that."""
        given = {"Server": pages.SERVER, **(headers or {})}
        if content_type is not None:
            given["Content-Type"] = content_type
        if self.new_cookie:
            given["Set-Cookie"] = f"{COOKIE}={self.new_cookie}; Path={self.prefix or '/'}; HttpOnly; SameSite=Lax"
        accepts = "gzip" in self.request.headers.get("Accept-Encoding", "")
        if compress and accepts and len(body) >= _COMPRESSED_FROM and self.request.method != "HEAD":
            given["Content-Encoding"], body = "gzip", gzip.compress(body)
        return web.Response(status=status, body=body, headers=given)

    def page(self, status: int, message: str, headers: Mapping[str, str] | None = None, size: int = 0) -> web.Response:
        """Answer with a page of Jenkins' own; of errors, whoever may more gets more of it."""
        filled = size or (pages.WHOLE if self.may(ADMINISTER) else pages.PLAIN)
        text = pages.page("Jenkins" if status >= 400 else message, message, filled, self.session)
        self.begin_session()
        marks = {"X-Hudson-Theme": "default", "X-Hudson": "1.395", **self.marks(), **(headers or {})}
        return self.reply(status, text.encode(), pages.UTF8, marks, compress=status < 400)

    def not_found(self) -> web.Response:
        """Answer 404, be it that there is nothing or that the caller may not know of it."""
        return self.page(404, "Not Found")

    def oops(self) -> web.Response:
        """Answer as if the server had a bug: what Jenkins says to much that the client has wrong."""
        return self.page(500, "A problem occurred while processing the request", size=pages.OOPS)

    def not_by_get(self) -> web.Response:
        """Answer a GET of what must be posted."""
        return self.page(405, "This URL requires POST", {"Allow": "POST"})

    def jetty(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        """Answer with the container's short page: no mark of Jenkins is on it."""
        body = pages.jetty(status, message, self.uri).encode("iso-8859-1", "replace")
        return self.reply(status, body, pages.LATIN, headers, compress=False)

    def denied(self, permission: str) -> web.Response:
        """Answer 403: a permission is missing."""
        name = self.caller.user.name
        if self.caller.is_anonymous:
            text = pages.authentication_required(self.uri, permission, self.session)
            self.begin_session()
            headers = {"X-Hudson": "1.395", **self.marks(), **pages.denial(name, permission)}
            return self.reply(403, text.encode(), pages.UTF8, headers, compress=False)
        size = pages.NO_READ if permission == READ else pages.PLAIN
        message = f"{name} is missing the {permission} permission"
        return self.page(403, message, pages.denial(name, permission), size)

    def redirect(self, path: str) -> web.Response:
        """Send on to a path of this server."""
        return self.reply(302, headers={"Location": self.prefix + path})

    def text(self, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
        """Answer with plain text."""
        return self.reply(200, body, TEXT, headers)


def json_of(raw: bytes) -> dict[str, Any]:
    """Read the body of a control request; none is an empty one."""
    document = orjson.loads(raw or b"{}")
    if not isinstance(document, dict):
        raise web.HTTPBadRequest(text="an object was expected")
    return document
