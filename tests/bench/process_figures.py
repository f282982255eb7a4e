"""
SQLite + Supabase Sync System - What A Process Cost

Processor time, peak memory and bytes read of one process, from the kernel's own accounts: nothing is attached to it. Bytes read are those
of its read calls on files (`rchar`: a socket's recv is not among them), whatever the file: so they bound what was read of a source from above.
"""

import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

CPU_CLOCK = 2  # CPUCLOCK_SCHED: nanoseconds of the whole process, threads that ended included


class Cost(NamedTuple):
    seconds: float
    cpu_seconds: float
    bytes_read: int
    peak_mb: float
    code: int
    output: str


def cpu_seconds(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | CPU_CLOCK)


def bytes_read(pid: int) -> int:
    return int(dict(line.split(': ') for line in Path(f'/proc/{pid}/io').read_text().splitlines())['rchar'])


def memory_mb(pid: int, what: str = 'VmRSS') -> float:
    """VmRSS now, VmHWM at most."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith(what + ':'):
            return int(line.split()[1]) / 1024
    return 0.0


def family_mb(pid: int) -> float:
    """The most that it and its children had, added up: of a pipeline."""
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return memory_mb(pid, 'VmHWM') + sum(memory_mb(int(child), 'VmHWM') for child in children)


def measured(command: Sequence[str], environment: Optional[Dict[str, str]] = None, accepted: Sequence[int] = (0,), cwd: str = '/') -> Cost:
    """Runs it to its end; one that ends otherwise than accepted ends the bench with its last words."""
    with tempfile.TemporaryFile() as log:
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=cwd)
        # Not ru_maxrss, which begins with what this interpreter had when it forked.
        with Largest(lambda: family_mb(process.pid), 0.01) as peak:
            # Looked at before it is reaped, when its accounts are complete.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            spent = time.monotonic() - began
        read = bytes_read(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        output = log.read().decode(errors='replace')
    if process.returncode not in accepted:
        raise SystemExit(f'{command[0]}: exit {process.returncode}\n{output[-3000:]}')
    return Cost(spent, usage.ru_utime + usage.ru_stime, read, peak.value, process.returncode, output)


class Largest:
    """The largest value of something asked every few milliseconds. One thread, joined by leaving the block."""

    def __init__(self, ask: Callable[[], float], every: float = 0.005) -> None:
        self.ask, self.every, self.value = ask, every, 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        while True:
            try:
                self.value = max(self.value, self.ask())
            except (FileNotFoundError, ProcessLookupError):
                pass  # not there just now
            if self.ended.wait(self.every):
                return

    def __enter__(self) -> 'Largest':
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()


def file_size(path: str) -> float:
    return os.stat(path).st_size


def milliseconds(seconds: Sequence[float]) -> List[float]:
    return [each * 1000 for each in seconds]
