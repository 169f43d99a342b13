"""Text out of mail: character sets, encoded words, HTML, links.

Every function takes hostile text, runs in linear time, and gives text without lone surrogates.
HTML is read for its words and links only. It is never cleaned for display; pages escape it instead.
"""

import codecs
import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp
from html import unescape as unescaped

# Codecs that Python knows and mail must not choose: not character sets, or slow on purpose-made input.
_NOT_CHARSETS = {
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "undefined",
    "utf-7",
    "mbcs",
    "oem",
}


def decoded(content: bytes, charset: str) -> str:
    """Bytes in a character set that the sender names; unreadable bytes become U+FFFD, a BOM goes."""
    try:
        name = codecs.lookup(charset.strip()).name.replace("-", "_")
        text = content.decode("utf-8" if name in _NOT_CHARSETS | {"ascii"} else name, "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    return _paired(text.removeprefix("\ufeff"))


def plain(value: object) -> str:
    """A header value of the standard parser (text with raw bytes smuggled in as surrogates) as clean text."""
    raw = str(value).encode("utf-8", "surrogateescape")
    try:
        return _paired(raw.decode())
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _paired(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t\r\n]+(?==\?)")


def words_decoded(text: str) -> str:
    """RFC 2047 encoded words in a header, decoded.

    Neighbours in one character set are joined before decoding: senders split inside a character.
    """
    out: list[str] = []
    pending, charset, position = b"", "", 0
    glued = _BETWEEN_WORDS.sub("", text)
    for match in _WORD.finditer(glued):
        name = match[1].partition("*")[0].lower()
        if match.start() > position or name != charset:
            out += [decoded(pending, charset) if pending else "", glued[position : match.start()]]
            pending, charset = b"", name
        pending += _word_bytes(match[2], match[3])
        position = match.end()
    return "".join([*out, decoded(pending, charset) if pending else "", glued[position:]])


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(raw, header=True)
    try:
        return a2b_base64(raw + b"=" * (-len(raw) % 4))
    except BinasciiError:
        return raw


_LONG_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,}")


def _characters(html: str) -> str:
    """Character references as characters; Python refuses to read numbers of thousands of digits."""
    return unescaped(_LONG_REFERENCE.sub("\ufffd", html))


_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:]*)|<[!?]")
_UNSEEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("style", "script")}
_BREAKS = {"br", "p", "div", "tr", "li", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote"}


def html_text(html: str) -> str:
    """The words of an HTML text, one line per block; style and script are left out, hidden text is not."""
    out: list[str] = []
    position = 0
    while (start := html.find("<", position)) >= 0:
        out.append(html[position:start])
        match = _TAG.match(html, start)
        if match is None:
            out.append("<")
            position = start + 1
            continue
        name = (match[1] or "").lower()
        if name in _BREAKS:
            out.append("\n")
        position = _after_tag(html, start, name)
    out.append(html[position:])
    lines = (" ".join(line.split()) for line in _characters("".join(out)).split("\n"))
    return _paired("\n".join(line for line in lines if line))


def _after_tag(html: str, start: int, name: str) -> int:
    """Where reading goes on; the end of the text if the tag, comment or unseen element never ends."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4)
        return end + 3 if end >= 0 else len(html)
    close = _UNSEEN.get(name) if html[start + 1] != "/" else None
    if close is not None:
        match = close.search(html, start)
        return match.start() if match else len(html)
    end = html.find(">", start)
    return end + 1 if end >= 0 else len(html)


_LINK_ATTRIBUTE = re.compile(
    r"""[\s"'/](?:href|src|action|formaction|data|background|poster)\s{0,20}=\s{0,20}(?:"([^"]{0,8000})"|'([^']{0,8000})'|([^\s"'<>]{1,8000}))""",
    re.IGNORECASE,
)
_URL = re.compile(r"""(?:https?|ftp)://[^\s<>"'`{}|^\[\]\x00-\x20\u2028\u2029]+""", re.IGNORECASE)
_CSS_LINK = re.compile(r"""url\(\s{0,20}["']?((?:https?|ftp)://[^\s"')<>]{1,8000})""", re.IGNORECASE)
_LINK = re.compile(r"(?:https?|ftp):[/\\]{1,4}[^\s/\\]", re.IGNORECASE)


def html_links(html: str) -> list[str]:
    """Absolute http, https and ftp links in attributes, in styles, then in the words."""
    links: list[str] = []
    for match in _LINK_ATTRIBUTE.finditer(html):
        # Browsers drop line ends and tabs inside a link, and blanks around it.
        link = re.sub(r"[\t\r\n]", "", _characters(match[1] or match[2] or match[3] or "")).strip()
        if _LINK.match(link):
            links.append(_paired(link))
    links += [_paired(_characters(match[1])) for match in _CSS_LINK.finditer(html)]
    return links + text_links(html_text(html))


def text_links(text: str) -> list[str]:
    """Absolute links in plain text, without the punctuation that ends a sentence."""
    return [match[0].rstrip(".,;:!?)*_") for match in _URL.finditer(text)]
