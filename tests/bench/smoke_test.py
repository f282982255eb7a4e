"""
SQLite + Supabase Sync System - The Benches Measure What They Say

Tiny sizes: nothing is asserted of any time. The rival's copy must equal its source, the curves must hold their points, and every bench
must get through and leave its figures.
"""

import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import bench  # noqa: E402
import capture_bench  # noqa: E402
import figures  # noqa: E402
import ground  # noqa: E402
import harm_bench  # noqa: E402
import live_bench  # noqa: E402
import many_bench  # noqa: E402
import plot  # noqa: E402
from change_log import LogReader, install  # noqa: E402
from ha.couple import expect, ok  # noqa: E402
from process_figures import measured  # noqa: E402

SVG = '{http://www.w3.org/2000/svg}'


def curves_hold_their_points() -> None:
    drawn = ElementTree.fromstring(plot.svg('a < b', 'x', 'y', {'one': [(1, 2), (10, 20), (100, 5)], 'two': [(3, 0.5), (7, 0)]}))
    expect('points that can be drawn', len(drawn.findall(f'{SVG}circle')), 4)
    expect('curves', len(drawn.findall(f'{SVG}polyline')), 2)
    places = [float(each.get('cx', '0')) for each in drawn.findall(f'{SVG}circle')[:3]]
    expect('decades are equally far apart', round(places[2] - places[1], 1), round(places[1] - places[0], 1))
    ok('curves')


def processes_are_accounted_for() -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(3_000_000))
        file.flush()
        cost = measured([sys.executable, '-c', f'open({file.name!r}, "rb").read(); b"1" * 50_000_000; raise SystemExit(3)'], accepted=(3,))
    expect('the exit code', cost.code, 3)
    assert 3_000_000 <= cost.bytes_read < 50_000_000, f'{cost.bytes_read} bytes'
    ok('costs of a process')


def the_rival_is_right() -> None:
    """A change log that lost changes would be a cheap one."""
    with ground.product_on(ground.SETTINGS) as product:
        path = str(product.directory / 'rival.db')
        source = sqlite3.connect(path, isolation_level=None)
        source.execute('CREATE TABLE item (id TEXT, part INTEGER, body TEXT, PRIMARY KEY (id, part))')
        install(path, ['item'])
        reader = LogReader(path, product.server.superuser_url(), 'rival', ['item'])
        source.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2500) INSERT INTO item SELECT 'k' || i, i % 3, 'é' || i FROM n")
        expect('changes shipped', reader.ship(), 2500)
        source.execute('DELETE FROM item WHERE part = 1')
        source.execute("UPDATE item SET body = NULL WHERE part = 2")
        source.execute("INSERT INTO item VALUES ('k1', 1, 'again')")
        reader.ship()
        expect('nothing left in the log', reader.ship(), 0)
        wanted = '\n'.join('|'.join(map(str, row)) for row in source.execute("SELECT id, part, coalesce(body, '-') FROM item ORDER BY id, part"))
        expect('its copy', product.server.superuser_psql("SELECT id, part, coalesce(body, '-') FROM rival.item ORDER BY id COLLATE \"C\", part"), wanted)
        reader.close()
        source.close()
    ok('the change log by triggers')


def benches_get_through() -> None:
    curves = figures.Part('curves', quiet=True)
    with ground.product_on(ground.WATCHED) as product:
        parts = [bench.one_source(product, 'narrow', ground.narrow(3000), 1, others=False), capture_bench.one_size(product, 2, 1, curves),
                 capture_bench.by_rows(product, 3000, [1, 1000], 1, curves), capture_bench.unchanged(product, 2, 1), capture_bench.many_idle(product, 2, 1)]
    capture_bench.flat(curves)
    parts += live_bench.run(True, 1, 2) + many_bench.run(2, 1, 5)
    with ground.product_on(ground.SETTINGS) as product:
        tiny = harm_bench.Size(1, 0.5, 2, 1)
        parts += [harm_bench.campaign(product, 'legacy', 0.0, tiny), harm_bench.closes(product, tiny)]
    written = figures.write('smoke', figures.surroundings(ground.WATCHED), {}, parts)
    document = json.loads(written.read_text())
    expect('parts in the document', len(document['parts']), len(parts))
    empty = [part['title'] for part in document['parts'] if not part['lines']]
    expect('parts without figures', empty, [])
    closed = [line['said'] for part in document['parts'] for line in part['lines'] if 'copies are whole' in line.get('said', '')]
    expect('plain copies after the close', closed, ['1 of 1 copies are whole'] * 3)
    ok('every bench')


def main() -> int:
    curves_hold_their_points()
    processes_are_accounted_for()
    the_rival_is_right()
    benches_get_through()
    return 0


if __name__ == '__main__':
    sys.exit(main())
