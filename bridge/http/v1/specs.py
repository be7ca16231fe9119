"""`/v1/asyncapi.json` and `/v1/schemas/…`: the machine-readable contract, beside `/v1/openapi.json`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from bridge.contract.asyncapi import asyncapi, schemas
from bridge.http.dependencies import ContextOf, needs
from bridge.http.errors import NotFound

router = APIRouter(dependencies=[needs(None)], include_in_schema=False)


@router.get("/asyncapi.json")
async def read_asyncapi(context: ContextOf) -> dict[str, Any]:
    """AsyncAPI of the MQTT topics, with the prefix of this bridge."""
    return asyncapi(context.topics, context.version)


@router.get("/schemas")
async def list_schemas() -> dict[str, list[str]]:
    """The names of the payloads."""
    return {"schemas": [f"{name}.json" for name in schemas()]}


@router.get("/schemas/{name}.json")
async def read_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one payload."""
    found = schemas().get(name)
    if found is None:
        raise NotFound("No schema has this name; /v1/schemas lists them.")
    return found
