"""Normalizes text for comparison: «¡Holaaa, BUENAS tardes!!» becomes `hola buenas tardes`.

Pure. For comparison only: what is recorded, answered or sent to the model stays as written. Text is cut before it is
normalized: the time that Unicode's normalization takes grows with the square of a run of combining marks.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

#: A letter three times or more, or twice at the end of a word: `holaaa`, `buenass`; not the rr of `perro`.
_RUN = re.compile(r"([^\W\d_])(?:\1{2,}|\1+(?=\s|$))")
_NOT_A_WORD = re.compile(r"[^\w]+")
#: Longer texts are compared by their beginning: no phrase is longer, and the time stays bounded.
LONGEST = 2_000
#: Combining marks that one letter keeps; every script needs fewer.
_MOST_MARKS = 4
#: Marks that show nothing: variation selectors, and the ones that separate.
_INVISIBLE_MARKS = re.compile("[\u034f\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
#: Characters that show nothing although Unicode calls them letters or symbols.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
#: Small letters that look like Latin ones: Cyrillic, Greek, small capitals, letters in boxes and of flags.
_LOOK_ALIKE = str.maketrans(
    "авгекмнорстухѕіјԁһӏԛԝαβεικνορτυχωıɡɑʙᴀᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢꜱꜰøđł",
    "abrekmhopctyxsijdhlqwabeikvoptuxwigabacdeghijklmnoprtuvwyzsfodl",
) | {first + n: 0x61 + n for first in (0x1F150, 0x1F170, 0x1F1E6) for n in range(26)}


def plain(text: str) -> str:
    """Lower case, no accents, no punctuation or emoji, one space between words, no repeated letters.

    Phrases and texts are normalized alike: `holaaa` is `hola`, and `class` still matches `class`.
    """
    return _RUN.sub(r"\1", _NOT_A_WORD.sub(" ", unaccented(text[:LONGEST])).strip())


def legible(text: str) -> str:
    """Lower case, as a person reads it: without invisible characters, with Latin letters for those that look alike."""
    # cut, since a single character may become eighteen
    shown = unicodedata.normalize("NFKC", _few_marks(text))[: 2 * len(text) + 16].lower()
    shown = "".join(c for c in _INVISIBLE_MARKS.sub("", shown) if unicodedata.category(c) != "Cf")
    return shown.translate(_LOOK_ALIKE)


def unaccented(text: str) -> str:
    """Lower case as a person reads it, without accents."""
    decomposed = unicodedata.normalize("NFKD", legible(text)).casefold()
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LOOK_ALIKE)


def is_visible(text: str) -> bool:
    """Whether a reader sees anything of it."""
    return any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANK for c in text)


def _few_marks(text: str) -> str:
    if text.isascii():
        return text
    kept = []
    marks = 0
    for c in text:
        marks = marks + 1 if unicodedata.combining(c) else 0
        if marks <= _MOST_MARKS:
            kept.append(c)
    return "".join(kept)


def contains_phrase(text: str, phrase: str) -> bool:
    """Whether `text` contains `phrase` as whole words; both are `plain`."""
    return bool(phrase) and f" {phrase} " in f" {text} "


def made_of(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether `text` consists of the phrases and nothing else; all are `plain`.

    The longest phrase is tried first, so `buenas` does not consume the beginning of `buenas tardes`.
    """
    ordered = sorted(filter(None, phrases), key=len, reverse=True)
    rest = f"{text} "
    while rest.strip():
        for phrase in ordered:
            if rest.startswith(f"{phrase} "):
                rest = rest[len(phrase) + 1 :]
                break
        else:
            return False
    return bool(text)


def fingerprint(text: str) -> str:
    """A hash that is equal for texts that differ in case, accents, spaces and punctuation only.

    Texts without a letter or digit (emoji, `?`) are hashed as they are, as is what is beyond `LONGEST`.
    """
    words = _NOT_A_WORD.sub(" ", unaccented(text[:LONGEST])).strip()
    return hashlib.sha256(((words or text.strip()) + text[LONGEST:]).encode("utf-8", "replace")).hexdigest()
