"""
SQLite + Supabase Sync System - Figures Of A Benchmark

What is measured is said once: it is printed as a line of a table, and kept for the JSON document. A figure is its samples; what stands in
the table is their median, their spread and, where it is compared with something of the same run, the ratio of the medians.
"""

import datetime
import json
import os
import platform
import sqlite3
import statistics
import subprocess
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from support.private_postgres import server_binaries
from support.product import BINARIES

SOURCE = Path(__file__).resolve().parents[2]
RESULTS = BINARIES.parent / 'bench-results'
Points = List[Tuple[float, float]]


class Figure(NamedTuple):
    """Samples of one thing; never empty."""

    samples: List[float]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def short(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f'{value:,.0f}'
    return f'{value:.3g}'


class Part:
    """One subject of a run: lines of a table, and curves."""

    def __init__(self, title: str, quiet: bool = False) -> None:
        self.title = title
        self.lines: List[Dict[str, Any]] = []
        self.notes: List[str] = []
        self.curves: Dict[str, Dict[str, Points]] = {}
        if not quiet:
            print(f'\n{title}', flush=True)

    def note(self, text: str) -> None:
        """What the figures were compared with, or what has to be known about them."""
        self.notes.append(text)
        print(f'  {text}', flush=True)

    def line(self, what: str, samples: Sequence[float], unit: str, goal: str = '', against: Optional[Figure] = None, note: str = '') -> Figure:
        figure = Figure(list(samples), unit)
        low, high = min(figure.samples), max(figure.samples)
        kept: Dict[str, Any] = {'what': what, 'unit': unit, 'median': figure.median, 'min': low, 'max': high, 'samples': figure.samples}
        ratio = ''
        if against is not None and against.median:
            kept['ratio'] = figure.median / against.median
            ratio = f'{kept["ratio"]:.2f} ×'
        if goal:
            kept['goal'] = goal
        if note:
            kept['note'] = note
        self.lines.append(kept)
        spread = f'({short(low)} to {short(high)})' if len(figure.samples) > 1 else ''
        tail = '  '.join(part for part in (f'goal {goal}' if goal else '', note) if part)
        print(f'  {what:<60} {short(figure.median) + " " + unit:>13} {spread:>20} {ratio:>9}  {tail}'.rstrip(), flush=True)
        return figure

    def shares(self, what: str, samples: Sequence[float], unit: str, goal: str = '', note: str = '') -> Dict[str, float]:
        """Of many samples their quantiles, which is all that is kept of them."""
        found = {'p50': quantile(samples, 0.5), 'p99': quantile(samples, 0.99), 'p99.9': quantile(samples, 0.999), 'max': max(samples)}
        self.lines.append({'what': what, 'unit': unit, 'count': len(samples), 'shares': found, **({'goal': goal} if goal else {}), **({'note': note} if note else {})})
        tail = '  '.join(part for part in (f'goal {goal}' if goal else '', note) if part)
        print(f'  {what:<60} {"  ".join(f"{name} {short(value)}" for name, value in found.items())} {unit}  of {len(samples):,}  {tail}'.rstrip(), flush=True)
        return found

    def word(self, what: str, said: str) -> None:
        """What has no number: a failure, a verdict."""
        self.lines.append({'what': what, 'said': said})
        print(f'  {what:<60} {said}', flush=True)

    def point(self, chart: str, curve: str, x: float, y: float) -> None:
        self.curves.setdefault(chart, {}).setdefault(curve, []).append((x, y))

    def document(self) -> Dict[str, Any]:
        return {'title': self.title, 'notes': self.notes, 'lines': self.lines, 'curves': self.curves}


def said_by(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=SOURCE)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else 'unknown'


def processor() -> str:
    names = [line.partition(':')[2].strip() for line in Path('/proc/cpuinfo').read_text().splitlines() if line.startswith('model name')]
    return names[0] if names else platform.machine()


def surroundings(settings: Dict[str, str]) -> Dict[str, Any]:
    """Machine, versions, revision: what a figure means nothing without."""
    changed = said_by('git', 'status', '--porcelain', '--untracked-files=no')
    return {'at': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'), 'revision': said_by('git', 'rev-parse', 'HEAD'),
            'changed': changed != 'unknown', 'programs': str(BINARIES), 'version': said_by(str(BINARIES / 'sync-node'), '--version'),
            'processor': processor(), 'cores': os.cpu_count(),
            'memory_mb': os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 2**20, 'kernel': platform.release(),
            'postgresql': said_by(str(server_binaries() / 'postgres'), '--version'), 'sqlite': sqlite3.sqlite_version, 'python': platform.python_version(),
            'load_at_start': os.getloadavg()[0], 'server_settings': settings}


def introduce(around: Dict[str, Any]) -> None:
    print(f'{around["version"]} of {around["programs"]}, revision {around["revision"][:12]}{" (changed)" if around["changed"] else ""}\n'
          f'{around["postgresql"]}, SQLite {around["sqlite"]}, {around["cores"]} × {around["processor"]}, '
          f'{around["memory_mb"]} MB, Linux {around["kernel"]}, load {around["load_at_start"]:.2f}\n'
          f'settings {around["server_settings"]}', flush=True)


def write(name: str, around: Dict[str, Any], options: Dict[str, Any], parts: List[Part]) -> Path:
    """One document, beside the programs that were measured."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f'{name}.json'
    document = {'bench': name, **around, 'options': options, 'load_at_end': os.getloadavg()[0], 'parts': [part.document() for part in parts]}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + '\n')
    print(f'\nwritten: {path}', flush=True)
    return path
