"""The report as CSV, for spreadsheets: UTF-8 with its mark, semicolons, and no cell that it would calculate."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime

from campaigns.store.recipients import RecipientStore
from campaigns.views import report_row

PAGE = 1_000
COLUMNS = (
    *("n", "to", "name", "state", "code", "error", "sent_at", "delivered_at", "read_at", "answered_at", "answer"),
    "text",
)
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows and does not calculate."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


async def csv_report(recipients: RecipientStore, campaign_id: str, *, answers: bool) -> AsyncIterator[bytes]:
    """The report in parts, one line for each recipient; `answers`: with what they wrote."""
    yield ("\ufeff" + ";".join(COLUMNS) + "\r\n").encode()
    after = 0
    while rows := await recipients.page(campaign_id, after, PAGE):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
        for row in rows:
            one = report_row(row, answers=answers)
            writer.writerow([_cell(getattr(one, column)) for column in COLUMNS])
        after = rows[-1].n
        yield text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return harmless(str(value))
