"""The modules of a page as one script: it does what they do, and the browser asks whether it has changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bridge.asgi.page_script import joined, page_script
from tests.docs.node_programs import require_node

ROOT = Path(__file__).parents[2]
PAGES = ["bridge/http/panel/static", "bridge/sandbox/page/web", "bridge/sandbox/page/phone", "responder/http/page"]
MODULES = {
    "main.js": "import { say as speak } from './parts/words.js';\nimport * as all from './parts/words.js';\n"
    "import './parts/late.js';\nimport {\n  Box,\n  made,\n} from './box.js';\n"
    "const name = 'main';\nspeak(name, all.name, new Box().name, await made(), Object.keys(all).sort());\n",
    "box.js": "import { name as other } from './parts/words.js';\nconst name = 'box';\n"
    "export class Box {\n  name = `${name} ${other}`;\n}\nexport async function made() {\n  return [...counted()];\n}\n"
    "export function* counted() {\n  yield 1;\n}\n",
    "parts/words.js": "export const say = (...words) => console.log(JSON.stringify(words));\n"
    "export const name = 'words';\n",
    "parts/late.js": "import { say } from './words.js';\nsay('before main');\n",
}


@pytest.fixture
def main(tmp_path: Path) -> Path:
    for name, text in MODULES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "main.js"


def run(path: Path) -> str:
    return subprocess.run([require_node(), path], check=True, capture_output=True, text=True).stdout


def test_it_does_what_the_modules_do(main: Path, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "joined.mjs").write_text(joined(main), encoding="utf-8")
    said = run(tmp_path / "joined.mjs")
    assert said == run(main)
    assert said.splitlines() == ['["before main"]', '["main","words","box words",[1],["name","say"]]']


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_a_page_is_left_out(page: str) -> None:
    text = joined(ROOT / page / "main.js")
    assert [line for line in text.splitlines() if line.startswith(("import ", "export "))] == []


async def test_the_browser_keeps_what_has_not_changed(main: Path) -> None:
    app = Starlette(routes=[Route("/main.js", page_script(main))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
        whole = await client.get("/main.js")
        assert (whole.status_code, whole.text) == (200, joined(main))
        assert whole.headers["content-type"] == "text/javascript; charset=utf-8"
        assert (whole.headers["cache-control"], whole.headers["x-content-type-options"]) == ("no-cache", "nosniff")
        unchanged = await client.get("/main.js", headers={"If-None-Match": whole.headers["etag"]})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["cache-control"]) == (304, b"", "no-cache")
        changed = await client.get("/main.js", headers={"If-None-Match": '"another"'})
        assert changed.status_code == 200
