"""The memory of an idle responder: modules that it does not need are not loaded, and load on use."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

#: Connects to a database, then does the RSA login that MySQL 8 requires without TLS; prints which modules it loaded.
LOGIN = """
import asyncio, json, sys
from responder.settings import load
from bridge.sql.database import SqlDatabase
from sqlalchemy import text

RUST = "cryptography.hazmat.bindings._rust"

async def ask():
    url = load(**json.loads(sys.argv[1])).database_url
    async with SqlDatabase(url) as database, database.read() as connection:
        return (await connection.execute(text("SELECT 1"))).scalar()

assert asyncio.run(ask()) == 1
before = RUST in sys.modules
from pymysql import _auth
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
key = rsa.generate_private_key(65537, 2048)
public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
sealed = _auth.sha2_rsa_encrypt("clave".encode(), b"x" * 20, public)
opened = key.decrypt(sealed, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
print(json.dumps([before, RUST in sys.modules, bytes(a ^ ord("x") for a in opened)[:5].decode()]))
"""


def output_of(script: str, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("database_settings", ["mariadb"], indirect=True)
def test_cryptography_is_loaded_only_by_a_login_that_needs_it(database_settings: dict[str, Any]) -> None:
    assert output_of(LOGIN, json.dumps(database_settings)) == [False, True, "clave"]


def test_the_model_client_does_not_load_all_of_openai() -> None:
    """8 MB more in openai 2.45, 14 MB more for `client.chat`: each is as many modules."""
    script = (
        "import asyncio, json, sys\n"
        "from pydantic import SecretStr\n"
        "from responder.errors import ModelFailed\n"
        "from responder.faults import FaultLog\n"
        "from responder.model import Model, ModelOptions\n"
        "from responder.timing import ModelTiming\n"
        "async def ask():\n"
        "    options = ModelOptions(SecretStr('clave'), base_url='http://127.0.0.1:9/v1', retries=0)\n"
        "    model = Model(options, lambda: 0.0, FaultLog(lambda: 0.0, lambda _: None), ModelTiming())\n"
        "    try:\n"
        "        await model.complete([])\n"
        "    except ModelFailed as error:\n"
        "        text = error.text\n"
        "    await model.close()\n"
        "    return text\n"
        "text = asyncio.run(ask())\n"
        "print(json.dumps([text, sum(name.startswith('openai.') for name in sys.modules)]))"
    )
    text, modules = output_of(script)
    assert text.startswith("APIConnectionError")
    assert modules < 620, "openai has grown: measure it with `python -m bench.responder --memory`"
