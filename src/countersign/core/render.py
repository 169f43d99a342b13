"""The only way from evidence to a screen: one function for every value, then one encoder for each sink.

Everything shown was written by an attacker until proven otherwise. `neutralize` makes every character
visible and every address dead; an encoder then escapes what its sink would act upon. The verified mark
is an element of the page or the terminal line, never a character inside the text. Unicode tables are
those of the Python that runs (`unicodedata.unidata_version`).
"""

import re
import unicodedata
from decimal import Decimal

SHOWN = 160  # code points of a value before it is cut
OPEN, CLOSE = "«", "»"
MARKS = frozenset("«»⟦⟧✓✔✅☑🗸🗹")
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_SPECIAL = re.compile(r"[^\x20-\x7e]")
_SCHEME = re.compile(r"http(?=s?\s*(:|%3a))", re.IGNORECASE)


def _spell(character: str) -> str:
    point = ord(character)
    hidden = (
        character in MARKS
        or unicodedata.category(character) in _INVISIBLE
        or (unicodedata.category(character) == "Zs" and character != " ")
        or 0xFE00 <= point <= 0xFE0F
        or 0xE0100 <= point <= 0xE01EF
        or point in {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
    )
    return f"⟦U+{point:04X}⟧" if hidden else character


def visible(text: str) -> str:
    """Every control, format, bidi, tag, zero-width and look-alike-mark character spelled as ⟦U+XXXX⟧."""
    return _SPECIAL.sub(lambda found: _spell(found[0]), text)


def defang(text: str) -> str:
    """No address in it can be clicked: `http` → `hxxp`, `://` → `[:]//`."""
    text = (
        _SCHEME.sub(lambda found: "hxxp" if found[0].islower() else "HXXP", text)
        if "ttp" in text.lower()
        else text
    )
    return text.replace("://", "[:]//")


def neutralize(text: str, limit: int = SHOWN) -> str:
    """A value as it may be shown: cut to `limit` code points, every character visible, no live address."""
    rest = len(text) - limit
    cut = text[:limit] + f"…(+{rest})" if rest > 0 else text
    return defang(visible(cut))


def value_text(value: object) -> str:
    """A scalar as text, before it is neutralized: booleans and numbers as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) < 40 else str(value)
    return value if isinstance(value, str) else str(value)


def shown(value: object, *, tainted: bool, limit: int = SHOWN) -> str:
    """A value in a sentence; what an outsider could have chosen stands between « and »."""
    text = neutralize(value_text(value), limit)
    return f"{OPEN}{text}{CLOSE}" if tainted else text


def whole(text: str) -> str:
    """A finished sentence or title on its way out: made visible again, marks of ours kept, nothing cut."""
    return (
        "".join(c if c in "«»⟦⟧" else visible(c) for c in defang(text))
        if _SPECIAL.search(text)
        else defang(text)
    )


_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~&])")


def markdown(text: str) -> str:
    """A rendered sentence for Markdown: nothing in it can become a link, an image, HTML or a table."""
    escaped = _MARKDOWN.sub(
        lambda m: {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(m[0], "\\" + m[0]), whole(text)
    )
    return escaped.replace("@", "\\[@\\]").replace("www.", "www\\[.\\]").replace("WWW.", "WWW\\[.\\]")


def terminal(text: str) -> str:
    """A rendered sentence for a terminal; line breaks are the caller's."""
    return whole(text)


def csv(text: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    cell = whole(text)
    return "'" + cell if cell[:1] in {"=", "+", "-", "@", "\t"} else cell
