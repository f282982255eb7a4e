"""
SQLite + Supabase Sync System - clang-tidy, once per content

Runs clang-tidy on every translation unit of agent/ and tests/, and remembers which were clean by a hash of what the compiler would see
(the preprocessed text with its comments, the options, .clang-tidy, clang-tidy's version): a unit of the same content is not looked at
again, whichever clone it stands in. Findings are never remembered. `./dev lint` calls it.

  tidy.py BUILD_DIRECTORY [FILE…]     only units whose path holds one of FILE
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, NamedTuple, Tuple

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'sync-node-tidy'


class Unit(NamedTuple):
    """One line of compile_commands.json."""

    file: str
    directory: str
    words: List[str]


def units(build: Path, wanted: List[str]) -> List[Unit]:
    found = {}
    for entry in json.loads((build / 'compile_commands.json').read_text()):
        path = Path(entry['file'])
        if path.is_relative_to(ROOT / 'agent') or path.is_relative_to(ROOT / 'tests'):
            found[entry['file']] = Unit(entry['file'], entry['directory'], shlex.split(entry['command']))
    return [unit for unit in found.values() if not wanted or any(word in unit.file for word in wanted)]


def preprocessed(unit: Unit) -> bytes:
    """Comments stay, since NOLINT is one; where the clone lies does not matter."""
    words = [word for word in unit.words if word != '-c']
    compiler = next(i for i, word in enumerate(words) if re.search(r'/(c\+\+|g\+\+|clang\+\+)[^/]*$', word))
    output = words.index('-o')
    arguments = words[compiler + 1:output] + words[output + 2:]
    done = subprocess.run(['clang++', *arguments, '-E', '-C', '-P', '-w'], cwd=unit.directory, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors='replace'))
    options = ' '.join(arguments).replace(str(ROOT), '')
    return done.stdout.replace(str(ROOT).encode(), b'') + options.encode()


def look(build: Path, base: bytes, unit: Unit) -> Tuple[Unit, str, bool]:
    """(unit, findings, remembered)."""
    try:
        mark = CACHE / hashlib.sha256(base + preprocessed(unit)).hexdigest()
    except RuntimeError as problem:
        return unit, str(problem), False
    if mark.exists():
        os.utime(mark)
        return unit, '', True
    done = subprocess.run(['clang-tidy', '-quiet', '--extra-arg=-Wno-unknown-warning-option', '-p', str(build), unit.file], capture_output=True, text=True)
    if done.returncode == 0:
        mark.touch()
        return unit, '', False
    return unit, done.stdout or done.stderr, False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path)
    parser.add_argument('files', nargs='*')
    args = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(['clang-tidy', '--version'], capture_output=True, check=True).stdout
    base = version + (ROOT / '.clang-tidy').read_bytes() + Path(__file__).read_bytes()
    todo = units(args.build.resolve(), args.files)
    failed = remembered = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (unit, findings, known) in enumerate(pool.map(lambda unit: look(args.build.resolve(), base, unit), todo), 1):
            remembered += known
            if findings:
                failed += 1
                print(f'{unit.file}\n{findings}', flush=True)
            if sys.stdout.isatty():
                print(f'\r  {number} of {len(todo)}', end='', flush=True)
    print(f'{"" if not sys.stdout.isatty() else chr(13)}  {len(todo)} units, {remembered} of them unchanged since they were clean; {failed} with findings', flush=True)
    return 1 if failed or not todo else 0


if __name__ == '__main__':
    sys.exit(main())
