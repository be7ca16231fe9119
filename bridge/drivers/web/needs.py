"""What the driver needs of WhatsApp's page, by the names under `WPP.whatsapp`: without one of these nothing works.

Asked of a page that is logged in: before, the site need not have loaded them. `a|b` = one of the two will do.
"""

from __future__ import annotations

NEEDED = (
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
