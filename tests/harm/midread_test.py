"""What the application may do while we are in the middle of a read: commit, checkpoint, close last, switch its journal
mode, crash, replace the file. Each reading ends as a correct snapshot or says that it is none, never as a wrong one; the
application sees no error, does not wait for us, and leaves the same main file behind as without us.

Each case is (name, how the file begins, reader's options, what happens in the middle, allowed outcomes)."""

import hashlib
import os
import shutil
import subprocess
import sys

from harness import APP_UID, App, Place, Report, expected, finish_reader, start_reader, wait_for_pause

COUNT = 4000
LOCK_WAIT = 0.1  # seconds the application may lose to us in rollback mode
CHANGE = "UPDATE t SET b = b || ' changed', g = g + 1"


def fill(app):
    app.sql("PRAGMA synchronous=OFF", "CREATE TABLE t(id INTEGER PRIMARY KEY, g INT, b TEXT)",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %d) "
            "INSERT INTO t SELECT i, 0, printf('%%0200d', i) FROM n" % COUNT)


def wal(place):
    app = App(place.file)
    app.sql("PRAGMA journal_mode=WAL")
    fill(app)
    app.sql("SELECT count(*) FROM t")
    return app


def wal_backfilled(place):
    app = wal(place)
    app.sql("PRAGMA wal_checkpoint(PASSIVE)")
    return app


def wal_half_backfilled(place):
    app = wal_backfilled(place)
    app.sql(CHANGE + " WHERE id % 2 = 0", "SELECT count(*) FROM t")
    return app


def wal_fresh(place):
    wal(place).close()
    app = App(place.file)
    app.sql("SELECT count(*) FROM t")
    return app


def wal_unused(place):
    wal(place).close()


def rollback(place):
    app = App(place.file)
    fill(app)
    return app


# What happens in the middle. Each gets (place, app) and returns the application still running, or None.
def nothing(_, app):
    return app


def commit(_, app):
    app.sql(CHANGE)
    return app


def commit_and_checkpoint(_, app):
    app.sql("PRAGMA busy_timeout=20", CHANGE, "PRAGMA wal_checkpoint(PASSIVE)", CHANGE, "PRAGMA wal_checkpoint(TRUNCATE)")
    return app


def commit_often(_, app):
    for _ in range(6):
        app.sql(CHANGE, "PRAGMA wal_checkpoint(PASSIVE)")
    return app


def commit_and_close(_, app):
    app.sql(CHANGE)
    app.close()


def close_last(_, app):
    app.close()


def close_and_restart(place, app):
    app.sql(CHANGE)
    app.close()
    app = App(place.file)
    app.sql(CHANGE, "PRAGMA wal_checkpoint(PASSIVE)", CHANGE)
    return app


def to_delete(_, app):
    assert app.sql("PRAGMA journal_mode=DELETE") == [["delete"]]
    app.sql(CHANGE)
    return app


def to_delete_and_back(_, app):
    assert app.sql("PRAGMA journal_mode=DELETE") == [["delete"]]
    app.sql(CHANGE)
    assert app.sql("PRAGMA journal_mode=WAL") == [["wal"]]
    app.sql(CHANGE, "PRAGMA wal_checkpoint(PASSIVE)")
    return app


def to_wal(_, app):
    assert app.sql("PRAGMA journal_mode=WAL") == [["wal"]]
    app.sql(CHANGE, "PRAGMA wal_checkpoint(PASSIVE)")
    return app


def exclusive(_, app):
    app.sql("PRAGMA locking_mode=EXCLUSIVE")
    for _ in range(3):
        app.sql(CHANGE, "PRAGMA wal_checkpoint(TRUNCATE)")
    return app


def crash(_, app):
    app.kill()


def crash_and_restart(place, app):
    app.sql(CHANGE)
    app.kill()
    app = App(place.file)
    app.sql("PRAGMA busy_timeout=20", CHANGE, "PRAGMA wal_checkpoint(PASSIVE)", CHANGE, "PRAGMA wal_checkpoint(TRUNCATE)")
    return app


def crash_in_transaction(_, app):
    app.sql("PRAGMA cache_size=1", "BEGIN IMMEDIATE", CHANGE)
    app.kill()


def roll_back(_, app):
    app.sql("PRAGMA cache_size=1", "BEGIN IMMEDIATE", CHANGE, "ROLLBACK")
    return app


def vacuum(_, app):
    app.sql("DELETE FROM t WHERE id % 3 = 0", "VACUUM")
    return app


def replace(place, app):
    copy = place.data / "copy"
    shutil.copy(place.file, copy)
    os.chown(copy, APP_UID, APP_UID)
    os.rename(copy, place.file)
    return app


def start_and_stay(place, _):
    app = App(place.file)
    app.sql(CHANGE)
    return app


def start_and_close(place, _):
    commit_and_close(place, App(place.file))


def start_checkpoint_close(place, _):
    app = App(place.file)
    app.sql(CHANGE, "PRAGMA wal_checkpoint(TRUNCATE)")
    app.close()


def overwrite(place, app):
    """A copy over the file by somebody who knows nothing of locks."""
    other = sqlite_file_of_same_size(place)
    with open(place.file, "r+b") as target:
        target.write(other)
    return app


def sqlite_file_of_same_size(place):
    content = bytearray(place.file.read_bytes())
    for offset in range(4096 * 3, len(content), 4096):
        content[offset + 2000:offset + 2001] = b"!"
    return bytes(content)


OLD, NONE, EITHER = {"valid"}, {"aborted", "starved"}, {"valid", "aborted", "starved"}
# A file too large for the copy in memory, read where it lies.
IN_PLACE = [
    (wal, nothing, OLD), (wal, commit, OLD), (wal, commit_and_checkpoint, OLD), (wal, commit_often, OLD),
    (wal, commit_and_close, NONE), (wal, close_last, NONE), (wal, close_and_restart, NONE), (wal, to_delete, NONE),
    (wal, to_delete_and_back, NONE), (wal, exclusive, NONE), (wal, crash, OLD), (wal, crash_and_restart, EITHER),
    (wal, crash_in_transaction, OLD), (wal, vacuum, OLD), (wal, replace, NONE), (wal, roll_back, OLD),
    (wal_backfilled, commit, OLD), (wal_backfilled, commit_often, OLD), (wal_backfilled, commit_and_checkpoint, OLD),
    (wal_backfilled, commit_and_close, NONE), (wal_backfilled, to_delete_and_back, NONE),
    (wal_backfilled, exclusive, NONE), (wal_backfilled, crash_and_restart, EITHER),
    (wal_backfilled, close_and_restart, NONE),
    (wal_half_backfilled, commit_often, OLD), (wal_half_backfilled, commit_and_close, NONE),
    (wal_half_backfilled, crash_and_restart, EITHER), (wal_half_backfilled, exclusive, NONE),
    (wal_fresh, commit, OLD), (wal_fresh, commit_often, OLD), (wal_fresh, commit_and_close, NONE),
    (wal_fresh, exclusive, NONE),
    (wal_unused, nothing, OLD), (wal_unused, start_and_stay, NONE), (wal_unused, start_and_close, NONE),
    (wal_unused, start_checkpoint_close, NONE), (wal_unused, replace, NONE), (wal_unused, overwrite, NONE),
    (rollback, nothing, OLD), (rollback, commit, NONE), (rollback, to_wal, NONE), (rollback, to_delete, NONE),
    (rollback, crash, OLD), (rollback, crash_in_transaction, NONE), (rollback, roll_back, EITHER),
    (rollback, vacuum, NONE), (rollback, replace, NONE), (rollback, overwrite, NONE),
]
# With the copy nothing matters any more, but that the path leads to another file.
CASES = [(begin, ("--image-bytes", "0"), act, allowed) for begin, act, allowed in IN_PLACE] + [
    (begin, (), act, NONE if act is replace else OLD) for begin, act, _ in IN_PLACE]


def content(app):
    return expected("t", app.sql("SELECT * FROM t"))


def saw(reading):
    return "valid" if reading.valid else reading.error


def run_case(report, begin, options, act, allowed):
    name = f"{begin.__name__} {' '.join(options)} {act.__name__}"
    with Place() as place:
        app = begin(place)
        watcher = app or App(place.file)
        before = content(watcher)
        if not app:
            watcher.close()
        reader = start_reader(place, "--pause-after", "50", *options)
        seen = wait_for_pause(reader)
        if app:
            app.slowest = 0.0
        app = act(place, app)
        if app:
            report.check(begin is not rollback or act in (vacuum, roll_back) or app.slowest < LOCK_WAIT + 0.05,
                         f"{name}: the application took {app.slowest:.3f} s")
        reading = finish_reader(reader, seen)
        report.check(saw(reading) in allowed, f"{name}: {reading.text[-200:]}")
        report.check(not reading.valid or reading.rows == before, f"{name}: a wrong snapshot was called valid")
        report.check(reading.longest_hold <= LOCK_WAIT, f"{name}: SHARED was held for {reading.longest_hold} s")
        if app:
            app.kill()


def left_behind(act, beside_us):
    with Place() as place:
        app = wal(place)
        if beside_us:
            reader = start_reader(place, "--pause-after", "50", "--image-bytes", "0")
            seen = wait_for_pause(reader)
        act(place, app)
        left = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.data.iterdir()}
        if beside_us:
            finish_reader(reader, seen)
        return left


def check_close_half_way(report, begin):
    """The application's last close has overwritten the main file but not yet removed the -wal, the one moment when
    names and inodes still look as before."""
    with Place() as place:
        app = begin(place)
        before = content(app)
        reader = start_reader(place, "--pause-after", "50", "--image-bytes", "0")
        seen = wait_for_pause(reader)
        app.sql(CHANGE)
        holder = subprocess.Popen(["strace", "-qq", "-p", str(app.process.pid), "-e", "trace=unlink,pwrite64", "-e",
                                   "inject=unlink:delay_enter=5000000", "-o", "/dev/null"], stderr=subprocess.PIPE, text=True)
        while f"TracerPid:\t{holder.pid}\n" not in open(f"/proc/{app.process.pid}/status", encoding="ascii").read():
            pass
        print('["close", ""]', file=app.process.stdin, flush=True)
        main = place.file.read_bytes()
        while place.file.read_bytes() == main or b" changed" not in place.file.read_bytes()[-8192:]:
            pass
        report.check(os.path.exists(f"{place.file}-wal"), "close half way: the -wal went before we looked")
        reading = finish_reader(reader, seen)
        report.check(os.path.exists(f"{place.file}-wal"), "close half way: the -wal went before the reader was done")
        report.check(reading.error == "aborted", f"close half way: {saw(reading)}, {reading.rows == before}")
        holder.terminate()
        holder.communicate()
        app.kill()


def main():
    report = Report()
    for case in CASES:
        run_case(report, *case)
    for act in (commit_and_close, close_last, commit_and_checkpoint_and_close):
        alone, beside_us = left_behind(act, False), left_behind(act, True)
        report.check(set(beside_us) == {"webui.db"} and alone == beside_us, f"{act.__name__}: left {alone} and {beside_us}")
    for begin in (wal_half_backfilled, wal_backfilled):
        check_close_half_way(report, begin)
    report.end()


def commit_and_checkpoint_and_close(place, app):
    commit_and_checkpoint(place, app).close()


if __name__ == "__main__":
    sys.exit(main())
