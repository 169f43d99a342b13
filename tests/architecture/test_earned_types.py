"""Some types are proof that something happened, so each is made in one place.

Python cannot lock a constructor; these tests look for calls, copies and conversions elsewhere.
"""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "countersign"

MAKERS = {
    "Dossier": {"core/briefs/redact.py"},
    "Brief": {"core/briefs/brief.py"},
    "VerifiedBrief": {"core/briefs/verified.py"},
    "CheckedClaim": {"core/claims/verify.py", "core/briefs/readings.py"},
    "CaseFacts": {"core/review/casefacts.py"},
    "Permitted": {"core/review/ruling.py"},
    "Review": {"core/review/opening.py", "core/review/review.py"},
    "DecisionDocument": {"core/review/drawing_up.py", "core/review/decision.py"},
    "Decision": {"core/review/countersigning.py", "core/review/decision.py"},
}
CONVERTERS = frozenset({"convert", "decode", "Decoder", "replace"})


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def made_in(tree: ast.AST) -> set[str]:
    """Earned types that a module makes: by calling them, or by naming them to a decoder."""
    found = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        found.add(name_of(call.func))
        if name_of(call.func) in CONVERTERS:
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            found |= {name_of(part) for one in given for part in ast.walk(one) if isinstance(part, ast.expr)}
    return found & set(MAKERS)


MADE = {
    str(path.relative_to(SOURCE).as_posix()): made_in(ast.parse(path.read_text(encoding="utf-8")))
    for path in sorted(SOURCE.rglob("*.py"))
}


@pytest.mark.parametrize("earned", MAKERS)
def test_an_earned_type_is_made_where_it_is_earned_and_nowhere_else(earned):
    assert MAKERS[earned] == {path for path, made in MADE.items() if earned in made}


@pytest.mark.parametrize("earned", MAKERS)
def test_no_class_passes_itself_off_as_an_earned_type(earned):
    heirs = [
        f"{path.name}: {node.name}"
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and earned in map(name_of, node.bases)
    ]

    assert [] == heirs


@pytest.mark.parametrize(
    "smuggled",
    [
        "Brief(())",
        "brief.Brief(claims=())",
        "msgspec.convert(row, Brief)",
        "msgspec.json.decode(raw, type=list[Brief])",
        "msgspec.json.Decoder(Brief)",
    ],
)
def test_the_search_finds_what_it_is_for(smuggled):
    assert made_in(ast.parse(smuggled)) == {"Brief"}
