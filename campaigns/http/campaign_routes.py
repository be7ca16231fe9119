"""`/v1/campaigns`: plan, look, act, report."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bridge.contract.campaign_reports import CampaignPage, ReportPage
from bridge.contract.campaigns import CampaignAction, CampaignPlan, RecipientState
from campaigns.errors import NoSuchCampaign, WrongPlan
from campaigns.http.csv_report import csv_report
from campaigns.http.requests import body_of, context_of, flag, number, sessions_of, shows_answers, states_of
from campaigns.views import report_row


def json_of(model: BaseModel, status: int = 200) -> Response:
    """A payload as the answer."""
    return Response(model.model_dump_json(by_alias=True), status, media_type="application/json")


async def list_campaigns(request: Request) -> Response:
    """Campaigns of the sessions that the caller may use, newest first."""
    context, sessions = context_of(request), sessions_of(request)
    wanted = request.query_params.get("session")
    if wanted is not None:
        sessions = frozenset({wanted}) if sessions is None else sessions & {wanted}
    found = await context.campaigns.find(sessions=sessions, limit=number(request, "limit", 100, 500))
    counts = await context.campaigns.counts([campaign.id for campaign in found])
    rows = [await context.views.progress(campaign, counts[campaign.id]) for campaign in found]
    return json_of(CampaignPage(campaigns=rows))


async def plan_campaign(request: Request) -> Response:
    """Plan a campaign; with `dry_run` nothing of it stays."""
    context, sessions = context_of(request), sessions_of(request)
    plan = await body_of(request, CampaignPlan)
    if sessions is not None:
        if plan.session is None:
            raise WrongPlan("Name the session: this key may not use every one.")
        if plan.session not in sessions:
            raise NoSuchCampaign(f"This key may not use the session {plan.session}.")
        if plan.follow_up is not None:
            await context.campaigns.get(plan.follow_up.campaign, sessions)
    dry_run = flag(request, "dry_run")
    return json_of(await context.actions.plan(plan, dry_run=dry_run), 200 if dry_run else 201)


async def read_campaign(request: Request) -> Response:
    """One campaign with its plan and preview."""
    context = context_of(request)
    campaign = await context.campaigns.get(request.path_params["id"], sessions_of(request))
    return json_of(await context.views.view(campaign))


async def delete_campaign(request: Request) -> Response:
    """Delete a draft, or what has ended."""
    await context_of(request).actions.delete(request.path_params["id"], sessions_of(request))
    return Response(status_code=204)


async def act(request: Request) -> Response:
    """Start, pause, resume, cancel, or retry."""
    try:
        action = CampaignAction(request.path_params["action"])
    except ValueError as error:
        raise NoSuchCampaign(f"There is no action {request.path_params['action'][:40]!r}.") from error
    view = await context_of(request).actions.act(
        request.path_params["id"], action, sessions_of(request), unknown=flag(request, "unknown")
    )
    return json_of(view)


async def list_recipients(request: Request) -> Response:
    """The recipients of a campaign, in the order of their numbers."""
    context = context_of(request)
    campaign = await context.campaigns.get(request.path_params["id"], sessions_of(request))
    limit = max(1, number(request, "limit", 100, 1000))
    try:
        states = None if (given := states_of(request)) is None else [RecipientState(name) for name in given]
    except ValueError as error:
        raise WrongPlan(f"state must be some of {', '.join(RecipientState)}.") from error
    rows = await context.recipients.page(campaign.id, number(request, "after", 0, 2**31 - 1), limit, states)
    page = ReportPage(
        recipients=[report_row(row, answers=shows_answers(request)) for row in rows],
        next=rows[-1].n if len(rows) == limit else None,
    )
    return json_of(page)


async def history(request: Request) -> Response:
    """A campaign over time."""
    context = context_of(request)
    campaign = await context.campaigns.get(request.path_params["id"], sessions_of(request))
    return json_of(await context.views.history(campaign.id))


async def report(request: Request) -> Response:
    """The whole report as CSV."""
    context = context_of(request)
    campaign = await context.campaigns.get(request.path_params["id"], sessions_of(request))
    headers = {"Content-Disposition": f'attachment; filename="{campaign.id}.csv"'}
    return StreamingResponse(
        csv_report(context.recipients, campaign.id, answers=shows_answers(request)),
        200,
        headers,
        "text/csv; charset=utf-8",
    )


routes = [
    Route("/v1/campaigns", list_campaigns, methods=["GET"]),
    Route("/v1/campaigns", plan_campaign, methods=["POST"]),
    Route("/v1/campaigns/{id}", read_campaign, methods=["GET"]),
    Route("/v1/campaigns/{id}", delete_campaign, methods=["DELETE"]),
    Route("/v1/campaigns/{id}/recipients", list_recipients, methods=["GET"]),
    Route("/v1/campaigns/{id}/history", history, methods=["GET"]),
    Route("/v1/campaigns/{id}/report.csv", report, methods=["GET"]),
    Route("/v1/campaigns/{id}/{action}", act, methods=["POST"]),
]
