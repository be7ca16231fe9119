"""Check every dependency of a release, from PyPI and from npm, for known vulnerabilities.

Exit code 0: all were checked and none is vulnerable. 1: at least one is vulnerable. 3: not all could be checked; for
these `pip-audit` alone would report "no known vulnerabilities found".
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
NOT_AUDITED = 3
_PIP = (
    *(sys.executable, "-m", "pip_audit", "--requirement", "deploy/requirements.lock", "--require-hashes"),
    *("--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10"),
)
_NPM = ("npm", "audit", "--omit=dev", "--json")


@dataclass
class Audit:
    """Combined result of both services."""

    checked: int = 0
    findings: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)


def of_pip(answer: Any, audit: Audit) -> None:
    """Add the output of pip-audit."""
    for one in answer["dependencies"]:
        if "skip_reason" in one:
            audit.not_checked.append(one["name"])
            continue
        audit.checked += 1
        audit.findings += [f"{one['name']} {one['version']}: {vulnerability['id']}" for vulnerability in one["vulns"]]


def of_npm(answer: Any, audit: Audit) -> None:
    """Add the output of `npm audit`; an error of the service has no `vulnerabilities`."""
    if "vulnerabilities" not in answer:
        audit.not_checked.append("wa-js (npm)")
        return
    audit.checked += 1
    audit.findings += [f"{name} (npm): {found['severity']}" for name, found in answer["vulnerabilities"].items()]


def main() -> int:
    audit = Audit()
    for command, folder, take, name in (
        (_PIP, ROOT, of_pip, "everything from PyPI"),
        (_NPM, ROOT / "bridge/drivers/web", of_npm, "wa-js (npm)"),
    ):
        try:
            take(_run(command, folder), audit)
        except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
            audit.not_checked.append(name)
    for finding in audit.findings:
        sys.stdout.write(f"vulnerable: {finding}\n")
    if audit.not_checked:
        names = ", ".join(audit.not_checked[:3]) + (", …" if len(audit.not_checked) > 3 else "")
        sys.stdout.write(
            f"NOT AUDITED: {len(audit.not_checked)} could not be checked ({names}): no service answers for them"
            f" here. {audit.checked} were checked. Run scripts/check where PyPI's and npm's services can be reached.\n"
        )
    return 1 if audit.findings else NOT_AUDITED if audit.not_checked else 0


def _run(command: Sequence[str], folder: Path) -> Any:
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return json.loads(answer.stdout)


if __name__ == "__main__":
    sys.exit(main())
