"""`/v1/settings`: every setting of the bridge, with the value in force."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.effective_settings import SettingSource
from bridge.http.dependencies import Caller, ContextOf, needs_scope
from bridge.http.errors import Forbidden
from bridge.ports import Scope

router = APIRouter(tags=["settings"])


class SettingView(BaseModel):
    """One setting, without a secret in it."""

    model_config = ConfigDict(from_attributes=True)
    name: str = Field(description="its variable in the environment or in `.env`", examples=["WA_PACE"])
    value: str = Field(description="for display; `***` for a secret, `–` for none", examples=["20/minute"])
    source: SettingSource = Field(description="`wa up`: the command set it; `registry`: changed while it runs")
    default: str | None
    description: str
    secret: bool
    is_set: bool = Field(description="whether there is a value at all")
    live: bool = Field(description="whether it can be changed while the bridge runs; others need a restart")
    waits: bool = Field(description="`.env` has another value by now, which the next start takes")


class SettingsList(BaseModel):
    """All settings, in the order of deploy/wa.env.example."""

    settings: list[SettingView]


@router.get("/settings", dependencies=[needs_scope(Scope.ADMIN)])
async def list_settings(context: ContextOf, caller: Caller) -> SettingsList:
    """The settings in force, read-only; secrets are only shown as set or not. For admins of every session."""
    if caller.sessions is not None:
        raise Forbidden("Settings are those of all sessions: this needs an admin of every session.")
    found = await asyncio.to_thread(context.settings)
    return SettingsList(settings=[SettingView.model_validate(one) for one in found])
