"""`/v1/broker`: how programs connect to the broker, and the users of a broker that the bridge owns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.errors import BridgeError, CodedError
from bridge.http.context import AppContext
from bridge.http.dependencies import AuditOf, Caller, ContextOf, needs_scope
from bridge.http.errors import BrokerUnchanged, Forbidden, NotFound
from bridge.http.v1.documents import problems
from bridge.ports import Scope
from bridge.ports.broker_users import BrokerUsers, ClientRole

_log = logging.getLogger(__name__)


async def _owner(caller: Caller) -> None:
    """A user may be for any session. Raises `Forbidden`."""
    if caller.sessions is not None:
        raise Forbidden("The broker serves all sessions: this needs an admin of every session.")


router = APIRouter(
    prefix="/broker",
    tags=["broker"],
    dependencies=[needs_scope(Scope.ADMIN), Depends(_owner)],
    responses={**problems(409)},
)


class BrokerUserView(BaseModel):
    """A user of the broker. `session` null: every session."""

    name: str
    roles: list[str]
    session: str | None
    password: str | None = Field(default=None, description="only in the answer to its creation; kept as a hash")


class BrokerView(BaseModel):
    """Where programs connect. Without `owned`, `wa broker user` on the broker's machine manages its users."""

    owned: bool = Field(description="whether the bridge runs this broker, and can add users")
    host: str
    port: int
    scheme: str = Field(examples=["mqtt"])
    prefix: str = Field(description="first levels of every topic", examples=["wa"])
    roles: list[str] = Field(default=[str(role) for role in ClientRole], description="what a user may have")
    users: list[BrokerUserView] = Field(description="without the broker's own, which is the bridge's")


class NewBrokerUser(BaseModel):
    """A user to add. The password is made."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"name": "node-red", "roles": ["reader"]}]}
    )
    name: Annotated[str, Field(max_length=64, description="letters, digits, _ and -; also the level of its replies")]
    roles: Annotated[list[Annotated[ClientRole, Field(strict=False)]], Field(min_length=1, max_length=len(ClientRole))]
    session: Annotated[str | None, Field(max_length=64)] = None


@router.get("")
async def read_broker(context: ContextOf) -> BrokerView:
    """Address and prefix, and the users where the broker is the bridge's own."""
    users = [] if context.broker_users is None else await asyncio.to_thread(context.broker_users.users)
    return BrokerView(
        owned=context.broker_users is not None,
        host=context.broker.host,
        port=context.broker.port,
        scheme=context.broker.scheme,
        prefix=context.topics.prefix,
        users=[BrokerUserView(name=one.name, roles=sorted(one.roles), session=one.session) for one in users],
    )


@router.post("/users", status_code=201)
async def add_broker_user(body: NewBrokerUser, context: ContextOf, audit: AuditOf) -> BrokerUserView:
    """Add a user, whom the running broker accepts at once. The password is shown only here."""
    users = _users(context)
    if body.session is not None:
        context.entry(body.session)
    with _taken_over():
        password = await users.add(body.name, body.roles, body.session)
    roles = sorted({str(role) for role in body.roles})
    await audit("add broker user", body.session, f"{body.name} {','.join(roles)}")
    return BrokerUserView(name=body.name, roles=roles, session=body.session, password=password)


@router.delete("/users/{name}", status_code=204, response_class=Response)
async def remove_broker_user(name: str, context: ContextOf, audit: AuditOf) -> Response:
    """Remove a user and close its connections."""
    users = _users(context)
    with _taken_over():
        found = await users.remove(name)
    if not found:
        raise NotFound("The broker has no such user.")
    await audit("remove broker user", None, name)
    return Response(status_code=204)


@contextmanager
def _taken_over() -> Iterator[None]:
    """Errors of the broker's files and process as one of HTTP. Raises `BrokerUnchanged`."""
    try:
        yield
    except BridgeError:
        raise
    except (CodedError, OSError) as error:
        _log.warning("the broker's users were not changed: %s", error)
        raise BrokerUnchanged from error


def _users(context: AppContext) -> BrokerUsers:
    if context.broker_users is None:
        raise NotFound(
            "The bridge does not run this broker: on the machine of a mosquitto that `wa broker init` has set up,"
            " `wa broker user add` adds a user."
        )
    return context.broker_users
