"""Random transactions of the application against readings in a loop, in every journal mode: no snapshot that was called
valid may be torn, and the application sees no error.

Every transaction moves an amount between rows of two tables, bumps a generation, and records in table `check` what the
sums then are, so a reading that mixes two transactions contradicts itself. SYNC_NODE_LONG=1: more of it."""

import os
import random
import sqlite3
import subprocess
import sys
import time

from harness import APP_UID, Place, Report, finish_reader, start_reader, wait_for_pause

ACCOUNTS = 300
SECONDS = 60 if os.environ.get("SYNC_NODE_LONG") else 4
# (name, PRAGMAs of each connection, transactions per connection (0: one connection for all), pause between them)
WRITERS = [
    ("wal, one connection", ["PRAGMA journal_mode=WAL"], 0, 0.0),
    ("wal, reconnecting", ["PRAGMA journal_mode=WAL"], 1, 0.002),
    ("wal, tiny log", ["PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=5"], 7, 0.0),
    ("delete, reconnecting", ["PRAGMA journal_mode=DELETE"], 1, 0.05),
    ("delete, one connection", ["PRAGMA journal_mode=DELETE"], 0, 0.03),
    ("truncate", ["PRAGMA journal_mode=TRUNCATE"], 5, 0.02),
    ("persist", ["PRAGMA journal_mode=PERSIST"], 5, 0.02),
    ("switching", None, 3, 0.02),
]


def connect(path, pragmas, chooser):
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    if pragmas is None:
        pragmas = [f"PRAGMA journal_mode={chooser.choice(['WAL', 'DELETE'])}"]
    for pragma in ["PRAGMA synchronous=OFF", *pragmas]:
        connection.execute(pragma)
    return connection


def transact(connection, chooser):
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(chooser.randint(1, 30)):
        amount = chooser.randint(1, 1000)
        pad = chooser.randint(0, 3000)
        connection.execute("UPDATE one SET v = v - ?, pad = zeroblob(?) WHERE id = ?",
                           (amount, pad, chooser.randint(1, ACCOUNTS)))
        connection.execute("UPDATE two SET v = v + ? WHERE id = ?", (amount, chooser.randint(1, ACCOUNTS)))
    if chooser.random() < 0.1:
        connection.execute("ROLLBACK")
        return
    connection.execute("UPDATE checks SET generation = generation + 1, one = (SELECT sum(v) FROM one), "
                       "two = (SELECT sum(v) FROM two), pads = (SELECT sum(length(pad)) FROM one)")
    connection.execute("COMMIT")


def write(path, index, seed, until):
    """The writer process: prints how many transactions it made; any exception ends it with an error."""
    os.setgroups([])
    os.setresgid(APP_UID, APP_UID, APP_UID)
    os.setresuid(APP_UID, APP_UID, APP_UID)
    _, pragmas, per_connection, pause = WRITERS[index]
    chooser = random.Random(seed)
    connection = connect(path, pragmas, chooser)
    done = 0
    while time.time() < until:
        transact(connection, chooser)
        done += 1
        if per_connection and done % per_connection == 0:
            connection.close()
            connection = connect(path, pragmas, chooser)
        if pause:
            time.sleep(chooser.random() * 2 * pause)
    connection.close()
    print(done)


def prepare(place):
    connection = sqlite3.connect(place.file, isolation_level=None)
    connection.executescript("CREATE TABLE checks(generation INT, one INT, two INT, pads INT);"
                             "CREATE TABLE one(id INTEGER PRIMARY KEY, v INT, pad BLOB);"
                             "CREATE TABLE two(id INTEGER PRIMARY KEY, v INT);"
                             "INSERT INTO checks VALUES(0, 0, 0, 0);")
    for table, columns in (("one", "?, 0, x''"), ("two", "?, 0")):
        connection.executemany(f"INSERT INTO {table} VALUES({columns})", [(i + 1,) for i in range(ACCOUNTS)])
    connection.close()
    os.chown(place.file, APP_UID, APP_UID)


def whole(number):
    return int(bytes.fromhex(number)[1:])


def contradiction(reading):
    """"" for a reading that agrees with itself."""
    tables = {}
    for line in reading.rows:
        words = line.split()
        if words[0] == "table":
            current = tables.setdefault(words[1], [])
        else:
            current.append(words[1:])
    if set(tables) != {"checks", "one", "two"} or len(tables["checks"]) != 1:
        return f"tables {sorted(tables)}"
    if len(tables["one"]) != ACCOUNTS or len(tables["two"]) != ACCOUNTS:
        return "rows are missing"
    _, one, two, pads = (whole(value) for value in tables["checks"][0])
    sums = (sum(whole(row[1]) for row in tables["one"]), sum(whole(row[1]) for row in tables["two"]),
            sum(len(bytes.fromhex(row[2])) - 1 for row in tables["one"]))
    return "" if sums == (one, two, pads) else f"sums {sums} but {(one, two, pads)} were recorded"


def campaign(report, index, options, seed):
    name = f"{WRITERS[index][0]} {' '.join(options)}"
    chooser = random.Random(seed)
    with Place() as place:
        prepare(place)
        until = time.time() + SECONDS
        writer = subprocess.Popen([sys.executable, "-B", __file__, str(place.file), str(index), str(seed), str(until)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        outcomes, hold = {}, 0.0
        while time.time() < until:
            stop = chooser.choice([(), ("--pause-after", str(chooser.randint(0, 600)))])
            process = start_reader(place, *options, *stop)
            seen = wait_for_pause(process) if stop else ""
            reading = finish_reader(process, seen)
            outcome = "valid" if reading.valid else reading.error
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            hold = max(hold, reading.longest_hold)
            if reading.valid:
                problem = contradiction(reading)
                report.check(not problem, f"{name}, seed {seed}: torn: {problem}")
            else:
                report.check(reading.error in ("aborted", "starved"), f"{name}, seed {seed}: {reading.text[-200:]}")
        out, err = writer.communicate(timeout=60)
        report.check(writer.returncode == 0, f"{name}, seed {seed}: the application failed: {err[-300:]}")
        # Read in place beside an application whose last connection closes all the time, a reading may never fit in between.
        may_starve = options and WRITERS[index][2] and "WAL" in str(WRITERS[index][1])
        report.check(may_starve or outcomes.get("valid", 0) > 0, f"{name}: no reading was ever valid: {outcomes}")
        report.check(hold <= 0.1, f"{name}: SHARED was held for {hold} s")
        print(f"{name}: {out.strip()} transactions, readings {outcomes}, longest hold {hold * 1000:.0f} ms", flush=True)


def main():
    if len(sys.argv) == 5:
        write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
        return
    report = Report()
    seed = int(os.environ.get("SYNC_NODE_SEED", "0")) or random.SystemRandom().randint(1, 10**9)
    print(f"SYNC_NODE_SEED={seed}")
    for index, _ in enumerate(WRITERS):
        for options in ((), ("--image-bytes", "0")):
            campaign(report, index, options, seed + index)
    report.end()


if __name__ == "__main__":
    main()
