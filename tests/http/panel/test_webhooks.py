"""Webhooks in the panel: what one receives, its test, and the log of its posts."""

from __future__ import annotations

from playwright.async_api import expect

from tests.http.conftest import ANA, BETO, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.http.receiver import Answer, Receiver
from tests.pictures import picture

LISTENERS = "/v1/sessions/haby/listeners"
SECRET = "a-secret-of-thirty-two-characters"


async def test_a_webhook_is_added_changed_and_tested(
    started: HttpBridge, receiver: Receiver, open_panel: OpenPanel
) -> None:
    page = await open_panel(started, at="#listeners")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Add a webhook").click()
    await page.get_by_label("URL").fill(receiver.url)
    await dialog.get_by_label("All messages").uncheck()
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Choose at least one")
    await dialog.get_by_text("Only messages of these kinds").click()
    await dialog.get_by_label("Photo").check()
    await dialog.get_by_text("Also these events").click()
    await dialog.get_by_label("reactions").check()
    await dialog.get_by_label("Secret").fill(SECRET)
    await picture(page, "panel-webhook-form")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_role("button", name="Change").click()
    await expect(dialog.get_by_label("reactions")).to_be_checked()
    await dialog.get_by_label("All messages").check()
    async with page.expect_response(lambda answer: answer.request.method == "POST"):  # the dialog closes before it
        await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    async with started.client() as client:
        [made] = (await client.get(LISTENERS)).json()["listeners"]
    assert (made["events"], made["signed"]) == (["message", "reaction"], True)

    for chats, kept in (("+54 9 11 5550-0001\n5491155500002", [ANA, BETO]), ("", None)):
        await page.get_by_role("button", name="Change").click()
        await dialog.get_by_label("Only these chats").fill(chats)
        async with page.expect_response(lambda answer: answer.request.method == "POST"):
            await dialog.get_by_role("button", name="Save").click()
        async with started.client() as client:
            [made] = (await client.get(LISTENERS)).json()["listeners"]
            assert made["chats"] == kept
            unchanged = await client.post(LISTENERS, json={"url": receiver.url})  # omitted: as it is
            assert unchanged.json()["chats"] == kept

    receiver.answers = [Answer(500)]
    for said in ("It answered 500.", "It answered 200 in"):
        await page.get_by_role("button", name="Test").click()
        await expect(dialog).to_contain_text(said)
        await expect(dialog).to_contain_text("{}")
        await picture(page, "panel-webhook-test")
        await dialog.get_by_role("button", name="Close").click()
    started.phone.incoming(ANA, "hola")
    await receiver.got(3)
    await page.get_by_role("button", name="Deliveries").click()
    lines = dialog.get_by_role("list").get_by_role("listitem")
    await expect(lines).to_have_count(3)
    await expect(lines.first).to_contain_text("delivered")
    await expect(lines.last).to_contain_text("It answered 500.")
    await picture(page, "panel-webhook-log")
