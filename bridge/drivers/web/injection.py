"""The script that runs in WhatsApp Web before the page's own code: wa-js as npm ships it, then our agent.

It is one init script, since the order counts: analytics off, wa-js, agent. Top frame only.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources

from bridge.contract.errors import StartError

#: What the driver needs of the page, under `WPP.whatsapp`; `a|b` = one of the two will do. Checked after the login:
#: before it, the site need not have loaded them.
REQUIRED_MODULES = (
    "Socket.state",
    "Stream.mode",
    "MsgStore.getModelsArray",
    "ChatStore.getModelsArray",
    "MsgKey.fromString",
    "MsgKey.newId",
    "WidFactory.createWid",
    "functions.addAndSendMsgToChat",
    "functions.findOrCreateLatestChat",
    "functions.getEphemeralFields",
    "functions.msgFindByDirection|functions.msgFindQuery",
    "functions.queryWidExists",
)


BINDING = "__bridgeTell"
AGENT = "__bridgeAgent"
#: How a file of `page/kinds` says that its kind can be sent.
_SENDER = re.compile(r"^senders\.(\w+) =", re.MULTILINE)
_PARTS = ("registry", "models", "outlet", "state", "linking", "arrivals", "history", "calls")


def _kinds() -> list[str]:
    folder = resources.files("bridge.drivers.web") / "page" / "kinds"
    return [file.read_text("utf-8") for file in sorted(folder.iterdir(), key=lambda file: file.name)]


@functools.cache
def sendable_kinds() -> frozenset[str]:
    """The kinds that the page's scripts can send."""
    return frozenset(kind for script in _kinds() for kind in _SENDER.findall(script))


@functools.cache
def init_script(report: float) -> str:
    """The whole script, about 550 KB; `report` in seconds. Raises `StartError` when wa-js is not installed."""
    here = resources.files("bridge.drivers.web")
    bundle = here / "node_modules" / "@wppconnect" / "wa-js" / "dist" / "wppconnect-wa.js"
    if not bundle.is_file():
        raise StartError("wa-js is not installed with the bridge. Run scripts/setup, or install the built wheel.")
    agent = "\n".join([*((here / "page" / f"{part}.js").read_text("utf-8") for part in _PARTS), *_kinds()])
    return f"""
if (window === window.top && location.protocol.startsWith("http")) {{
  window.WPPConfig = {{ disableGoogleAnalytics: true }};
  {bundle.read_text("utf-8")}
  (() => {{
    "use strict";
    const agentName = {json.dumps(AGENT)};
    const reportMs = {report * 1000:.0f};
    const needed = {json.dumps(REQUIRED_MODULES)};
    const toPython = window[{json.dumps(BINDING)}];
    {agent}
  }})();
}}
"""
