"""`/v1/sessions/{session}/requests/{action}`: everything that is not a message."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from bridge.contract import requests as actions
from bridge.contract import responses
from bridge.contract.commands import json_object
from bridge.contract.errors import InvalidRequest
from bridge.http.context import running
from bridge.http.dependencies import Caller, ContextOf, needs
from bridge.http.errors import Forbidden, NotFound, ReportedError, problem
from bridge.http.v1.documents import body_of_any, problems
from bridge.ports import Scope

#: Seconds that one call waits for a request that takes long.
MAX_WAIT = 25.0
router = APIRouter(tags=["requests"])


@router.post(
    "/sessions/{session}/requests/{action}",
    dependencies=[needs(None)],
    response_class=Response,
    responses={
        **problems(422, 501),
        202: {"description": "It goes on", "model": responses.Response},
        200: {"description": "Done, or unknown: WhatsApp gave no answer", "model": responses.Response},
    },
    openapi_extra=body_of_any(actions.REQUESTS, typing={"to": "5491155500001", "seconds": 10}),
)
async def make_request(
    session: str,
    action: Annotated[str, Path(max_length=64)],
    request: Request,
    context: ContextOf,
    caller: Caller,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="seconds, for a request that takes long")] = MAX_WAIT,
) -> Response:
    """Carry out an action; the body has its arguments. The same as a request on MQTT.

    One that takes longer than `wait` is 202 with the status `running` and its progress: it goes on, and the same
    request, with the `id` of the answer, waits for it again.
    An action that reads what people write needs the scope `listen`, any other one `send`.
    """
    entry = context.entry(session)
    if action not in actions.BY_ACTION:
        raise NotFound(f"There is no action {action!r}.")
    scope = Scope.LISTEN if actions.BY_ACTION[action].reads else Scope.SEND
    if not caller.may(scope, session):
        raise Forbidden(f"This needs the scope {scope}, for the session {session}.")
    fields = json_object(await request.body() or b"{}")
    if fields.get("action") not in (None, action):
        raise InvalidRequest("The path and the body name different actions.")
    if "reply_topic" in fields:
        raise InvalidRequest("reply_topic is for MQTT; here the answer is the response.")
    response = await running(entry).requests.respond_within(actions.request_of(action, fields), wait)
    if response.error is not None and response.status is responses.ResponseStatus.FAILED:
        return problem(ReportedError(response.error), response=response.model_dump(mode="json"))
    status = 202 if response.status is responses.ResponseStatus.RUNNING else 200
    return Response(response.to_json(), status, media_type="application/json")
