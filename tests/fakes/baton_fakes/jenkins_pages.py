"""The HTML that Jenkins answers with: Jetty's short error pages, and its own, of up to 85 KB."""

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

VERSION = "2.568.2"
SERVER = "Jetty(12.1.8)"
UTF8, LATIN = "text/html;charset=utf-8", "text/html;charset=iso-8859-1"
#: Bytes of an error page: as an administrator sees it, as somebody sees it who may do little, and of a crash.
WHOLE, PLAIN, NO_READ, OOPS = 84_500, 19_300, 11_663, 7_390
#: A page of a build or a job.
OBJECT = 96_850
LOGIN = 1_850
_SYMBOL = (
    '<svg xmlns="http://www.w3.org/2000/svg" aria-hidden="true" viewBox="0 0 512 512"><path d="M221.09 64a157.09 '
    '157.09 0 10157.09 157.09A157.1 157.1 0 00221.09 64z" fill="none" stroke="currentColor" stroke-width="32"/></svg>'
)
_GROUPS = (
    "JENKINS-39402: use -Dhudson.security.AccessDeniedException2.REPORT_GROUP_HEADERS=true or use /whoAmI to diagnose"
)
#: What implies a permission that is missing.
_IMPLIED = {
    "hudson.model.Hudson.Read": "hudson.security.Permission.GenericRead, hudson.model.Hudson.Administer",
    "hudson.model.Item.Build": "hudson.security.Permission.GenericUpdate, hudson.security.Permission.GenericWrite, "
    "hudson.model.Hudson.Administer",
}


def page(title: str, message: str, size: int, session: str) -> str:
    """Make a page of Jenkins' own, filled up to *size* bytes with the symbols that it draws."""
    head = (
        f'\n  \n  <!DOCTYPE html><html data-disable-sticky="false"><head resURL="/static/{session}" data-rooturl="">'
        f'<title>{escape(title)} - Jenkins</title></head><body data-version="{VERSION}" id="jenkins">'
    )
    tail = f'<div id="main-panel"><h1>{escape(title)}</h1><p>{escape(message)}</p></div></body></html>'
    room = max(0, size - len(head) - len(tail))
    return head + _SYMBOL * (room // len(_SYMBOL)) + " " * (room % len(_SYMBOL)) + tail


def jetty(status: int, message: str, uri: str) -> str:
    """Make the short error page of the servlet container."""
    return (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>\n'
        f"<title>Error {status} {escape(message)}</title>\n</head>\n"
        f"<body><h2>HTTP ERROR {status} {escape(message)}</h2>\n<table>\n"
        f"<tr><th>URI:</th><td>{escape(uri)}</td></tr>\n<tr><th>STATUS:</th><td>{status}</td></tr>\n"
        f"<tr><th>MESSAGE:</th><td>{escape(message)}</td></tr>\n<tr><th>SERVLET:</th><td>Stapler</td></tr>\n</table>\n"
        '<hr/><a href="https://jetty.org/">Powered by Jetty:// 12.1.8</a><hr/>\n\n</body>\n</html>\n'
    )


def authentication_required(uri: str, permission: str, session: str) -> str:
    """Make the page that sends somebody unknown to the login; filled up, so that browsers show it."""
    there = "/login?from=" + quote(uri, safe="")
    text = (
        f"<html><head><meta http-equiv='refresh' content='1;url={there}'/><script id='redirect' "
        f"data-redirect-url='{there}' src='/static/{session}/scripts/redirect.js'></script></head>"
        "<body style='background-color:white; color:white;'>\nAuthentication required\n<!--\n"
        "You are authenticated as: anonymous\nGroups that you are in:\n  anonymous\n"
        f"Permission you need to have (but didn't): {permission}\n-->\n\n</body></html>"
    )
    return text + " " * 300


def denial(user: str, permission: str) -> Mapping[str, str]:
    """Return the headers that say which permission is missing."""
    return {
        "X-You-Are-Authenticated-As": user,
        "X-You-Are-In-Group-Disabled": _GROUPS,
        "X-Required-Permission": permission,
        "X-Permission-Implied-By": _IMPLIED.get(permission, "hudson.model.Hudson.Administer"),
    }


def login(session: str) -> str:
    """Make the login page."""
    form = '<form method="post" name="login" action="j_spring_security_check"><input name="j_username"></form>'
    text = (
        f'\n      \n    <!DOCTYPE html><html lang="en"><head resURL="/static/{session}" data-rooturl="">'
        f"<title>Sign in - Jenkins</title></head><body><h1>Sign in to Jenkins</h1>{form}</body></html>"
    )
    return text + " " * (LOGIN - len(text))


def booting(session: str) -> str:
    """Make the page of a server that is not ready."""
    return (
        f'\n    \n    <!DOCTYPE html><html lang="en"><head resURL="/static/{session}" data-rooturl="">'
        '<title>Starting Jenkins</title></head><body><div class="simple-page" role="main">'
        '<h1 class="loading"><p class="jenkins-spinner">Jenkins is getting ready to work</h1>'
        '<p class="restarting">Your browser will reload automatically when Jenkins is ready.</div></body></html>'
    )
