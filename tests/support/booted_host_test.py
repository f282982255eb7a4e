"""
SQLite + Supabase Sync System - What A Booted Host Leaves Behind

Nothing: not when its end goes wrong, and what a killed test left goes with the next host. Without root and without booting one.
"""

import os
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, List, Optional, Sequence
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import host_root  # noqa: E402
from support.booted_host import PREFIX, BootedHost, Ran, sweep  # noqa: E402


class Stubborn:
    """An nspawn that does not end."""

    pid = 0

    def poll(self) -> Optional[int]:
        return None

    def wait(self, timeout: float) -> int:
        raise subprocess.TimeoutExpired('unshare', timeout)


class Broken(BootedHost):
    """A host as it is once it has booted, that answers no command and does not end."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.leader, self.groups = directory, 1, []
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.nspawn: Any = Stubborn()

    def run(self, *command: str, user: str = '', give: Optional[str] = None, seconds: float = 1) -> Ran:
        raise subprocess.TimeoutExpired(command, seconds)


class Leftovers(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def names(self) -> List[str]:
        return sorted(os.listdir(self.folder))

    def make(self, name: str) -> Path:
        (self.folder / name / 'root').mkdir(parents=True)
        return self.folder / name

    def test_directories_of_owners_that_are_gone_are_swept(self) -> None:
        gone = subprocess.Popen(['true'])
        gone.wait()
        kept = [self.make(name).name for name in (f'{PREFIX}{os.getpid()}.abc_1', f'{PREFIX}abcdefgh', 'another.1.x')]
        self.make(f'{PREFIX}{gone.pid}.abc_1')
        sweep(self.folder)
        self.assertEqual(self.names(), sorted(kept))

    def test_a_host_that_does_not_end_leaves_nothing_either(self) -> None:
        host = Broken(self.make('host'))
        with self.assertRaises(subprocess.TimeoutExpired):
            host.stop()
        self.assertEqual((self.names(), host.notify.fileno()), ([], -1))
        host.stop()

    def test_a_host_that_cannot_tell_why_is_stopped_too(self) -> None:
        with self.assertRaises(subprocess.TimeoutExpired), Broken(self.make('host')):
            raise RuntimeError('a test that failed')
        self.assertEqual(self.names(), [])

    def test_drafts_of_a_root_do_not_stay(self) -> None:
        def make(root: Path, packages: Sequence[str]) -> None:
            self.assertEqual([name for name in self.names() if name.startswith('draft.')], [])
            root.mkdir()

        self.make('draft.killed')
        with mock.patch.dict(os.environ, SYNC_NODE_HOST_CACHE=str(self.folder)), mock.patch.object(host_root, 'make', make):
            root = host_root.made_root([])
            self.make('draft.later')
            self.assertEqual(host_root.made_root([]), root)
        self.assertEqual(self.names(), sorted([root.name, 'lock']))


if __name__ == '__main__':
    unittest.main(verbosity=2)
