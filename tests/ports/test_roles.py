"""PostgreSQL's own refusals: what each role may write, and that machines reach nothing that persons decide."""

import contextlib
import secrets

import pytest
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import ProgrammingError

from countersign.adapters.sql import open_store, roles, tables
from countersign.adapters.sql.engine import connect
from countersign.core.ids import evidence_id
from countersign.core.log.auditlog import Actor, Entry
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence, Provenance
from countersign.errors import StoreUnavailable
from countersign.ports import BriefState, CaseState
from databases import POSTGRES, VAULT
from reviewing import open_office

MACHINES = ("drafter", "worker")
DECIDING = ("disposition", "verdict", "status", "acts", "role")  # what a column of theirs would be called
SNAPSHOT = "sha256:" + "a" * 64


@pytest.fixture(scope="module")
def role_urls():
    """A schema with tables, the four roles, and for each a login that is a member of it: role → URL."""
    prefix = f"countersign_test_{secrets.token_hex(4)}"
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    try:
        connection = engine.connect()
    except Exception:  # noqa: BLE001 - no PostgreSQL here
        pytest.skip("no PostgreSQL to test with")
    connection.execute(text(f"CREATE SCHEMA {prefix}"))
    url = f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{prefix}"
    open_store(url, VAULT).close()
    for _ in range(2):  # saying it twice changes nothing
        for statement in roles.statements(prefix, prefix):
            connection.execute(text(statement))
    made = {"owner": url}
    for role in roles.ROLES:
        password = secrets.token_hex(8)
        connection.execute(
            text(f"CREATE ROLE {prefix}_{role}_login LOGIN PASSWORD '{password}' IN ROLE {prefix}_{role}")
        )
        login = make_url(url).set(username=f"{prefix}_{role}_login", password=password)
        made[role] = login.render_as_string(hide_password=False)
    yield made
    connection.execute(text(f"DROP SCHEMA {prefix} CASCADE"))
    for role in roles.ROLES:
        connection.execute(text(f"DROP ROLE {prefix}_{role}_login"))
        connection.execute(text(f"DROP ROLE {prefix}_{role}"))
    connection.close()
    engine.dispose()


@contextlib.contextmanager
def logged_in(url):
    engine = connect(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def refused(url, statement):
    with logged_in(url) as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(statement))


@pytest.mark.parametrize("role", [*MACHINES, "auditor"])
@pytest.mark.parametrize("table", sorted(roles.NO_MACHINE))
def test_what_persons_decide_is_written_by_no_machine_and_no_auditor(role_urls, role, table):
    columns = [column.name for column in tables.metadata.tables[table].c]
    refused(
        role_urls[role],
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['NULL'] * len(columns))})",
    )


@pytest.mark.parametrize("role", MACHINES)
@pytest.mark.parametrize("table", sorted(roles.NO_MACHINE))
def test_no_machine_reads_what_persons_decide(role_urls, role, table):
    refused(role_urls[role], f"SELECT * FROM {table}")


@pytest.mark.parametrize("role", roles.ROLES)
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_no_role_changes_a_decision(role_urls, role, verb):
    refused(role_urls[role], verb.format("decision", "status", "status"))


@pytest.mark.parametrize("role", roles.ROLES)
def test_a_role_has_exactly_what_is_written_down(role_urls, role):
    query = """
        SELECT c.relname, string_agg(DISTINCT a.privilege_type, ',')
        FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND r.rolname = :role
        GROUP BY c.relname"""
    name = make_url(role_urls[role]).username.removesuffix("_login")
    with logged_in(role_urls["owner"]) as connection:
        found = {row[0]: set(row[1].split(",")) for row in connection.execute(text(query), {"role": name})}

    wanted = {table: {one for one in given if "(" not in one} for table, given in roles.GRANTS[role].items()}
    assert wanted == found


def test_every_table_is_somebodys(role_urls):
    with logged_in(role_urls["owner"]) as connection:
        names = set(inspect(connection).get_table_names())

    assert names == set(tables.metadata.tables)
    assert names == set(roles.GRANTS["worker"]) | set(roles.GRANTS["reviewer"])


@pytest.mark.parametrize("role", MACHINES)
def test_what_machines_write_has_no_column_for_a_disposition(role):
    written = [table for table, given in roles.GRANTS[role].items() if {"INSERT", "UPDATE"} & {*given}]
    columns = [f"{table}.{column.name}" for table in written for column in tables.metadata.tables[table].c]

    assert [] == [name for name in columns if any(word in name.split(".")[1] for word in DECIDING)]
    assert not set(roles.GRANTS[role]) & roles.NO_MACHINE


def test_a_worker_can_do_its_work(role_urls):
    raw = b"{}"
    one = Evidence(evidence_id(raw), "json.unknown", "x", "json/1", raw, 1, None, (Provenance("f", 1),))
    store = open_store(role_urls["worker"], VAULT)
    with store.transaction() as tx:
        tx.evidence.add([(one, [("ip", "192.0.2.1")])])
        tx.alerts.add([Alert("alert-1", one.id, "json.unknown", "r", "", "low", 1)])
        actor = Actor(type="service", id="svc/triage")
        tx.log.stage(Entry(kind="log.note", id="e_1", ts="2026-01-01T00:00:00.000Z", actor=actor))
    store.log.sequence()
    assert "intact" == store.log.verify().status
    store.close()


def test_a_drafter_can_keep_a_brief_and_nothing_of_intake(role_urls):
    store = open_store(role_urls["drafter"], VAULT)
    with store.transaction() as tx:
        tx.cases.save(CaseState("case-1", SNAPSHOT, "t", "low", 1, b"{}"))
        tx.briefs.add(BriefState("brief-1", "case-1", SNAPSHOT, "rules/1", b"{}"))
    other = Evidence(evidence_id(b"1"), "json.unknown", "x", "json/1", b"1", 1, None, (Provenance("f", 1),))
    with pytest.raises(StoreUnavailable), store.transaction() as tx:
        tx.evidence.add([(other, [])])
    with pytest.raises(StoreUnavailable), store.reading() as tx:
        tx.reviews.standing(["case-1"])
    store.close()


def test_a_reviewer_can_sign_in_review_and_decide_and_a_worker_cannot(role_urls, tmp_path):
    """The whole way, as the role that it takes; and the same way as a machine."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "seed.key").write_bytes(
        bytes(range(32))
    )  # that of VAULT, which others here wrote with
    office = open_office(tmp_path / "home", role_urls["owner"])
    office.staff()
    office.drafted("case-low", 1)
    office.close()

    at_work = in_role(office, role_urls["reviewer"])
    at_work.sign_in(at_work.people["Anna"])
    assert "closed" == at_work.decided("Anna", "case-low").status
    at_work.close()
    for role in MACHINES:
        machine = in_role(office, role_urls[role])
        with pytest.raises(StoreUnavailable):
            machine.opened("Anna", "case-low")
        machine.close()


def in_role(office, url):
    """The same home and people, over the database as this role."""
    made = open_office(office.folder, url)
    made.clock.now, made.people = office.clock.now + 10**9, office.people
    return made
