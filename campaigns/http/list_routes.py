"""`/v1/campaigns/lists` and `/v1/campaigns/opt-outs`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.contract.campaign_reports import OptOuts, RecipientLists
from bridge.contract.campaigns import OptOutRequest
from campaigns.errors import FileTooLarge, NoSuchCampaign, WrongPlan
from campaigns.http.campaign_routes import json_of
from campaigns.http.context import CampaignContext
from campaigns.http.requests import body_of, context_of
from campaigns.lists.contacts import number_key

#: The path whose body the guard does not read.
UPLOAD = "/v1/campaigns/lists"
#: What the body must be declared as: a form of another site cannot send it.
BODY_TYPE = "application/octet-stream"


async def upload_list(request: Request) -> Response:
    """Import a file; the query `name` is for people."""
    context = context_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != BODY_TYPE:
        raise WrongPlan(f"The body must be the file: send Content-Type: {BODY_TYPE}.")
    name = " ".join(request.query_params.get("name", "").split()) or "list"
    with tempfile.TemporaryDirectory(dir=context.uploads) as folder:
        path = Path(folder) / "list"
        await _receive(request, context, path)
        return json_of(await context.imports.take(path, name, await context.own()), 201)


async def _receive(request: Request, context: CampaignContext, path: Path) -> None:
    """Write the body to a file. Raises `FileTooLarge`, `WrongPlan`."""
    size = 0
    parts = request.stream()
    with path.open("wb") as file:
        while True:
            try:
                async with asyncio.timeout(context.limits.upload_pause):
                    part = await anext(parts, None)
            except TimeoutError as error:
                raise WrongPlan("The file did not arrive in time.") from error
            if part is None:
                return
            size += len(part)
            if size > context.limits.upload:
                raise FileTooLarge(
                    f"The file has more than {context.limits.upload // 1_000_000} MB: divide it.", detail="large_file"
                )
            await asyncio.to_thread(file.write, part)


async def list_lists(request: Request) -> Response:
    """The uploaded lists, newest first."""
    return json_of(RecipientLists(lists=await context_of(request).lists.all()))


async def delete_list(request: Request) -> Response:
    """Delete a list; campaigns that were planned from it keep their recipients."""
    context = context_of(request)
    await context.lists.get(request.path_params["id"])
    await context.lists.delete(request.path_params["id"])
    return Response(status_code=204)


async def list_opt_outs(request: Request) -> Response:
    """Who asked for no more messages, newest first."""
    return json_of(OptOuts(opt_outs=await context_of(request).people.all_opt_outs()))


async def add_opt_out(request: Request) -> Response:
    """Put a person on the list of opt-outs."""
    context = context_of(request)
    await context.people.opt_out([await _person(request)], context.now(), "operator")
    context.opted_out()
    return Response(status_code=204)


async def remove_opt_out(request: Request) -> Response:
    """Take a person off the list, who asked for it."""
    context = context_of(request)
    found = number_key(request.path_params["to"])
    if found is None:
        raise NoSuchCampaign("This is no phone number.")
    await context.people.opt_in(found[1])
    return Response(status_code=204)


async def _person(request: Request) -> str:
    given = await body_of(request, OptOutRequest)
    found = number_key(given.to)
    if found is None:
        raise WrongPlan("to is no phone number; write it with its country, such as 5491155500001.")
    return found[1]


routes = [
    Route(UPLOAD, list_lists, methods=["GET"]),
    Route(UPLOAD, upload_list, methods=["POST"]),
    Route("/v1/campaigns/lists/{id}", delete_list, methods=["DELETE"]),
    Route("/v1/campaigns/opt-outs", list_opt_outs, methods=["GET"]),
    Route("/v1/campaigns/opt-outs", add_opt_out, methods=["POST"]),
    Route("/v1/campaigns/opt-outs/{to}", remove_opt_out, methods=["DELETE"]),
]
