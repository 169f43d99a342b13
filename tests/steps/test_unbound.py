"""A store whose entries were written before secrets were kept: verified as far as that goes, and never a crash."""

import shutil

import pytest
from sqlalchemy import text

from builders import alert
from countersign import config, wiring
from countersign.steps.logged import objection
from front import run


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbound")
    (folder / "records.jsonl").write_bytes(alert(0, severity=1).raw + b"\n")
    assert 0 == run("--home", folder / "home", "triage", folder / "records.jsonl").code
    return folder / "home"


def test_an_entry_without_its_secret_is_neither_shown_nor_refuted(template, tmp_path):
    home = shutil.copytree(template, tmp_path / "home")
    ports = wiring.open_ports(home, config.load(home))
    with ports.store._engine.begin() as connection:
        connection.execute(text("DROP TRIGGER content_no_delete"))
        connection.execute(text("DELETE FROM content"))

    status, says = objection(ports)

    assert "unchecked" == status
    assert "secret" in says
    ports.store.close()
