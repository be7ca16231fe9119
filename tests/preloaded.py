"""What `tests/forked.py` loads once for all programs that it starts: the modules that services and commands use.

They import most of these when they run. A program that needs another module loads it by itself.
"""

import gc
from importlib import import_module
from pkgutil import iter_modules

import bridge.cli

LOADED = (
    *("ctypes", "typer._adapters", "rich.progress", "rich.table", "httpx", "uvicorn", "playwright.async_api"),
    *("aiomysql", "sqlalchemy.dialects.mysql.aiomysql", "sqlalchemy.dialects.sqlite.aiosqlite"),
    *("bridge.app.http_server", "bridge.drivers.web.driver", "bridge.http.listener", "bridge.sandbox"),
    *("bridge.drivers.web.login_files", "bridge.drivers.web.descriptor", "bridge.ops.doctor.ineffective", "aiosqlite"),
    *("campaigns.app", "responder.app", "responder.http.app", "responder.ineffective", "responder.transports"),
    *("anyio._backends._asyncio", "uvicorn.lifespan.off", "uvicorn.protocols.websockets.websockets_sansio_impl"),
    *(f"bridge.cli.{found.name}" for found in iter_modules(bridge.cli.__path__) if found.name != "__main__"),
)

gc.disable()  # a quarter of the time, and nothing to find
for _name in LOADED:
    import_module(_name)
gc.freeze()  # a look at what stays would copy the memory of the forked processes
gc.enable()
