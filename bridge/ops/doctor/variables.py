"""Names that are no settings, and values that were refused. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping

from bridge.contract.findings import Finding, fault, warning
from bridge.settings import BridgeSettings

_PREFIXES = ("WA_", "RESPONDER_")
#: What the scripts below deploy/ read, and hand on to the programs that they start.
_OF_SCRIPTS = frozenset(
    {
        *("WA_ROOT", "WA_ETC", "WA_VAR", "WA_LOGS", "WA_PROGRAM", "WA_LOCK", "WA_SETTLE", "WA_EMAIL", "WA_NO_BACKUP"),
        *("WA_CREDENTIALS", "WA_HEALTH_PORT", "WA_HEALTH_PATH"),
    }
)
#: How similar a name of another form must be to be taken for a typo: CLIENT_ID and CLIENTE_ID, not DB_NAME and DB_USER.
_ALMOST = 0.9


def has_unknown(environment: Mapping[str, str], file: Mapping[str, str | None]) -> bool:
    """Whether a name with our prefixes, or any name in the file, is no setting of the bridge."""
    ours = {name.upper() for name in environment if name.upper().startswith(_PREFIXES)}
    return bool((ours | {name.upper() for name in file}) - {variable for _, variable in _names()} - _OF_SCRIPTS)


def unknown(
    environment: Mapping[str, str], file: Mapping[str, str | None], responder: Collection[str] = ()
) -> Iterator[Finding]:
    """Names that are no setting of the bridge or of `responder`: they have no effect, usually because of a typo.

    Names with our prefixes, and in the file those that are almost a setting. Other programs have settings, too.
    """
    known = {*(variable for _, variable in _names()), *responder}
    for name in sorted({*environment, *file}):
        upper = name.upper()
        if upper in known or upper in _OF_SCRIPTS:
            continue
        is_ours = upper.startswith(_PREFIXES)
        similar = difflib.get_close_matches(upper, known, 1, 0.6 if is_ours else _ALMOST)
        if not is_ours and (name not in file or not similar):
            continue
        hint = f"Did you mean {similar[0]}? " if similar else ""
        yield warning("settings", f"{name} is set but is no setting.", f"{hint}docs/settings.md lists every name.")


def invalid(sentence: str) -> list[Finding]:
    """One fault per variable that `load` refused, from its error text."""
    return [
        fault("settings", part.strip().rstrip(".") + ".", "Correct it in the environment or in .env.")
        for part in sentence.removeprefix("Wrong settings.").split("; ")
    ]


def _names() -> list[tuple[str, str]]:
    """Field name and variable name of each setting."""
    return [(name, str(field.validation_alias or name)) for name, field in BridgeSettings.model_fields.items()]
