"""The script that runs in WhatsApp Web before the page's own code: wa-js as npm ships it, then the bridge's agent.

It is one init script because the order matters: analytics off, wa-js, agent. Top frame only.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources

from bridge.contract.kinds import VARIANTS
from bridge.drivers.web.limits import Limits

#: Functions that the driver needs, under `WPP.whatsapp`; `a|b` = either one. The site loads all of them on its QR page.
REQUIRED_MODULES = (
    "Socket.state",
    "Socket.stream",
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

BINDING = "__bridgeReport"
AGENT = "__bridgeAgent"
_PARTS = (
    *("registry", "models", "files", "queue", "availability", "linking", "passkey", "limits", "state"),
    *("undecrypted", "incoming", "history", "media", "acts", "groups", "calls"),
    *("chats", "contacts", "blocking", "pictures", "group_settings", "phone_calls", "labels"),
)
#: Folders with one file per capability.
_CAPABILITIES = ("kinds", "events", "requests")


def _scripts(folder: str) -> list[str]:
    files = resources.files("bridge.drivers.web") / "page" / folder
    if not files.is_dir():
        return []
    return [file.read_text("utf-8") for file in sorted(files.iterdir(), key=lambda file: file.name)]


def _entries(folder: str, registry: str) -> frozenset[str]:
    entry = re.compile(rf"^{registry}(?:\.(\w+)|\[\"([\w.]+)\"\]) =", re.MULTILINE)
    return frozenset(one or other for script in _scripts(folder) for one, other in entry.findall(script))


@functools.cache
def sendable_kinds() -> frozenset[str]:
    """The kinds of content that the page's scripts can send."""
    return _entries("kinds", "senders") | _entries("kinds", "actors")


@functools.cache
def answered_actions() -> frozenset[str]:
    """The actions of requests that the page's scripts can carry out."""
    return _entries("requests", "answerers")


def page_script() -> str:
    """The agent: its parts in order, then each capability in its own scope."""
    folder = resources.files("bridge.drivers.web") / "page"
    parts = [(folder / f"{part}.js").read_text("utf-8") for part in _PARTS]
    return "\n".join([*parts, *(f"{{\n{script}}}" for name in _CAPABILITIES for script in _scripts(name))])


@functools.cache
def init_script(limits: Limits, wa_js: str, *, available: bool) -> str:
    """The whole script, about 550 KB; `wa_js` is the library's text."""
    return f"""
if (window === window.top && location.protocol.startsWith("http")) {{
  window.WPPConfig = {{ disableGoogleAnalytics: true, linkPreviewApiServers: [] }};
  {wa_js}
  (() => {{
    "use strict";
    {{ // a block: unlike in a function, a second function of the same name is an error here
    const agentName = {json.dumps(AGENT)};
    const linkCodeMs = {limits.link_code * 1000:.0f};
    const passkeyMs = {limits.passkey * 1000:.0f};
    const variants = {json.dumps(VARIANTS)};
    const reportMs = {limits.report * 1000:.0f};
    const confirmMs = {limits.confirm * 1000:.0f};
    const deliveryMs = {limits.delivery * 1000:.0f};
    const undecryptedMs = {limits.undecrypted * 1000:.0f};
    const showsOnline = {json.dumps(available)};
    const requiredModules = {json.dumps(REQUIRED_MODULES)};
    const sendToDriver = window[{json.dumps(BINDING)}];
    {page_script()}
    }}
  }})();
}}
"""
