"""Build hook: adds the pinned wa-js to the wheel and the sdist, at the same path as in a checkout.

`scripts/setup` fetches the files. If they are missing or are not the version that package.json pins, the build stops:
such a wheel would install and then fail at the first browser start.
"""

import json
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = "bridge/drivers/web"
WA_JS = f"{PAGE}/node_modules/@wppconnect/wa-js"
FILES = ("package.json", "LICENSE", "dist/wppconnect-wa.js", "dist/wppconnect-wa.js.LICENSE.txt")


class WaJsHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        if missing := [name for name in FILES if not (root / WA_JS / name).is_file()]:
            raise FileNotFoundError(f"wa-js is incomplete ({', '.join(missing)}): run scripts/setup, then build again")
        pinned = json.loads((root / PAGE / "package.json").read_text())["dependencies"]["@wppconnect/wa-js"]
        present = json.loads((root / WA_JS / "package.json").read_text())["version"]
        if present != pinned:
            raise ValueError(f"wa-js {present} is installed, {pinned} is pinned: run scripts/setup, then build again")
        build_data["force_include"].update({str(root / WA_JS / name): f"{WA_JS}/{name}" for name in FILES})
