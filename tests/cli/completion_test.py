"""
SQLite + Supabase Sync System - Help, Completion And Manual Agree

Walks the verbs of `sync-nodectl --help`: bash completion offers every verb, option and listed value and no others, and the
manual page describes every verb with its options. A verb that is added needs its line in the manual page, and nothing here.
"""

import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Set, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.product import BINARIES  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'etc/bash-completion/sync-nodectl'
PROGRAM = str(BINARIES / 'sync-nodectl')
# Described once, under OPTIONS, for all verbs that have them.
SHARED = {'-h', '--help', '--node', '--remote', '--token-file', '--ca-file', '--admin-url', '--admin-url-file'}


class Page(NamedTuple):
    """A page of --help."""

    verbs: List[str]
    options: Dict[str, str]  # to what a value is called; '' for a flag
    arguments: List[str]
    needs_verb: bool


def page(path: Tuple[str, ...]) -> Page:
    done = subprocess.run([PROGRAM, *path, '--help'], capture_output=True, text=True, check=True)
    parts = {title: body for title, body in re.findall(r'^(\w+):\n((?:  .*\n)+)', done.stdout, re.M)}
    options: Dict[str, str] = {}
    # "--yes Needs: --restart" is a flag.
    for names, value in re.findall(r'^  (-\S+)(?: (\S*[^\s:])(?=\s|$))?', parts.get('Options', ''), re.M):
        options.update({name: value for name in names.split(',')})
    return Page(re.findall(r'^  ([a-z]\S*)', parts.get('Subcommands', ''), re.M), options,
                re.findall(r'^  ([A-Z]+(?: :\S+)?)', parts.get('Positionals', ''), re.M),
                re.search(r'^Usage: .* SUBCOMMAND$', done.stdout, re.M) is not None)


def tree(path: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], Page]]:
    """Every verb, groups too, with its page."""
    found = page(path)
    yield path, found
    for verb in found.verbs:
        yield from tree((*path, verb))


def complete(*words: str, patience: str = '', **environment: str) -> List[str]:
    """What bash would offer for the last of the words."""
    script = ('source "$1"; [[ -z $2 ]] || _sync_nodectl_patience=$2; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sync_nodectl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(['bash', '-c', script, 'bash', str(SCRIPT), patience, *words], capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'BUS_ADDRESS': 'none', **environment})
    assert (done.returncode, done.stderr) == (0, ''), done
    return done.stdout.split()


def manual() -> Dict[str, str]:
    """The part of each verb, without formatting."""
    commands = (ROOT / 'docs/man/sync-nodectl.1').read_text().split('.SH COMMANDS', 1)[1].split('\n.SH ', 1)[0]
    found = re.findall(r'^\.B sync-nodectl ([a-z0-9 -]+)\n(.*?)(?=^\.B sync-nodectl |\Z)', commands, re.M | re.S)
    return {verb: text.replace('\\-', '-') for verb, text in found}


def options_in(text: str) -> Set[str]:
    return set(re.findall(r'(?<![\w-])--[a-z][a-z0-9-]*', text))


class Completion(unittest.TestCase):
    def test_offers_what_help_lists(self) -> None:
        walked = 0
        for path, found in tree():
            walked += 1
            with self.subTest(verb=' '.join(path)):
                self.assertEqual(set(complete(PROGRAM, *path, '-')), set(found.options))
                listed = [word for argument in found.arguments[:1] for word in re.findall(r'[\w-]+', argument.partition('{')[2])]
                self.assertEqual(sorted(complete(PROGRAM, *path, '')), sorted([*found.verbs, *listed]))
                for option, value in found.options.items():
                    if '{' in value:
                        self.assertEqual(complete(PROGRAM, *path, option, ''), re.findall(r'[\w-]+', value.partition('{')[2]))
        self.assertGreater(walked, 25)

    def test_completes_beginnings_files_and_behind_options(self) -> None:
        self.assertEqual(complete(PROGRAM, 'client', 'set'), ['set-interval'])
        self.assertEqual(complete(PROGRAM, '--env-file', str(SCRIPT), 'client', 'set'), ['set-interval'])
        self.assertEqual(complete(PROGRAM, '--env-file', str(SCRIPT)[:-1]), [str(SCRIPT)])
        self.assertEqual(complete(PROGRAM, 'client', 'register', 'x', '--sqlite-path', str(SCRIPT)[:-1]), [str(SCRIPT)])
        self.assertEqual(complete(PROGRAM, 'client', 'register', '--interval', '5', '--al'), ['--all'])
        self.assertEqual(complete(PROGRAM, 'conflicts', 'resolve', '--yes', 'mer'), ['merge'])
        self.assertEqual(complete(PROGRAM, 'deploy', '--adopt', 'pre'), ['prepare'], 'a flag that excludes another takes no value')
        self.assertEqual(complete(PROGRAM, 'conflicts', 'resolve', '--client', 'a', 'mer'), ['merge'])

    def test_is_silent_on_errors(self) -> None:
        self.assertEqual(complete(PROGRAM, 'nonsense', ''), [])
        self.assertEqual(complete('/nowhere/sync-nodectl', ''), [])
        for address in ('none', 'unix:path=/nowhere/bus', 'nonsense'):
            self.assertEqual(complete(PROGRAM, 'client', 'pause', '', BUS_ADDRESS=address), [])

    def test_does_not_wait_for_a_bus_that_says_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as silent:
            silent.bind(f'{directory}/bus')
            silent.listen()
            self.assertEqual(complete(PROGRAM, 'client', 'pause', '', BUS_ADDRESS=f'unix:path={directory}/bus'), [])

    def test_takes_less_than_a_tenth_of_a_second(self) -> None:
        """Of processor time, so that a busy machine is not blamed on it; the wait for the bus is bounded by itself."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(5):
            complete(PROGRAM, 'client', 'register', '--')
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertLess((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5, 0.1)
        patience = re.search(r'^_sync_nodectl_patience=([\d.]+)', SCRIPT.read_text(), re.M)
        self.assertTrue(patience and float(patience.group(1)) < 0.1)


class Manual(unittest.TestCase):
    def test_describes_every_verb_and_its_options(self) -> None:
        described = manual()
        # A group that does nothing by itself is described by its verbs.
        verbs = {' '.join(path): found for path, found in tree() if path and not found.needs_verb}
        self.assertEqual(set(described), set(verbs))
        known = {option for found in verbs.values() for option in found.options}
        for verb, found in verbs.items():
            with self.subTest(verb=verb):
                synopsis, _, text = described[verb].partition('\n.br\n')
                self.assertEqual(options_in(synopsis) - SHARED, set(found.options) - SHARED)
                self.assertLessEqual(options_in(text), known, 'its own, or of a verb that it speaks of')
                node = re.search(r'\bNODE\b', synopsis) is not None
                self.assertEqual(node or '--node' in options_in(synopsis), '--node' in found.options, 'NODE')


if __name__ == '__main__':
    unittest.main(verbosity=1)
