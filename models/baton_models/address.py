"""Where the database is, from the environment."""

from collections.abc import Mapping
from urllib.parse import quote

URL_VARIABLE = "BATON_DATABASE_URL"
USER_VARIABLE = "BATON_DATABASE_USER"
PASSWORD_VARIABLE = "BATON_DATABASE_PASSWORD"  # noqa: S105 - a name


def database_url(environ: Mapping[str, str]) -> str:
    """
    Read the database's URL; empty where nobody set it.

    A user and a password may stand in variables of their own, as Kubernetes hands them out of a Secret: they are put
    into a URL that names no user, with every character that has a meaning there written as one that has none.

    Returns:
        ``postgresql://user:password@host/name``, not checked.
    """
    url, user = environ.get(URL_VARIABLE, ""), environ.get(USER_VARIABLE, "")
    scheme, separator, rest = url.partition("://")
    if not user or not separator or "@" in rest.partition("/")[0]:
        return url
    password = environ.get(PASSWORD_VARIABLE, "")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"{scheme}://{login}@{rest}"
