"""The list in a request's data as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from bridge.contract.requests import BY_ACTION

#: A spreadsheet takes a cell that begins like this for a formula, which could call other programs.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(action: str, data: Any) -> str | None:
    """A row for each entry of the list that the action answers, with the names of all fields of an entry above; None
    where it answers no list. The lines end with CR LF, as RFC 4180 has it."""
    found = _list_of(action)
    if found is None or not isinstance(data, dict):
        return None
    field, entry = found
    names = list(entry.model_fields)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_cell(row, name) for name in names] for row in data.get(field) or ())
    return out.getvalue()


def _list_of(action: str) -> tuple[str, type[BaseModel]] | None:
    """The field of the action's data that is a list of objects, and the class of these."""
    request = BY_ACTION.get(action)
    for name, field in request.data.model_fields.items() if request and request.data else ():
        entry = next(iter(get_args(field.annotation)), None)
        if get_origin(field.annotation) is list and isinstance(entry, type) and issubclass(entry, BaseModel):
            return name, entry
    return None


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
