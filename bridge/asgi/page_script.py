"""The modules of a page as one script: a load asks for one file in place of up to 78.

Each becomes a function that returns what it exports. So there may be no circle among the imports, and what a module
exports stays as it is: no `export let`, no `export default`. The files are read once: a change of one needs a restart.
A bundler would add a build step, with Node.js, to each change of a page.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from bridge.asgi.kinds_script import kinds_module

_IMPORT = re.compile(r"^import (?:([^;']*?) from )?'(.+?)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)


def page_script(main: Path) -> Callable[[Request], Awaitable[Response]]:
    """Answers with `main` and all that it imports; the browser asks at each load whether they have changed."""

    async def answer(request: Request) -> Response:
        text, tag = _tagged(main)
        headers = {"Cache-Control": "no-cache", "ETag": tag, "X-Content-Type-Options": "nosniff"}
        if request.headers.get("If-None-Match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(text, media_type="text/javascript", headers=headers)

    return answer


@functools.cache
def _tagged(main: Path) -> tuple[str, str]:
    text = joined(main)
    return text, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def joined(main: Path) -> str:
    """The text. Each module stands under a comment with its name."""
    return "\n".join(_modules(main.resolve(), {}))


def _modules(path: Path, names: dict[Path, str]) -> Iterator[str]:
    """Each module after those that it imports, in the order in which a browser runs them."""
    names[path] = name = f"module{len(names)}"
    text = kinds_module() if path.name == "kinds.js" else path.read_text("utf-8")
    for found in _IMPORT.finditer(text):
        if (path.parent / found[2]).resolve() not in names:
            yield from _modules((path.parent / found[2]).resolve(), names)

    def imported(found: re.Match[str]) -> str:
        what = (found[1] or "").removeprefix("* as ").replace(" as ", ": ")
        return f"const {what} = {names[(path.parent / found[2]).resolve()]};\n" if what else ""

    exports = ", ".join(_EXPORT.findall(text))
    body = _EXPORT.sub("", _IMPORT.sub(imported, text))
    if name != "module0":  # which is `main`
        body = f"const {name} = (() => {{\n{body}return {{ {exports} }};\n}})();\n"
    yield f"// {path.name}\n{body}"
