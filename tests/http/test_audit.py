"""The audit: changes to the access of callers, by HTTP, panel or `wa key`, with actor and address."""

from __future__ import annotations

import json

from tests.forked import run_forked
from tests.http.conftest import HttpBridge
from tests.http.receiver import Receiver

KEY = "the-legacy-key"


async def test_changes_of_keys_and_webhooks_are_audited(side: HttpBridge, receiver: Receiver) -> None:
    side.given |= {"api_key": KEY}
    await side.start()

    async def wa_key(*arguments: str) -> str:
        folder = side.settings.data_dir
        environment = {"WA_DATA_DIR": str(folder), "PATH": "", "USER": "ops"}
        done = await run_forked(("key", *arguments), environment, folder)
        assert done.code == 0
        return done.out

    made = json.loads(await wa_key("create", "node-red", "--json"))["id"]
    await wa_key("revoke", made)
    async with side.client(headers={"x-api-key": KEY}) as client:
        for _ in range(2):  # callers of the legacy path register at every start
            await client.post("/api/whatsapp/register-listener", json={"callbackUrl": receiver.url})
            await client.post("/panel/login")
        for _ in range(2):
            await client.post("/api/whatsapp/unregister-listener", json={"callbackUrl": receiver.url})
        lines = (await client.get("/v1/audit")).json()["audit"]
    audited = [(one["action"], one["actor"], one["address"]) for one in reversed(lines)]
    here = ("WHATSAPP_API_KEY", "127.0.0.1")
    assert audited == [
        ("create key", "wa key (ops)", "command line"),
        ("revoke key", "wa key (ops)", "command line"),
        ("register listener", *here),
        ("log in", *here),
        ("log in", *here),
        ("unregister listener", *here),
    ]
