"""Which sources decide a family of rules, when one of them is silent, and when it merely was never here."""

import json

import pytest

from countersign.adapters.dictionaries import bundled, bundled_decisive
from countersign.core.canonical import NANOSECONDS, format_time
from countersign.core.cases.decisive import Decisive, Extent, Heard
from countersign.core.cases.tiers import RULES
from countersign.core.claims.coverage import CoverageRow
from countersign.core.claims.reference import parse_reference
from countersign.core.records.alert import Alert

DATA = bundled_decisive()
HOUR = 3600 * NANOSECONDS
NOON = 1_700_000_000 * NANOSECONDS
PHISHING = ("phishing",)


def alert(rule="", category=""):
    return Alert("a", "sha256:x", "test.record", rule, category, "low", None)


def heard(**more):
    return Heard(**{"start_ns": NOON, "end_ns": NOON + HOUR, "here": frozenset({"email.rfc822"}), **more})


def row(schema="ms.EmailEvents", *, complete=False, start=NOON, end=NOON + 2 * HOUR, reason=""):
    return CoverageRow(
        source=schema, schema=schema, start=format_time(start), end=format_time(end), start_ns=start, end_ns=end,
        complete=complete, limit_hit=False, reason=reason,
    )  # fmt: skip


# --- the data -----------------------------------------------------------------------------------------------------


def test_every_schema_and_field_that_decides_is_in_the_dictionary():
    known = bundled()
    schemas = {name for source in DATA.sources.values() for name in source.schemas}

    assert [] == sorted(name for name in schemas if known.schema(name) is None)
    assert [] == [
        (n.schema, p) for n in DATA.needed for p in n.pointers if not known.schema(n.schema).path(p)
    ]
    assert [] == [
        (n.schema, c[0]) for n in DATA.needed for c in n.when if not known.schema(n.schema).path(c[0])
    ]


def test_every_source_is_asked_by_a_family_and_every_family_has_a_tier():
    tiers = {name for rule in RULES if rule.part == "family" for name in rule.pattern.split("|")}

    assert set(DATA.sources) == {name for family in DATA.families for name in family.asks}
    assert tiers == {family.name for family in DATA.families}


def test_a_family_that_asks_a_source_nobody_described_is_refused():
    text = 'version = 1\n[limits]\n[source]\n[[family]]\nname = "x"\nwords = "x"\nasks = { gone = "y" }\n'

    with pytest.raises(ValueError, match="family x asks an unknown source: gone"):
        Decisive((text + "[[field]]\nschema = 's'\npointers = []\n").encode())


# --- families -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Mail submitted for triage", ("phishing",)),
        ("ET SCAN Potential SSH Scan", ("scan",)),
        ("sshd: brute force trying to get access", ("password guessing",)),
        ("ET WEB_SERVER Possible CVE-2014-6271 Attempt", ("web attack",)),
        ("ET POLICY WMIC WMI Request Over SMB - Likely Lateral Movement", ("lateral movement",)),
        ("Possible DCSync", ("credential access",)),
        ("Global administrator role assigned", ("privileged access",)),
        ("SURICATA HTTP invalid request header", ()),
        ("ET CINS Active Threat Intelligence Poor Reputation IP TCP group 77", ()),
        ("", ()),
    ],
)
def test_a_rules_words_tell_its_family(rule, expected):
    assert expected == DATA.families_of([alert(rule)])
    assert expected == DATA.families_of([alert("x", rule)])


def test_a_technique_tells_the_family_whatever_the_rule_is_called():
    assert ("credential access",) == DATA.families_of([alert("rule 17")], ["T1003.001"])


def test_another_alert_only_adds_families():
    one, other = alert("Mail submitted for triage"), alert("LSASS memory read")

    assert set(DATA.families_of([one])) < set(DATA.families_of([one, other]))


def test_where_no_family_is_known_every_source_decides():
    assert DATA.deciding(()) is None
    assert "ms.EmailEvents" in DATA.deciding(PHISHING)
    assert "k8s.audit" not in DATA.deciding(PHISHING)


# --- what is missing ----------------------------------------------------------------------------------------------


def test_sources_that_were_never_read_here_are_one_line_and_no_flag():
    flags, lines = DATA.missing(PHISHING, heard())

    assert () == flags
    assert 1 == len(lines)
    assert lines[0].startswith("never read here: a mail delivery log (who else received the message), ")


def test_a_source_that_always_speaks_and_has_nothing_in_the_window_is_silent():
    known = {"ms.EmailEvents": Extent(2400, NOON - 100 * HOUR, NOON - HOUR)}
    (flag,), lines = DATA.missing(PHISHING, heard(known=known))

    assert ("silent", "ms.EmailEvents", "C01") == (flag.flag, flag.schema, flag.cap)
    assert flag.detail.endswith("where about 24 are usual; it would have told who else received the message")
    assert not any("a mail delivery log" in line for line in lines)


def test_a_source_that_spoke_or_another_of_its_kind_that_did_is_not_silent():
    known = {"ms.EmailEvents": Extent(2400, NOON - 100 * HOUR, NOON - HOUR)}

    assert () == DATA.missing(PHISHING, heard(known=known, spoke=frozenset({"ms.EmailEvents"})))[0]
    assert () == DATA.missing(PHISHING, heard(known=known, here=frozenset({"zeek.smtp"})))[0]


@pytest.mark.parametrize(
    "extent",
    [
        Extent(20, NOON - 100 * HOUR, NOON - HOUR),  # too seldom to be missed in an hour
        Extent(90_000, NOON - 1000 * HOUR, NOON - 200 * HOUR),  # gone for more than a week
        Extent(90_000, NOON + 2 * HOUR, NOON + 90 * HOUR),  # came later
        Extent(90_000),  # never had a time
    ],
)
def test_a_source_that_nobody_would_expect_in_the_window_is_a_line_and_no_flag(extent):
    flags, lines = DATA.missing(PHISHING, heard(known={"ms.EmailEvents": extent}))

    assert () == flags
    assert any(
        line.startswith("read here at other times, and nothing in this window: a mail") for line in lines
    )


def test_a_source_that_a_manifest_names_is_silent_however_seldom_it_speaks():
    (flag,), _ = DATA.missing(PHISHING, heard(coverage=(row(),)))

    assert ("silent", "ms.EmailEvents") == (flag.flag, flag.schema)


def test_a_source_that_a_manifest_calls_stopped_is_silent_though_it_spoke_before():
    stopped = heard(coverage=(row(reason="sensor outage"),), spoke=frozenset({"ms.EmailEvents"}))
    (flag,), _ = DATA.missing(PHISHING, stopped)

    assert flag.detail.startswith("sensor outage (")
    assert () == DATA.missing((), stopped)[0]  # whether it decides is not known


def test_a_source_that_a_manifest_names_and_that_spoke_is_not_silent():
    assert () == DATA.missing(PHISHING, heard(coverage=(row(),), spoke=frozenset({"ms.EmailEvents"})))[0]


def test_a_source_that_was_read_completely_and_held_nothing_is_not_silent():
    flags, lines = DATA.missing(PHISHING, heard(coverage=(row(complete=True),)))

    assert () == flags
    assert not any("mail delivery" in line for line in lines)


def test_a_manifest_for_another_day_says_nothing_of_this_window():
    other = row(start=NOON - 9 * HOUR, end=NOON - 8 * HOUR)

    assert () == DATA.missing(PHISHING, heard(coverage=(other,)))[0]


def test_without_a_family_everything_known_or_named_is_missed_and_nothing_else_is_told():
    known = {"zeek.conn": Extent(2400, NOON - 100 * HOUR, NOON - HOUR)}
    flags, lines = DATA.missing((), heard(known=known, coverage=(row("k8s.audit"),)))

    assert {"zeek.conn", "k8s.audit"} == {flag.schema for flag in flags}
    assert () == lines


# --- limits of families -------------------------------------------------------------------------------------------


def figures(**fields):
    document = {
        "kb": "detector-families",
        "kb_version": "1",
        "kind": "baseline",
        "loaded_at": "2025-03-11T00:00:00Z",
    }
    return [parse_reference(json.dumps(document | {"entries": [{"key": "scan", **fields}]}).encode())]


@pytest.mark.parametrize(
    ("fields", "barred"),
    [
        ({"catch_rate": 0.9, "false_clear_rate": 0.02}, ()),
        ({"catch_rate": 0.89, "false_clear_rate": 0.0}, ("scan",)),
        ({"catch_rate": 1, "false_clear_rate": 0.03}, ("scan",)),
        ({"catch_rate": "high", "false_clear_rate": 0}, ("scan",)),
        ({"catch_rate": True, "false_clear_rate": 0}, ("scan",)),
        ({}, ("scan",)),
    ],
)
def test_a_family_whose_figures_are_below_the_limits_or_are_no_figures_is_barred(fields, barred):
    assert barred == DATA.barred(("phishing", "scan"), figures(**fields))
    assert () == DATA.barred(PHISHING, figures(**fields))


def test_a_family_without_figures_is_not_barred():
    assert () == DATA.barred(("scan",), [])
