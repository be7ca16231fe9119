"""Sessions that are added and removed while the responder runs."""

from __future__ import annotations

from bridge.contract.session_changes import BridgeAction
from tests.client.conftest import ANA, BETO
from tests.responder.conftest import ResponderHarness
from tests.responder.test_flow import GREETING


async def test_a_session_that_is_added_is_answered_and_one_that_is_removed_is_no_longer_read(
    harness_on_each: ResponderHarness,
) -> None:
    harness = harness_on_each
    responder = await harness.start()
    bridge = harness.bridge
    await bridge.change(BridgeAction.ADD_SESSION, "otra", 52)
    phone = bridge.others["otra"]
    await harness.until(lambda: "reading-otra" in responder.health.leases)
    phone.incoming(ANA, "hola")
    await harness.until(lambda: [sent.text for sent in phone.sent] == [GREETING])
    assert await harness.verdicts(1) == ["answered"]
    assert await harness.rows("SELECT cliente_id FROM ll_ia_conversaciones GROUP BY cliente_id") == [(52,)]

    await bridge.change(BridgeAction.REMOVE_SESSION, "otra")
    await harness.until(lambda: "reading-otra" not in responder.health.leases)
    await harness.until_rows("SELECT owner FROM wa_lease WHERE name = 'reading-otra'", [(None,)])
    bridge.phone.incoming(ANA, "hola")
    assert await harness.answers(1) == [GREETING]

    await bridge.change(BridgeAction.ADD_SESSION, "otra", 52)
    phone = bridge.others["otra"]
    await harness.until(lambda: "reading-otra" in responder.health.leases)
    phone.incoming(BETO, "buenas")
    await harness.until(lambda: len(phone.sent) == 1)


async def test_a_session_that_was_added_before_the_start_is_read_from_its_beginning(harness: ResponderHarness) -> None:
    await harness.bridge.change(BridgeAction.ADD_SESSION, "otra", 52)
    harness.bridge.others["otra"].incoming(ANA, "hola")
    await harness.start()
    await harness.until(lambda: len(harness.bridge.others["otra"].sent) == 1)
