"""
A hook of MkDocs: on the site, a link to a file that is not one of the pages becomes that file's path as text.

In the repository such links lead to the file itself; `tests/unit/docs/test_links.py` checks that it is there.
"""  # noqa: INP001 - a script beside the pages, not a package

from __future__ import annotations

import posixpath
import re
from typing import Any

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#:]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, files: Any, **_: Any) -> str:
    """Rewrite the links of one page that lead out of the pages."""
    folder = posixpath.dirname(page.file.src_uri)

    def rewritten(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link["target"]))
        if files.get_file_from_path(path) is not None:
            return link[0]
        outside = posixpath.normpath(posixpath.join("docs", path))
        return f"{link['text']} (`{outside}`)" if link["text"].strip("`/") not in outside else f"`{outside}`"

    return _LINK.sub(rewritten, markdown)
