"""How a middleware refuses a request: it knows the status, the server words the answer."""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

#: Makes the answer to a refused request. Its `detail` may be empty: then the sentence is the server's.
Refuse = Callable[[Scope, HTTPException], ASGIApp]
