"""Markers of injected text: what the bytes of a field hold that plain evidence does not.

Deterministic and without meaning: characters that hide, links and markup that render, sequences that
steer a terminal, tokens that steer a language model. A hit is a detection in its own right and caps
closing suggestions; words alone never do, they are a chip (`keywords`). Markers are telemetry, not a
defence: what bounds injection is that no text reaches the decision. Nothing is ever removed.
Source: `reference/verification.md` section 7.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from countersign.core.records.fields import Schema, walk

KINDS = (
    "invisible character", "tag character", "bidi control", "control character", "variation selector",
    "mixed-script word", "Markdown link", "HTML tag", "script or data address", "terminal sequence", "role token",
)  # fmt: skip

HTML_FIELDS = frozenset(
    "/body_text /payload_printable /http/http_response_body_printable /http/http_request_body_printable "
    "/http/http_response_body /http/http_request_body".split()
)
"""Fields that hold whole documents of a sender or server: markup in them is their nature."""

_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
    "(?:\u200d[\u2190-\u2bff\U0001f000-\U0001faff][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?)*"
    "|[0-9#*]\ufe0f?\u20e3|\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f"
)
# Windows writes a left-to-right mark around the parts of a date; joiners are letters of many scripts.
_DATE_MARK = re.compile("\u200e(?=[0-9/.: -])|(?<=[0-9/.: -])\u200e")
_JOINER = re.compile("(?<=[\u0590-\u109f])[\u200c\u200d](?=[\u0590-\u109f])")

_CHARACTERS = (
    ("invisible character", re.compile("[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]")),
    ("tag character", re.compile("[\U000e0000-\U000e007f]")),
    ("bidi control", re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")),
    ("control character", re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9a\x9c-\x9f\u2028\u2029]")),
    ("variation selector", re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")),
)  # fmt: skip
_TERMINAL = re.compile(r"\x1b|\x9b")
_MARKDOWN = re.compile(
    r"!\[[^\]\n]{0,200}\]\(|\[[^\]\n]{0,300}\]\(\s{0,3}<?(?:(?:https?|hxxps?|ftp|file|data|javascript)://?|mailto:|javascript:|data:|//|www\.)",
    re.IGNORECASE,
)
_HTML = re.compile(
    r"<(?:(?:script|iframe|svg|object|embed|applet|base|meta|form|video|audio|math|template|body|html|marquee)(?:[\s/][^<>]{0,500})?/?>"
    r"|(?:a|img|input|link|area|button|source|div|span|p|td|table|font|style|details)\s[^<>]{0,500}=[^<>]{0,1000}>"
    r"|/(?:a|script|iframe|svg|form|div|span|style|html|body)\s{0,5}>|!--)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b(?:java|vb)script\s{0,3}:(?!:)|\bdata:[a-z]{2,20}/[a-z0-9.+-]{1,60}[;,]", re.IGNORECASE
)
_ROLE = re.compile(
    r"<[|｜][^<>|｜\n]{1,40}[|｜]>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
    r"|</?(?:system[_-]?(?:prompt|message)|assistant|tool_(?:call|response|result)|function_calls?|instructions?)>"
)
_PATTERNS = (
    ("Markdown link", _MARKDOWN),
    ("script or data address", _ADDRESS),
    ("terminal sequence", _TERMINAL),
    ("role token", _ROLE),
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC")

_KEYWORDS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|earlier|all|any|your|the)\b.{0,30}"
    r"\b(?:instructions?|prompts?|rules?|context|guidelines|directions)\b"
    r"|\b(?:you are now|pretend to be|from now on,? you)\b|\b(?:system|developer) prompt\b|\bjailbreak"
    r"|\b(?:as an|dear) (?:ai|assistant|language model|llm)\b|\b(?:new|real|updated) instructions?\s*:"
    r"|\b(?:mark|classify|close|label|report|treat)\b.{0,40}\b(?:as )?(?:benign|false positive|safe|resolved|harmless)\b"
    r"|\binclud(?:e|ing) .{0,80}\bin your (?:response|reply|answer|summary|report|implementation)\b"
    r"|\bdo not (?:report|alert|escalate|mention|investigate)\b",
    re.IGNORECASE | re.DOTALL,
)


def markers(text: str, *, html_ok: bool = False) -> tuple[str, ...]:
    """The kinds of marker a text holds, in the order of `KINDS`; `html_ok` where tags are the field's nature."""
    if _is_plain(text):
        return ()
    found = [name for name, pattern in _PATTERNS if pattern.search(text)]
    if "<" in text and not html_ok and _HTML.search(text):
        found.append("HTML tag")
    if not text.isascii() or not text.isprintable():
        found += _characters(text)
    return tuple(name for name in KINDS if name in found)


def _is_plain(text: str) -> bool:
    """Nothing in it that a marker could start with; true of most evidence, so it only uses what is fast."""
    if not text.isascii() or "<" in text or "](" in text or "INST]" in text:
        return False
    if ":" in text and ("script" in (lowered := text.lower()) or "data:" in lowered):
        return False
    return text.isprintable() or text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()


def keywords(text: str) -> tuple[str, ...]:
    """Phrases that speak to an assistant, at most three, as they stand; a chip, never a marker."""
    return tuple(
        dict.fromkeys(match[0][:80] for match, _ in zip(_KEYWORDS.finditer(text), range(3), strict=False))
    )


_CONTROLS = bytes((*range(9), 11, 12, *range(14, 32), 127))
_ESCAPE = re.compile(rb"\\[uxUabfv0-7]")


def is_bare(raw: bytes) -> bool:
    """Do the bytes of a JSON record rule out every marker, in any text or document in it?

    They do where they hold neither a character that a marker begins with nor an escape that could stand
    for one, at any depth of quoting. A wrong `False` costs time only.
    """
    if not raw.isascii() or b"<" in raw or b"](" in raw or b"INST]" in raw or _ESCAPE.search(raw):
        return False
    if len(raw.translate(None, _CONTROLS)) != len(raw):
        return False
    lowered = raw.lower()
    return not (b"javascript" in lowered or b"vbscript" in lowered or b"data:" in lowered)


def marked(schema: Schema, view: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Pointer and markers of every text of a record that an outsider could have chosen, unknown fields too."""
    for pointer, field, value in walk(schema, view):
        if isinstance(value, str) and (field is None or (field.tainted and not field.embed)):
            found = markers(value, html_ok=pointer in HTML_FIELDS)
            if found:
                yield pointer, found


def _characters(text: str) -> list[str]:
    if text.isascii():
        return ["control character"] if _CHARACTERS[3][1].search(text) else []
    ordinary = _JOINER.sub("", _DATE_MARK.sub("", _EMOJI.sub("", text.removeprefix("\ufeff"))))
    found = [name for name, pattern in _CHARACTERS if pattern.search(ordinary)]
    if any(_mixed(word) for word in _WORD.findall(ordinary) if not word.isascii()):
        found.append("mixed-script word")
    return found


@lru_cache(maxsize=4096)
def _mixed(word: str) -> bool:
    """Does a word mix Latin with letters of another alphabet that look like it?"""
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}
    return len(scripts.intersection(_SCRIPTS)) > 1
