"""
SQLite + Supabase Sync System - Others At The Same Load

A whole SQLite file into PostgreSQL as others do it: pgloader with its defaults, sqlite3's dump into psql, and row by row as the product
that this one replaces did (written anew for the comparison). Each answers what it cost, or why it failed.
"""

import shlex
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import List, NamedTuple, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from process_figures import measured  # noqa: E402
from support.private_postgres import PrivatePostgres, server_binaries  # noqa: E402


class Outcome(NamedTuple):
    seconds: float
    peak_mb: float
    trouble: str = ''  # why there is no time to show
    note: str = ''


def eased(source: str, folder: Path) -> Path:
    """Without the expression index that makes pgloader stop at once."""
    path = folder / 'eased.db'
    shutil.copyfile(source, path)
    database = sqlite3.connect(path)
    database.execute('DROP INDEX IF EXISTS uq_user_email_lower')
    database.close()
    return path


def fresh_public(server: PrivatePostgres) -> None:
    server.superuser_psql('DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public AUTHORIZATION admin')


def first_words(output: str, marks: Sequence[str]) -> str:
    return next((line.strip()[:110] for line in output.splitlines() if any(mark in line for mark in marks)), 'no word')


def arrived(server: PrivatePostgres, rows: int) -> str:
    """Whoever ends well may still have lost rows."""
    tables = server.superuser_psql("SELECT string_agg(format('(SELECT count(*) FROM public.%I)', relname), '+') FROM pg_class "
                                   "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    there = int(server.superuser_psql(f'SELECT {tables or 0}'))
    return '' if there == rows else f'{rows - there:,} of {rows:,} rows are not there'


def pgloader(server: PrivatePostgres, source: Path, rows: int) -> Outcome:
    fresh_public(server)
    ran = measured(['pgloader', f'sqlite://{source}', server.admin_url()], accepted=range(-64, 256), cwd=str(source.parent))
    if 'exhausted' in ran.output or 'FATAL' in ran.output or 'KABOOM' in ran.output:
        return Outcome(ran.seconds, ran.peak_mb, f'fails after {ran.seconds:.1f} s: {first_words(ran.output, ["exhausted", "FATAL", "KABOOM"])}')
    return Outcome(ran.seconds, ran.peak_mb, note=arrived(server, rows))


# What people take out of a dump by sed until PostgreSQL reads it; all types that would refuse a value become text or bigint.
WORDS = [r's/^INSERT INTO user /INSERT INTO "user" /', r'/^PRAGMA /d', r'/^CREATE (TABLE|UNIQUE)/,/;$/s/\b(DATETIME|BOOLEAN|BIGINT|INTEGER|INT)\b/bigint/g',
         r'/^CREATE TABLE/,/;$/s/\b(JSON|DATE)\b/text/g', r"s/,char\((10|13)\)\)/,chr(\1))/g"]


def dump_into_psql(server: PrivatePostgres, source: Path, rows: int) -> Outcome:
    """One transaction, as the dump has it."""
    fresh_public(server)
    words = ' '.join(f'-e {shlex.quote(word)}' for word in WORDS)
    pipe = (f'sqlite3 {shlex.quote(str(source))} .dump | sed -E {words} | '
            f'{server_binaries() / "psql"} -X -q -o /dev/null -v ON_ERROR_STOP=1 {shlex.quote(server.admin_url())}')
    ran = measured(['bash', '-c', f'set -o pipefail; {pipe}'], accepted=range(-64, 256))
    if 'ERROR' in ran.output:
        return Outcome(ran.seconds, ran.peak_mb, f'fails after {ran.seconds:.1f} s: {first_words(ran.output, ["ERROR"])}')
    return Outcome(ran.seconds, ran.peak_mb, note=arrived(server, rows))


def row_by_row(server: PrivatePostgres, source: Path, tables: List[str], sample: int) -> Outcome:
    """So many rows of every table in turn, each an upsert and a transaction of its own over one connection."""
    fresh_public(server)
    ran = measured([sys.executable, '-B', str(Path(__file__).with_name('row_upsert.py')), str(source), server.admin_url(), str(sample), *tables])
    done, seconds = ran.output.split()
    return Outcome(float(seconds), ran.peak_mb, note=done)
