"""What the harm tests share: a source directory of another user, the application in a process of that user, and the
reader (read_probe) in each of the ways sync-node runs. Needs root, since it plays several users."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

APP_UID = 47110  # owns the client's files; the reader is never this one
NOBODY = 65534
PROBE = os.path.join(os.environ["SYNC_NODE_BIN"], "read_probe")
HERE = pathlib.Path(__file__).parent

# How the reader runs: as the service does, and as root of a container that took CAP_CHOWN away.
READERS = {
    "uid nobody with CAP_DAC_READ_SEARCH": [
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search", "--bounding-set=-all,+dac_read_search"],
    "root without CAP_CHOWN": ["setpriv", "--bounding-set=-chown", "--inh-caps=-chown"],
}


class Place:
    """A source directory (0700, of APP_UID) and a state directory of the reader."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="sync-node-harm-"))
        self.root.chmod(0o755)
        self.data = self.root / "data"
        self.data.mkdir()
        self.data.chmod(0o700)
        os.chown(self.data, APP_UID, APP_UID)
        self.state = self.root / "state"
        self.state.mkdir()
        os.chown(self.state, NOBODY, NOBODY)
        self.file = self.data / "webui.db"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)

    def look(self):
        """Everything a reader might change, of the directory and each file in it; atime is not an observable harm."""
        found = {}
        for path in [self.data, *sorted(self.data.iterdir())]:
            status = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[path.name] = (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns,
                                status.st_ctime_ns, status.st_ino, status.st_nlink, content)
        return found


class App:
    """The application: app.py as APP_UID."""

    def __init__(self, path):
        self.slowest = 0.0
        self.process = subprocess.Popen([sys.executable, "-B", str(HERE / "app.py"), str(path), str(APP_UID)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")

    def ask(self, verb, text=""):
        print(json.dumps([verb, text]), file=self.process.stdin, flush=True)
        answer, seconds = json.loads(self.process.stdout.readline())
        self.slowest = max(self.slowest, seconds)
        if isinstance(answer, dict):
            raise AssertionError(f"the application failed: {text}: {answer['error']}")
        return answer

    def sql(self, *statements):
        answer = None
        for statement in statements:
            answer = self.ask("sql", statement)
        return answer

    def send(self, text):
        """Starts a statement without waiting for it; `answer` waits."""
        print(json.dumps(["sql", text]), file=self.process.stdin, flush=True)

    def answer(self):
        answer, seconds = json.loads(self.process.stdout.readline())
        self.slowest = max(self.slowest, seconds)
        return answer

    def close(self):
        """The application ends in order: its last connection closes."""
        self.ask("close")
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.process.stdin.close()
        self.process.stdout.close()


class Reading:
    """What a reader printed."""

    def __init__(self, text):
        lines = text.splitlines()
        self.text = text
        self.rows = [line for line in lines if line.startswith(("row", "table"))]
        self.mode = next((line.split()[1] for line in lines if line.startswith("mode ")), None)
        harm = next((line.split() for line in lines if line.startswith("harm ")), None)
        self.longest_hold = int(harm[1]) / 1e6 if harm else 0.0
        self.valid = bool(lines) and lines[-1] == "valid"
        match = re.match(r"error ([a-z ]+): ", lines[-1]) if lines else None
        self.error = match.group(1) if match else None


def start_reader(place, *options, reader="root without CAP_CHOWN", before=()):
    command = [*before, *READERS[reader], PROBE, *options, str(place.file), str(place.state)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd="/")


def finish_reader(process, already=""):
    out, err = process.communicate("go\n", timeout=60)
    if process.returncode not in (0, 1):
        raise AssertionError(f"the reader died with {process.returncode}: {err}")
    return Reading(already + out)


def read(place, *options, **how):
    return finish_reader(start_reader(place, *options, **how))


def wait_for_pause(process):
    """The reader's output up to its pause; ends early when it never gets there."""
    seen = ""
    for line in process.stdout:
        if line == "paused\n":
            break
        seen += line
    return seen


def hex_value(value):
    kind = {type(None): b"0", int: b"1", float: b"2", str: b"3", bytes: b"4"}[type(value)]
    body = {type(None): b""}.get(type(value))
    if body is None:
        body = value if isinstance(value, bytes) else str(value).encode()
    return (kind + body).hex()


def expected(table, rows):
    return [f"table {table}"] + ["row " + " ".join(hex_value(value) for value in row) for row in rows]


class Report:
    """Counts checks; ends the process with 0 only when every one held and some were made."""

    def __init__(self):
        self.checks = 0
        self.failures = 0

    def check(self, holds, what):
        self.checks += 1
        if not holds:
            self.failures += 1
            print(f"FAILED: {what}", flush=True)
        return bool(holds)

    def end(self):
        print(f"{self.checks} checks, {self.failures} failed")
        sys.exit(1 if self.failures or not self.checks else 0)
