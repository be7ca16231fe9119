"""Search the tree and every commit of every branch for secrets; prints file and commit of each, and exits with 1.

Uses the detectors of detect-secrets. The secret itself is never printed, because the output may be stored.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.keyword import KeywordDetector

#: Public addresses of the internet are no secrets.
_EXCLUDED = frozenset({"Public IP (ipv4)"})
#: Example passwords, and words that follow the word password in a table.
_EXAMPLES = frozenset({"password", "<password>", "PASSWORD", "clave", "changeme", "…", "ws[s]://…"})
#: Detectors that are wrong in a folder: tests and benchmarks invent passwords for their temporary brokers, databases
#: and models; the recorded kinds hold hashes and thumbnails of media, uploads are named by their hash; texts of the
#: panel speak of secrets, one file has a table of letters that look alike, one names the file of a secret, one the
#: type of one, one shows the id of a list.
_NOT_SECRET = {
    "tests/": frozenset({"Basic Auth Credentials", "Secret Keyword"}),
    "bench/": frozenset({"Basic Auth Credentials", "Secret Keyword"}),
    "tests/drivers/kinds/": frozenset({"Base64 High Entropy String", "Hex High Entropy String"}),
    "tests/http/test_uploads.py": frozenset({"Hex High Entropy String"}),
    "tests/contract/": frozenset({"Hex High Entropy String"}),
    "bridge/contract/text_normalize.py": frozenset({"Base64 High Entropy String"}),
    "responder/text_normalize.py": frozenset({"Base64 High Entropy String"}),  # where it was before
    "bridge/http/v1/campaigns.py": frozenset({"Hex High Entropy String"}),
    "bridge/http/panel/static/texts/": frozenset({"Secret Keyword"}),
    "bridge/app/media.py": frozenset({"Secret Keyword"}),
    "bridge/ops/doctor/variables.py": frozenset({"Secret Keyword"}),
    "deploy/kubernetes/settings.yaml": frozenset({"Secret Keyword"}),
    "docs/cluster.md": frozenset({"Secret Keyword"}),
}
#: First line of an environment file that a test writes; its entropy looks like that of a key.
_SETTINGS = "WA_MQTT_PREFIX="
#: One of these is in each word that the detector of keywords looks for. It takes as long as all others together.
STEMS = ("key", "pass", "pwd", "secret", "contrase")
#: Lock files contain only hashes.
_PATHS = ("--", ".", ":!*.lock", ":!*package-lock.json")


def main(folder: str = ".") -> int:
    """Scan the repository in `folder`."""
    kinds: Mapping[str, type[BasePlugin]] = get_mapping_from_secret_type_to_class()
    detectors = [kind() for name, kind in kinds.items() if name not in _EXCLUDED]
    seen: set[tuple[str, str]] = set()
    found: set[str] = set()
    for source, file, line in (*_history(folder), *_tree(folder)):
        if (file, line) not in seen:
            seen.add((file, line))
            found.update(f"{file} ({source}): {kind}" for kind in _secrets(detectors, file, line))
    for one in sorted(found):
        sys.stdout.write(f"{one}\n")
    return 1 if found else 0


def _secrets(detectors: list[BasePlugin], file: str, line: str) -> Iterator[str]:
    wrong = {kind for path, kinds in _NOT_SECRET.items() if file.startswith(path) for kind in kinds}
    lower = line.lower()
    if not any(stem in lower for stem in STEMS):
        wrong.add(KeywordDetector.secret_type)
    for detector in detectors:
        if detector.secret_type in wrong:
            continue
        for secret in detector.analyze_line(filename=file, line=line, line_number=1):
            value = secret.secret_value or ""
            is_setting = file.startswith(("tests/", "bench/")) and value.startswith(_SETTINGS)
            if not (is_setting or value in _EXAMPLES):
                yield secret.type


def _history(folder: str) -> Iterator[tuple[str, str, str]]:
    """Every line that any commit added: commit, file, line."""
    commit = file = ""
    for line in _git(folder, "log", "--all", "-p", "--unified=0", "--no-ext-diff", "--format=commit %h", *_PATHS):
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif line.startswith("+++ "):
            file = line.removeprefix("+++ b/")
        elif line.startswith("+"):
            yield commit, file, line[1:]


def _tree(folder: str) -> Iterator[tuple[str, str, str]]:
    """Every line of the working tree, committed or not."""
    for name in _git(folder, "ls-files", "--cached", "--others", "--exclude-standard", *_PATHS):
        path = Path(folder) / name
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                yield "not committed", name, line


def _git(folder: str, *arguments: str) -> list[str]:
    command = ["git", "-C", folder, "-c", "core.quotepath=off", *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace").splitlines()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
