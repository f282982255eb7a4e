"""The application's side: one process, one SQLite connection, told over a pipe what to do.

Run as root as `python3 app.py FILE UID`; it becomes UID, for good, before it opens anything. Each input line is a JSON list [verb, text]; each answer is one JSON value, or
{"error": text}. Verbs: sql, connect (again), close (the connection).
"""

import json
import os
import sqlite3
import sys
import time


def connect(path):
    return sqlite3.connect(path, isolation_level=None, timeout=10)


def main():
    path, uid = sys.argv[1], int(sys.argv[2])
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    connection = connect(path)
    for line in sys.stdin:
        verb, text = json.loads(line)
        started = time.monotonic()
        try:
            if verb == "connect":
                connection = connect(path)
                answer = None
            elif verb == "close":
                connection.close()
                answer = None
            else:
                answer = connection.execute(text).fetchall()
        except sqlite3.Error as error:
            answer = {"error": str(error)}
        print(json.dumps([answer, time.monotonic() - started]), flush=True)


if __name__ == "__main__":
    main()
