"""A claim on a register shows what the entry says, not only the field that was claimed."""

import pytest

from builders import ATTACKER, WEB, alert, check, pinned, reference, world
from countersign.core.briefs.documents import verification
from countersign.core.review.rendering import claim_page

TICKET = {
    "key": "CHG-7",
    "risk": "low",
    "actor": ATTACKER,
    "asset": WEB,
    "owner": "facilities@corp.example",
    "what": "door controllers: firmware 4.2",
    "from": "2025-03-11T11:00:00Z",
    "to": "2025-03-11T15:00:00Z",
}


def told(entry, field="actor", value=None):
    claim = pinned("r1", "change-register", entry["key"], field, entry[field] if value is None else value)
    [checked] = check(world([alert(2)], [reference("change_register", entry)]), [claim])
    return checked


def test_the_ticket_its_purpose_its_hours_and_its_owner_stand_in_the_sentence():
    assert (
        f"change-register (v1) says of CHG-7: actor is {ATTACKER}. The entry also says: "
        "what door controllers: firmware 4.2; from 2025-03-11T11:00:00Z; to 2025-03-11T15:00:00Z; "
        f"asset {WEB}; owner facilities@corp.example; risk low."
    ) == told(TICKET).text


def test_the_page_of_the_claim_shows_it_too():
    document = {"brief": {"claims": verification([told(TICKET)])["claims"]}}
    page = " ".join(claim_page(document, "r1").split())

    assert "what door controllers: firmware 4.2; from 2025-03-11T11:00:00Z" in page


def test_an_entry_of_one_field_says_nothing_more():
    assert "change-register (v1) says of K: what is scan." == told({"key": "K", "what": "scan"}, "what").text


def test_every_value_is_made_harmless_and_cut():
    text = told(TICKET | {"what": "see http://evil.example/\u202e«" + "x" * 300}).text

    assert "hxxp[:]//evil.example/⟦U+202E⟧⟦U+00AB⟧xxx" in text
    assert "…(+" in text
    assert "x" * 161 not in text


def test_a_long_entry_is_cut_and_says_by_how_much():
    many = {f"field_{n:02}": n for n in range(30)}
    text = told(TICKET | many).text

    assert text.endswith("; risk low; field_00 0; field_01 1; 28 more fields.")
    assert 2000 > len(text)


def test_a_claim_that_the_register_does_not_bear_out_tells_nothing_of_the_entry():
    refused = told(TICKET, "actor", "198.51.100.1")

    assert "contradicted" == refused.status
    assert "firmware" not in refused.text


@pytest.mark.parametrize("field", ["actor", "asset", "owner"])
def test_whichever_field_is_claimed_the_rest_is_told(field):
    text = told(TICKET, field).text

    assert 1 == text.count(str(TICKET[field]))
    assert "firmware 4.2" in text
