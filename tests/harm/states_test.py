"""Law L1 in every state of a client's file: what the reader saw is what the application committed, and strace and
the directory show that nothing was written, created, locked for writing or mapped writable.

With each state comes a control: the same application without us must leave the same main file behind."""

import hashlib
import os
import re
import subprocess
import sys

from harness import READERS, App, Place, Report, expected, finish_reader, read, start_reader

ROWS = [(number, "text " * number, float(number) / 3) for number in range(1, 40)]


def fill(app, count=len(ROWS)):
    app.sql("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT, c BLOB)", "BEGIN")
    for number, text, _ in ROWS[:count]:
        app.sql(f"INSERT INTO t VALUES({number}, '{text}', x'00ff')")
    app.sql("COMMIT")


def rows(count=len(ROWS)):
    return expected("t", [(number, text, b"\x00\xff") for number, text, _ in ROWS[:count]])


def wal_open(place):
    app = App(place.file)
    app.sql("PRAGMA journal_mode=WAL")
    fill(app)
    app.sql("SELECT count(*) FROM t")
    return app, rows()


def wal_open_one_commit(place):
    """No read mark was ever set: nothing in the shared memory protects a reader."""
    app = App(place.file)
    app.sql("PRAGMA journal_mode=WAL", "CREATE TABLE t(id INTEGER PRIMARY KEY)")
    return app, expected("t", [])


def wal_just_opened(place):
    app, seen = wal_open(place)
    app.close()
    app = App(place.file)
    app.sql("SELECT count(*) FROM t")
    return app, seen


def wal_checkpointed(place):
    app, seen = wal_open(place)
    app.sql("PRAGMA wal_checkpoint(PASSIVE)")
    return app, seen


def wal_writer_at_work(place):
    app, seen = wal_open(place)
    app.sql("BEGIN IMMEDIATE", "DELETE FROM t")
    return app, seen


def wal_closed(place):
    app, seen = wal_open(place)
    app.close()
    return None, seen


def wal_killed(place):
    app, seen = wal_open(place)
    app.sql("BEGIN IMMEDIATE", "DELETE FROM t")
    app.kill()
    return None, seen


def wal_without_shm(place):
    _, seen = wal_killed(place)
    os.unlink(f"{place.file}-shm")
    return None, seen


def rollback_idle(place):
    app = App(place.file)
    fill(app)
    return app, rows()


def rollback_writer(place):
    app, seen = rollback_idle(place)
    app.sql("BEGIN IMMEDIATE", "DELETE FROM t WHERE id < 20")
    return app, seen


def rollback_persisting(place):
    app = App(place.file)
    app.sql("PRAGMA journal_mode=PERSIST")
    fill(app)
    return app, rows()


def hot_journal(place):
    app, _ = rollback_idle(place)
    app.sql("PRAGMA cache_spill=1", "PRAGMA cache_size=1", "BEGIN IMMEDIATE",
            "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 2000) "
            "SELECT i, hex(randomblob(100)) FROM n")
    app.kill()
    return None, None


def empty_file(place):
    app = App(place.file)
    app.sql("SELECT 1", "PRAGMA user_version")
    place.file.touch()
    os.chown(place.file, 47110, 47110)
    return app, []


STATES = [wal_open, wal_open_one_commit, wal_just_opened, wal_checkpointed, wal_writer_at_work, wal_closed, wal_killed,
          wal_without_shm, rollback_idle, rollback_writer, rollback_persisting, hot_journal, empty_file]


CHANGING_CALLS = re.compile(r"\b(unlink|rename|mkdir|rmdir|mknod|chmod|fchmod|chown|fchown|lchown|link|symlink|utime|"
                            r"truncate|ftruncate|write|pwrite|writev|pwritev|fallocate|fsync|fdatasync|setxattr|"
                            r"fsetxattr|copy_file_range|flock)\w*\(")


def violations(trace, data):
    """The successful system calls that could have changed anything in `data`."""
    found = []
    for line in trace.splitlines():
        call = line.split(" = ")[0]
        if " = -1 E" in line or str(data) not in call:
            continue
        if re.search(r"\bopen(at|at2)?\(", call):
            bad = re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE|O_APPEND", call)
        elif re.search(r"\bmmap\(", call):
            bad = "PROT_WRITE" in call and "MAP_SHARED" in call
        elif re.search(r"\bfcntl\(", call):
            bad = "SETLK" in call and "F_WRLCK" in call
        else:
            bad = CHANGING_CALLS.search(call)
        if bad:
            found.append(line)
    return found


def read_traced(place, reader):
    trace = place.root / "trace"
    process = start_reader(place, reader=reader, before=["strace", "-f", "-y", "-qq", "-o", str(trace)])
    reading = finish_reader(process)
    return reading, trace.read_text(errors="replace")


def main_file_after_close(state, with_reader):
    """Content of the main file once the application has closed, with readings in between or without."""
    with Place() as place:
        app, _ = state(place)
        if with_reader:
            for _ in range(3):
                read(place)
        if app:
            app.sql("INSERT INTO t(id) VALUES(1000)" if state not in (rollback_writer, wal_writer_at_work, empty_file)
                    else "SELECT 1")
            app.close()
        left = sorted(path.name for path in place.data.iterdir())
        return left, hashlib.sha256(place.file.read_bytes()).hexdigest() if state is not hot_journal else ""


def check_state(report, state, reader):
    name = f"{state.__name__}, {reader}"
    with Place() as place:
        app, seen = state(place)
        before = place.look()
        reading, trace = read_traced(place, reader)
        after = place.look()
        report.check(before == after, f"{name}: the directory changed: {before} {after}")
        report.check(not violations(trace, place.data), f"{name}: {violations(trace, place.data)}")
        report.check(f"{place.file}" in trace, f"{name}: the trace does not show the source at all")
        if seen is None:
            report.check(reading.error == "failed precondition" and "hot journal" in reading.text,
                         f"{name}: {reading.text[-300:]}")
        else:
            report.check(reading.valid, f"{name}: not valid: {reading.text[-300:]}")
            report.check(reading.rows == seen, f"{name}: read something else: {reading.text[:300]}")
        if app:
            app.kill()


def check_the_judge(report):
    """SQLite's own `mode=ro`, run by root, is what this test must find guilty."""
    with Place() as place:
        wal_closed(place)
        before = place.look()
        trace = place.root / "trace"
        program = f"import sqlite3; sqlite3.connect('file:{place.file}?mode=ro', uri=True).execute('SELECT * FROM t')"
        subprocess.run(["strace", "-f", "-y", "-qq", "-o", trace, sys.executable, "-c", program], check=True)
        found = violations(trace.read_text(errors="replace"), place.data)
        for sign in ("O_CREAT", "F_WRLCK", "PROT_WRITE"):
            report.check(any(sign in line for line in found), f"the judge overlooks {sign}: {found}")
        report.check(before != place.look(), "the judge overlooks files left behind")


def main():
    report = Report()
    check_the_judge(report)
    for state in STATES:
        for reader in READERS:
            check_state(report, state, reader)
        control = main_file_after_close(state, with_reader=False)
        beside_us = main_file_after_close(state, with_reader=True)
        report.check(control == beside_us, f"{state.__name__}: the application left something else: {control} {beside_us}")
    report.end()


if __name__ == "__main__":
    sys.exit(main())
