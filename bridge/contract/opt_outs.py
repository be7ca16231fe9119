"""The words with which a person asks for no more messages, or for messages again. Pure.

The phrases are the legacy responder's. Responder and campaigns read them alike: «baja» to one counts for both.
"""

from __future__ import annotations

import re

from bridge.contract.text_normalize import plain

#: Three letters or more that stand alone, as in `b a j a`.
_SPACED = re.compile(r"(?<!\w)\w(?: \w){2,}(?!\w)")

#: A message with nothing else, politeness aside, ends the answers to its author, or starts them again.
OPT_OUT = frozenset(
    plain(words)
    for words in (
        *("baja", "dar de baja", "darme de baja", "denme de baja", "dame de baja", "deme de baja"),
        *("quiero darme de baja", "quiero dar de baja", "quiero la baja", "quisiera darme de baja", "pido la baja"),
        *("solicito la baja", "solicito baja", "me doy de baja", "me quiero dar de baja", "desuscribir"),
        *("desuscribirme", "cancelar suscripcion", "no molestar", "no molesten", "no me molesten", "no molesten mas"),
        *("no me molesten mas", "no me escriban", "no me escriban mas", "no me escribas mas", "no escriban mas"),
        *("no me manden mas mensajes", "no manden mas mensajes", "no me envien mas mensajes", "no quiero mas mensajes"),
        *("no quiero recibir mas mensajes", "no quiero recibir mensajes", "dejen de escribirme", "dejen de molestar"),
        *(
            "stop",
            "stop it",
            "stop all",
            "stopall",
            "stop messages",
            "stop messaging me",
            "unsubscribe",
            "unsubscribe me",
        ),
        *("opt out", "optout", "remove me", "no more messages", "do not contact me", "dont contact me"),
        *("don t contact me", "parar", "sair", "descadastrar", "me descadastre", "nao quero mais mensagens"),
    )
)
OPT_IN = frozenset(plain(word) for word in ("alta", "start", "darme de alta", "quiero darme de alta", "subscribe"))
#: Phrases that change nothing at the beginning and at the end of an opt-out or opt-in.
_POLITE = tuple(
    f"{plain(words)} "
    for words in (
        *("por favor", "porfavor", "porfa", "porfis", "x favor", "pf", "gracias", "muchas gracias", "desde ya", "ya"),
        *("hola", "buenas", "buen dia", "buenos dias", "buenas tardes", "buenas noches", "ok", "si", "basta", "ahora"),
        *("please", "pls", "plz", "thanks", "thank you", "hi", "hello", "now", "por gentileza", "obrigado", "obrigada"),
    )
)
#: Longer texts hold more than an opt-out.
_LONGEST_OPT_OUT = 200


def is_opt_out(text: str) -> bool:
    """Whether the text is an opt-out, however polite or spaced out (`b.a.j.a`), and nothing else."""
    return _is_one_of(OPT_OUT, text)


def is_opt_in(text: str) -> bool:
    """Whether the text is an opt-in and nothing else."""
    return _is_one_of(OPT_IN, text)


def _is_one_of(phrases: frozenset[str], text: str) -> bool:
    if len(text) > _LONGEST_OPT_OUT:
        return False
    words = _joined(plain(text))
    while words not in phrases:
        rest = f"{words} "
        shorter = next((rest[len(polite) :] for polite in _POLITE if rest.startswith(polite)), None)
        if shorter is None:
            shorter = next((rest[: -len(polite)] for polite in _POLITE if f" {rest}".endswith(f" {polite}")), None)
        if not shorter or not shorter.strip():
            return False
        words = shorter.strip()
    return True


def _joined(words: str) -> str:
    """Letters that stand alone become a word: `b a j a por favor` is `baja por favor`."""
    return _SPACED.sub(lambda found: found[0].replace(" ", ""), words)
