"""The checks of secrets and dependencies find faults, and never report an unchecked package as clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from detect_secrets.plugins.keyword import DENYLIST

from scripts.audit_dependencies import Audit, of_npm, of_pip
from scripts.scan_secrets import STEMS

ROOT = Path(__file__).parents[2]
#: Concatenated, so that this file contains no secret.
TOKEN = "ghp_" + "x7Kq9Zp2Lm4T" * 3
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"


def git(folder: Path, *arguments: str) -> None:
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", folder, *author, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-b", "main")
    return tmp_path


def scanned(folder: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts/scan_secrets.py"
    return subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)


def test_a_secret_that_was_committed_and_removed_again_is_found(repository: Path) -> None:
    (repository / "settings.py").write_text(f'token = "{TOKEN}"\n')
    git(repository, "add", ".")
    git(repository, "commit", "-m", "one")
    (repository / "settings.py").write_text("token = ask()\n")
    git(repository, "commit", "-am", "two")
    found = scanned(repository)
    assert (found.returncode, "settings.py" in found.stdout) == (1, True), found
    assert TOKEN not in found.stdout


def test_an_uncommitted_key_is_found_in_tests_too(repository: Path) -> None:
    (repository / "tests").mkdir()
    (repository / "tests/key.pem").write_text(f"{KEY}\n")
    found = scanned(repository)
    assert (found.returncode, found.stdout) == (1, "tests/key.pem (not committed): Private Key\n")


def test_a_tree_without_secrets_passes(repository: Path) -> None:
    (repository / "a.py").write_text('url = "mqtt://user:password@localhost"\n')
    assert scanned(repository).returncode == 0


def test_the_detector_of_keywords_runs_wherever_it_may_find_one(repository: Path) -> None:
    assert all(any(stem in word for stem in STEMS) for word in DENYLIST)
    (repository / "a.py").write_text(f'DB_PASSWORD = "{TOKEN[4:]}"\n')
    found = scanned(repository)
    assert (found.returncode, "Secret Keyword" in found.stdout) == (1, True), found


def test_a_package_that_could_not_be_checked_is_not_reported_as_audited() -> None:
    audit = Audit()
    vulnerable = {"name": "b", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}
    of_pip({"dependencies": [{"name": "a", "skip_reason": "not found"}, vulnerable]}, audit)
    of_npm(json.loads('{"message": "405 Method Not Allowed", "statusCode": 405}'), audit)
    of_npm({"vulnerabilities": {"wa-js": {"severity": "high"}}}, audit)
    assert audit == Audit(2, ["b 1.0: PYSEC-1", "wa-js (npm): high"], ["a", "wa-js (npm)"])
