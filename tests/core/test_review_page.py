"""The page that a review shows and a decision signs."""

import copy

import pytest

from countersign.core.review.rendering import WIDTH, WITHHELD, claim_page, page, panel_page

CLAIM = {
    "id": "f1", "kind": "field", "section": "what_happened", "claim": {}, "status": "verified", "scope": "complete",
    "tainted": True, "flags": [], "text": "Source address is «192.0.2.1».",
    "citations": [{"evidence": "sha256:" + "a" * 64, "pointer": "/src_ip", "value": "192.0.2.1"}], "objections": [],
}  # fmt: skip
REFUSED = CLAIM | {
    "id": "c2",
    "status": "contradicted",
    "text": "Port is 80.",
    "objections": [{"check": 4, "reason": "the record says 443"}],
}
READING = CLAIM | {"id": "h1", "kind": "hypothesis", "status": "unsupported", "text": "exploit", "objections": [{"check": 17, "reason": "no basis"}]}  # fmt: skip
ENTRY = {"part": "P2", "reason": "failed logon", "count": 2, "evidence": "sha256:" + "a" * 64, "pointer": "/id", "value": "4625"}  # fmt: skip
NOTE = (
    "# A case\n\nSeverity low · suggestion **test**\n\n## What we could not see\n- the \\*router\\*\n\n"
    "## What happened, in order\n1. 08:00 a &lt;b&gt; `f1`\n\n## Readings, not facts\n- ? exploit\n\n## Must show\n- x\n\n"
    "## Ask next\n- Who?\n"
)
DOCUMENT = {
    "id": "case-1", "title": "A case " + "of many words " * 12, "severity": "low", "tier": 1, "evidence": [{}],
    "opened_because": ["one alert"],
    "brief": {
        "drafter": "rules/1", "fallback": None, "claims": [CLAIM, REFUSED, READING],
        "suggestion": {"disposition": "test", "rule": "R07", "because": ["h1"], "capped_by": ["C11"]},
        "must_show": [ENTRY, ENTRY | {"part": "P4", "reason": "first record"}],
        "questions": [{"text": "Who?", "answered_by": "nobody"}], "notes_markdown": NOTE,
    },
}  # fmt: skip


def test_no_line_is_wider_than_the_page():
    assert WIDTH >= max(map(len, page(DOCUMENT, must_see=(1,), revealed=True).splitlines()))


def test_what_somebody_made_of_the_facts_is_withheld_until_it_may_be_seen():
    hidden = page(DOCUMENT, must_see=(1,), revealed=False)

    assert WITHHELD in hidden
    for telling in ("SUGGESTION", "suggestion **", "R07", "C11", "exploit", "Who?"):
        assert telling not in hidden
    for fact in ("failed logon: 4625 ×2", "08:00 a <b>", "the *router*", "the record says 443"):
        assert fact in hidden


def test_the_revealed_page_says_whose_suggestion_it_is_and_that_it_decides_nothing():
    shown = page(DOCUMENT, must_see=(1,), revealed=True)

    assert "SUGGESTION of rules/1: test (R07) because of h1, limited by C11" in shown
    assert "A suggestion decides nothing." in shown


@pytest.mark.parametrize(
    ("must_see", "asked", "rest"),
    [((1,), "failed logon", "first record"), ((2,), "first record", "failed logon")],
)
def test_what_the_decision_asks_for_stands_by_itself_before_the_rest(must_see, asked, rest):
    before, also = page(DOCUMENT, must_see=must_see, revealed=True).split("ALSO ON THE PANEL")
    must = before.split("MUST SEE")[1]

    assert asked in must
    assert rest in also
    assert rest not in must


def test_when_nothing_is_asked_for_no_heading_says_so():
    assert "MUST SEE" not in page(DOCUMENT, must_see=(), revealed=True)


def test_an_objection_stands_under_the_name_that_answers_it():
    assert "c2#4: the record says 443" in page(DOCUMENT, must_see=(), revealed=True)


def test_another_word_anywhere_is_another_page():
    other = copy.deepcopy(DOCUMENT)
    other["brief"]["must_show"][0]["value"] = "4624"

    assert page(DOCUMENT, must_see=(1,), revealed=True) != page(other, must_see=(1,), revealed=True)


def test_a_claim_opens_with_the_field_of_the_record_that_it_cites():
    assert f"{'a' * 64} /src_ip" in " ".join(claim_page(DOCUMENT, "f1").split())
    assert "4625" in panel_page(DOCUMENT, 1)


def test_an_entry_of_a_whole_record_names_no_field():
    other = copy.deepcopy(DOCUMENT)
    other["brief"]["must_show"][0]["pointer"] = None

    assert "field" not in panel_page(other, 1)
    assert "a" * 64 in panel_page(other, 1)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_what_is_not_on_the_panel_cannot_be_opened(number):
    with pytest.raises(KeyError):
        panel_page(DOCUMENT, number)


def test_a_control_character_in_a_value_stays_visible():
    other = copy.deepcopy(DOCUMENT)
    other["brief"]["must_show"][0]["value"] = "\x1b[2Jgone"

    assert "\x1b" not in page(other, must_see=(1,), revealed=True)
