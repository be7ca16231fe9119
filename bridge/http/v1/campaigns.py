"""`/v1/campaigns`: passed on to the campaigns service, with the keys and scopes of this server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from bridge.contract.campaign_reports import (
    CampaignHistory,
    CampaignPage,
    CampaignView,
    OptOuts,
    RecipientList,
    RecipientLists,
    ReportPage,
)
from bridge.contract.campaigns import CampaignAction, CampaignPlan, OptOutRequest
from bridge.http.dependencies import Caller, ContextOf, needs_scope
from bridge.http.errors import Forbidden
from bridge.http.v1.documents import body_of, problems
from bridge.http.v1.settings import SettingsList
from bridge.ports import Scope

router = APIRouter(tags=["campaigns"], dependencies=[needs_scope(Scope.SEND)])
#: The path whose body is not read by the guard.
LISTS = "/v1/campaigns/lists"
BODY_TYPE = "application/octet-stream"
_Id = Annotated[str, Path(max_length=64, description="id of a campaign")]
_FILE = {"requestBody": {"required": True, "content": {BODY_TYPE: {"schema": {"type": "string", "format": "binary"}}}}}


def _answers(model: type[Any], status: int = 200, text: str = "Done") -> dict[int | str, dict[str, Any]]:
    return {**problems(409), status: {"description": text, "model": model}}


def _whole(context: ContextOf, caller: Caller) -> None:
    """Lists and opt-outs belong to no session. Raises `Forbidden`."""
    if not caller.may_all(Scope.SEND, context.entries):
        raise Forbidden("Lists and opt-outs are shared by all sessions: this needs a key for every one.")


@router.get("/campaigns", response_class=Response, responses=_answers(CampaignPage, text="Newest first"))
async def list_campaigns(
    request: Request,
    context: ContextOf,
    caller: Caller,
    session: Annotated[str | None, Query(max_length=64)] = None,  # noqa: ARG001 - documented here, read by the service
    limit: Annotated[int, Query(ge=1, le=500)] = 100,  # noqa: ARG001
) -> Response:
    """Campaigns with how far each is."""
    return await context.campaigns.forward(request, caller)


@router.post(
    "/campaigns",
    response_class=Response,
    responses={
        **_answers(CampaignView, 201, "Planned, with a preview"),
        200: {"description": "Dry run: as it would be planned", "model": CampaignView},
    },
    openapi_extra=body_of(
        CampaignPlan,
        named={
            "name": "Cupones",
            "recipients": [{"to": "5491155500001", "name": "Ana", "vars": {"saldo": "1.200"}}],
            "variants": ["Hola {{name}}, te quedan {{saldo}} puntos.", "{{name}}, tenés {{saldo}} puntos."],
        },
        of_a_list={
            "name": "Agosto",
            "list": "0f3a5c7e9b1d",
            "variants": ["Hola {{nombre|vecino}}"],
            "window": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"},
            "pace": "2/minute",
            "warm_up": [20, 50, 100],
        },
    ),
)
async def plan_campaign(
    request: Request,
    context: ContextOf,
    caller: Caller,
    dry_run: Annotated[bool, Query(description="plan it and keep nothing")] = False,  # noqa: ARG001
) -> Response:
    """Plan a campaign: every text is made now and never changes. Nothing is sent before `start`."""
    return await context.campaigns.forward(request, caller)


@router.get("/campaigns/lists", response_class=Response, responses=_answers(RecipientLists, text="Newest first"))
async def list_lists(request: Request, context: ContextOf, caller: Caller) -> Response:
    """The uploaded lists of recipients."""
    _whole(context, caller)
    return await context.campaigns.forward(request, caller)


@router.post(
    "/campaigns/lists",
    response_class=Response,
    responses=_answers(RecipientList, 201, "Imported; rows that are not used are named"),
    openapi_extra=_FILE,
)
async def upload_list(
    request: Request,
    context: ContextOf,
    caller: Caller,
    name: Annotated[str, Query(max_length=120, description="for people")] = "list",  # noqa: ARG001
) -> Response:
    """Import a CSV or XLSX file. Its first row has the titles; one of them is `telefono`."""
    _whole(context, caller)
    return await context.campaigns.forward(request, caller)


@router.delete("/campaigns/lists/{list_id}", status_code=204, response_class=Response, responses=problems())
async def delete_list(
    list_id: Annotated[str, Path(max_length=64)],  # noqa: ARG001 - documented here, read by the service
    request: Request,
    context: ContextOf,
    caller: Caller,
) -> Response:
    """Delete a list; campaigns that were planned from it keep their recipients."""
    _whole(context, caller)
    return await context.campaigns.forward(request, caller)


@router.get("/campaigns/opt-outs", response_class=Response, responses=_answers(OptOuts, text="Newest first"))
async def list_opt_outs(request: Request, context: ContextOf, caller: Caller) -> Response:
    """Who asked for no more messages."""
    _whole(context, caller)
    return await context.campaigns.forward(request, caller)


@router.post(
    "/campaigns/opt-outs",
    status_code=204,
    response_class=Response,
    responses=problems(),
    openapi_extra=body_of(OptOutRequest, number={"to": "5491155500001"}),
)
async def add_opt_out(request: Request, context: ContextOf, caller: Caller) -> Response:
    """Put a person on the list of opt-outs."""
    _whole(context, caller)
    return await context.campaigns.forward(request, caller)


@router.delete("/campaigns/opt-outs/{to}", status_code=204, response_class=Response, responses=problems())
async def remove_opt_out(
    to: Annotated[str, Path(max_length=64)],  # noqa: ARG001 - documented here, read by the service
    request: Request,
    context: ContextOf,
    caller: Caller,
) -> Response:
    """Take a person off the list of opt-outs, who asked for it."""
    _whole(context, caller)
    return await context.campaigns.forward(request, caller)


@router.get(
    "/campaigns/settings",
    response_class=Response,
    responses=_answers(SettingsList, text="In the order of deploy/campaigns.env.example"),
    dependencies=[needs_scope(Scope.ADMIN)],
)
async def read_campaign_settings(request: Request, context: ContextOf, caller: Caller) -> Response:
    """Every setting of the campaigns service, as `/v1/settings` has those of the bridge."""
    if not caller.may_all(Scope.ADMIN, context.entries):
        raise Forbidden("Settings are those of all sessions: this needs the scope admin for every one.")
    return await context.campaigns.forward(request, caller)


@router.get("/campaigns/{campaign}", response_class=Response, responses=_answers(CampaignView, text="The campaign"))
async def read_campaign(campaign: _Id, request: Request, context: ContextOf, caller: Caller) -> Response:  # noqa: ARG001
    """A campaign with its plan, its numbers, and a preview of its texts."""
    return await context.campaigns.forward(request, caller)


@router.delete("/campaigns/{campaign}", status_code=204, response_class=Response, responses=problems(409))
async def delete_campaign(campaign: _Id, request: Request, context: ContextOf, caller: Caller) -> Response:  # noqa: ARG001
    """Delete a draft, or a campaign that has ended, with its report."""
    return await context.campaigns.forward(request, caller)


@router.get("/campaigns/{campaign}/recipients", response_class=Response, responses=_answers(ReportPage, text="A page"))
async def list_recipients(
    campaign: _Id,  # noqa: ARG001 - documented here, read by the service
    request: Request,
    context: ContextOf,
    caller: Caller,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,  # noqa: ARG001
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,  # noqa: ARG001
    state: Annotated[str | None, Query(max_length=100, description="only these states, comma list")] = None,  # noqa: ARG001
) -> Response:
    """The recipients of a campaign with their states, ticks and first answers."""
    return await context.campaigns.forward(request, caller)


@router.get(
    "/campaigns/{campaign}/history", response_class=Response, responses=_answers(CampaignHistory, text="Over time")
)
async def read_history(campaign: _Id, request: Request, context: ContextOf, caller: Caller) -> Response:  # noqa: ARG001
    """How many messages were sent, delivered, read and answered, from the first one on."""
    return await context.campaigns.forward(request, caller)


@router.get(
    "/campaigns/{campaign}/report.csv",
    response_class=Response,
    responses={**problems(), 200: {"description": "The report", "content": {"text/csv": {}}}},
)
async def read_report(campaign: _Id, request: Request, context: ContextOf, caller: Caller) -> Response:  # noqa: ARG001
    """The whole report as CSV, for a spreadsheet. No cell of it is a formula."""
    return await context.campaigns.forward(request, caller)


@router.post("/campaigns/{campaign}/{action}", response_class=Response, responses=_answers(CampaignView))
async def act_on_campaign(
    campaign: _Id,  # noqa: ARG001 - documented here, read by the service
    action: CampaignAction,  # noqa: ARG001
    request: Request,
    context: ContextOf,
    caller: Caller,
    unknown: Annotated[bool, Query(description="with `retry`: also those that may have been sent")] = False,  # noqa: ARG001
) -> Response:
    """Start, pause, resume or cancel a campaign, or let the failed recipients wait again (`retry`)."""
    return await context.campaigns.forward(request, caller)
