"""`triage --jobs`: several processes read, and nothing else changes."""

import json
import os
import subprocess
import threading

import pytest

from countersign import workers
from countersign.adapters.sources import slices
from countersign.core.cases.arrival import Arrived
from countersign.core.records.evidence import Quarantined
from countersign.core.records.shapes import UntypedFields
from front import COMMAND, environment, run

ALERT = {
    "timestamp": "2025-05-06T07:08:09.000000+0000",
    "event_type": "alert",
    "src_ip": "192.0.2.7",
    "src_port": 4711,
    "dest_ip": "198.51.100.9",
    "dest_port": 80,
    "proto": "TCP",
    "alert": {"signature": "EXAMPLE probe", "signature_id": 9, "severity": 1, "category": "Probe"},
}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "records"
    made.mkdir()
    for number in range(5):
        rows = [json.dumps({**ALERT, "flow_id": number * 100 + n}) for n in range(40)]
        (made / f"{number}.jsonl").write_text("\n".join([*rows, rows[0], "{cut"]) + "\n")
    (made / "notes.txt").write_text("nothing to read here, and no record either\n" * 3)
    return made


def triaged(home, folder, jobs):
    result = run("--home", str(home), "triage", str(folder), "--json", "--jobs", str(jobs))
    assert result.code == 1  # a line of each file is cut short
    return json.loads(result.out)


def test_any_number_of_processes_gives_the_same_cases_counts_and_quarantine(tmp_path, folder):
    alone = triaged(tmp_path / "one", folder, 1)
    together = triaged(tmp_path / "three", folder, 3)

    assert alone["intake"]["records"] == 5 * 42
    assert alone["intake"]["evidence"] == 5 * 40
    assert alone == together


def test_a_file_whose_name_is_not_utf_8_is_read_too(tmp_path, folder):
    with open(os.fsencode(folder) + b"/bad\xff.jsonl", "w", encoding="utf-8") as stream:  # noqa: PTH123 - bytes
        stream.write(json.dumps({**ALERT, "flow_id": 999}) + "\n")

    alone = triaged(tmp_path / "one", folder, 1)
    together = triaged(tmp_path / "two", folder, 2)

    assert 5 * 40 + 1 == alone["intake"]["evidence"]
    assert alone == together


def test_pipes_are_read_in_their_place_between_files(tmp_path):
    """A FIFO by its name, and standard input as `/dev/fd/0`."""
    fifo, file = tmp_path / "fifo", tmp_path / "eve.jsonl"
    os.mkfifo(fifo)
    rows = [json.dumps({**ALERT, "flow_id": n}).encode() + b"\n" for n in range(4)]
    file.write_bytes(rows[0])
    (tmp_path / "last.jsonl").write_bytes(rows[3])
    writer = threading.Thread(target=fifo.write_bytes, args=(rows[1],), daemon=True)
    writer.start()

    paths = [str(file), str(fifo), "/dev/fd/0", str(tmp_path / "last.jsonl")]
    ran = subprocess.run(
        [*COMMAND, "--home", str(tmp_path / "home"), "triage", *paths, "--json", "--jobs", "2"],
        input=rows[2],
        capture_output=True,
        timeout=60,
        check=False,
        env=environment(),
    )

    writer.join(10)
    assert 0 == ran.returncode, ran.stderr
    assert (4, 4) == tuple(json.loads(ran.stdout)["intake"][name] for name in ("records", "evidence"))


def read_by_two(paths):
    return workers.incoming([str(path) for path in paths], "auto", (), 2, UntypedFields())


def test_a_file_that_changed_since_it_was_cut_is_told_once(tmp_path, monkeypatch):
    monkeypatch.setattr(slices, "SLICE_BYTES", 2000)
    file = tmp_path / "eve.jsonl"
    file.write_text("".join(json.dumps({**ALERT, "flow_id": n}) + "\n" for n in range(100)))
    parts = list(slices.parts([str(file)], whole=False))
    monkeypatch.setattr(slices, "parts", lambda *_, **__: parts)
    os.truncate(file, 3000)

    found = list(read_by_two([file]))

    told = [one.reason for one in found if isinstance(one, Quarantined) and not one.line]
    assert ["the file became shorter while it was read: what is missing was not read"] == told
    assert any(isinstance(one, Arrived) for one in found)


class Pipe:
    """One end of a pipe: a part comes in, what goes out is kept."""

    def __init__(self, part):
        self.asked, self.sent = [part], []

    def recv_bytes(self):
        if not self.asked:
            raise EOFError
        return workers._encode(self.asked.pop())

    def send_bytes(self, content):
        self.sent.append(content)


def test_a_message_holds_few_megabytes_however_long_its_records(tmp_path):
    file = tmp_path / "eve.jsonl"
    pad = "x" * (workers.AT_ONCE_BYTES // 2)
    file.write_text("".join(json.dumps({**ALERT, "flow_id": n, "pad": pad}) + "\n" for n in range(7)))
    pipe = Pipe(slices.Part(bytes(file)))

    workers._work(pipe, "auto", ())

    messages = [workers._decode(sent) for sent in pipe.sent]
    assert [2, 2, 2, 1] == [len(one.rows) for one in messages]
    assert [False, False, False, True] == [one.last for one in messages]
