"""
SQLite + Supabase Sync System - Edits In The Copy

Somebody changes rows of a copy while the application changes its file. Every test here is one story on a real server: what is
recorded, what the next sync does with it, what verify and the log say. Law L2: nothing a person wrote is lost or goes unrecorded.
"""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.private_postgres import PostgresError, run_psql  # noqa: E402
from support.product import Product, Ran  # noqa: E402

TABLES = """
CREATE TABLE chat(id TEXT PRIMARY KEY, title TEXT, chat JSON, updated_at BIGINT);
CREATE TABLE tag(id INTEGER PRIMARY KEY, name TEXT, updated_at BIGINT);
CREATE TABLE note(a TEXT, b BIGINT, body BLOB, price REAL, PRIMARY KEY(a, b));
CREATE TABLE loose(x TEXT, y TEXT);
"""


class Story:
    """One client with a file and a copy; `policy` is its conflict-resolution.json."""

    def __init__(self, product: Product, name: str, policy: Optional[Dict[str, Any]] = None) -> None:
        self.product, self.name = product, name
        self.path = str(product.directory / f'{name}.db')
        self.schema = product.schema(name)
        self.env = product.environment()
        if policy is not None:
            file = product.directory / f'{name}.json'
            file.write_text(json.dumps({'conflict_resolution': policy}))
            self.env['CONFLICT_POLICY_FILE'] = str(file)
        self.source(TABLES)
        product.register(name, self.path)
        self.source("INSERT INTO chat VALUES('c1', 'one', '{\"a\": 1}', 1700000000), ('c2', 'two', '{\"a\":  2, \"n\": \"\\u0000\"}', 1700000000);"
                    "INSERT INTO tag VALUES(1, 'red', 1700000000), (2, 'blue', 1700000000);"
                    "INSERT INTO note VALUES('n', 1, x'00ff', 0.1), ('n', 2, NULL, 1e300);"
                    "INSERT INTO loose VALUES('same', 'same'), ('same', 'same')")
        self.sync()

    def source(self, sql: str) -> None:
        connection = sqlite3.connect(self.path)
        connection.executescript(sql)
        connection.close()

    def edit(self, sql: str) -> str:
        """As somebody who is not the agent."""
        return self.product.server.superuser_psql(f'SET search_path = {self.schema}, pg_catalog; {sql}')

    def copy(self, sql: str) -> str:
        return self.edit(sql).strip()

    def sync(self, *arguments: str, code: int = 0) -> Ran:
        ran = self.product.sync(self.name, self.path, *arguments, env=self.env)
        assert ran.code == code, f'exit {ran.code}, not {code}\n{ran.output}'
        return ran

    def verify(self) -> Dict[str, Any]:
        ran = self.product.run('sync-nodectl', 'verify', self.name, '--json', env=self.env)
        document = json.loads(ran.output)
        return {table['name']: table for table in document['tables']} | {'equal': document['equal'], 'code': ran.code}

    def log(self) -> List[Dict[str, Any]]:
        text = self.product.server.superuser_psql(
            "SELECT coalesce(json_agg(row_to_json(c) ORDER BY c.detected_at), '[]') FROM sync_metadata.conflict_log c "
            f"WHERE c.client_name = '{self.name}'")
        return json.loads(text)

    def open_edits(self) -> int:
        return int(self.copy('SELECT count(*) FROM _sync_edits WHERE resolved_at IS NULL'))

    def ctl(self, *arguments: str, code: int = 0) -> str:
        ran = self.product.run('sync-nodectl', *arguments, env=self.env)
        assert ran.code == code, f'{arguments}: exit {ran.code}, not {code}\n{ran.output}'
        return ran.output


def strategy(word: str, **more: Any) -> Dict[str, Any]:
    return {'default_strategy': word, 'default_compare_field': 'updated_at', **more}


def an_edit_stays_until_its_row_changes(product: Product) -> None:
    story = Story(product, 'pending')
    story.edit("UPDATE tag SET name = 'crimson' WHERE id = 1; DELETE FROM chat WHERE id = 'c2'; INSERT INTO tag VALUES(9, 'mine', 5);"
               "UPDATE note SET price = 2.5 WHERE b = 2; UPDATE loose SET y = 'edited' WHERE _sync_key = (SELECT _sync_key FROM loose ORDER BY 1 LIMIT 1)")
    assert story.open_edits() == 5
    for arguments in ((), ('--full',)):
        story.sync(*arguments)
        assert story.copy('SELECT string_agg(name, \',\' ORDER BY id) FROM tag') == 'crimson,blue,mine'
        assert story.copy('SELECT count(*) FROM chat') == '1'
        assert story.copy('SELECT price FROM note WHERE b = 2') == '2.5'
    found = story.verify()
    assert found['equal'] and found['code'] == 0, found
    assert (found['tag']['rows_edited'], found['chat']['rows_edited'], found['note']['rows_edited']) == (2, 1, 1), found
    assert story.log() == []
    # A change of another row of the table leaves it alone; so does losing the local memory.
    story.source("UPDATE tag SET name = 'navy' WHERE id = 2")
    story.sync()
    for file in (product.state / 'clients').rglob('memory.db*'):
        file.unlink()
    story.sync()
    assert story.copy('SELECT string_agg(name, \',\' ORDER BY id) FROM tag') == 'crimson,navy,mine'
    assert story.verify()['equal']


def the_same_change_on_both_sides_is_none(product: Product) -> None:
    story = Story(product, 'same')
    story.edit("UPDATE tag SET name = 'x' WHERE id = 1; DELETE FROM tag WHERE id = 2; INSERT INTO tag VALUES(3, 'new', 7)")
    story.source("UPDATE tag SET name = 'x' WHERE id = 1; DELETE FROM tag WHERE id = 2; INSERT INTO tag VALUES(3, 'new', 7)")
    story.sync()
    assert story.log() == [] and story.open_edits() == 0
    assert story.verify()['equal']


def kinds(story: Story) -> None:
    """update/update, update/delete, delete/update, insert/insert."""
    story.source("UPDATE tag SET name = 'source' WHERE id = 1; UPDATE chat SET title = 'source' WHERE id = 'c1';"
                 "DELETE FROM chat WHERE id = 'c2'; INSERT INTO tag VALUES(3, 'source', 1700000000)")
    story.edit("UPDATE tag SET name = 'target' WHERE id = 1; DELETE FROM chat WHERE id = 'c1';"
               "UPDATE chat SET title = 'target' WHERE id = 'c2'; INSERT INTO tag VALUES(3, 'target', 1700000000)")


def rows(story: Story) -> str:
    return story.copy("SELECT (SELECT string_agg(name, ',' ORDER BY id) FROM tag) || ';' || "
                      "coalesce((SELECT string_agg(id || '=' || title, ',' ORDER BY id) FROM chat), '')")


def the_source_wins(product: Product) -> None:
    story = Story(product, 'source', strategy('source_wins'))
    kinds(story)
    story.sync()
    assert rows(story) == 'source,blue,source;c1=source', rows(story)
    assert [(c['resolution_strategy'], c['outcome']) for c in story.log()] == [('source_wins', 'source')] * 4
    assert story.open_edits() == 0 and story.verify()['equal']
    assert product.oracle(story.name, story.path).problems == []


def the_target_wins(product: Product) -> None:
    story = Story(product, 'target', strategy('target_wins'))
    kinds(story)
    story.sync()
    kept = 'target,blue,target;c2=target'
    assert rows(story) == kept, rows(story)
    types = sorted(c['conflict_type'] for c in story.log())
    assert types == ['constraint_violation', 'delete_conflict', 'delete_conflict', 'update_conflict'], types
    for arguments in ((), ('--full',)):  # later syncs do not fight over it
        story.sync(*arguments)
        assert rows(story) == kept and len(story.log()) == 4
    found = story.verify()
    assert found['equal'] and found['tag']['rows_target_kept'] == 2, found
    story.source("UPDATE tag SET name = 'again' WHERE id = 1")  # until the source changes it
    story.sync()
    assert rows(story) == kept and len(story.log()) == 5
    assert story.log()[-1]['base_data']['name'] == 'source', story.log()[-1]


def a_person_decides(product: Product) -> None:
    story = Story(product, 'manual', strategy('manual'))
    kinds(story)
    assert 'conflicts list' in story.sync(code=2).output
    kept = 'target,blue,target;c2=target'
    assert rows(story) == kept, rows(story)
    story.sync(code=2)
    waiting = json.loads(story.ctl('conflicts', 'list', story.name, '--json'))['conflicts']
    assert len(waiting) == 4 and all(c['resolved_at'] is None for c in waiting)
    listed = story.ctl('conflicts', 'list', story.name)
    counts = tuple(listed.count(words) for words in ('changed on both sides', 'deleted and changed', 'inserted twice'))
    assert counts == (1, 2, 1), listed
    by_record = {(c['table_name'], c['record_id']): c for c in waiting}
    page = story.ctl('conflicts', 'show', by_record['tag', '1']['conflict_id'][:8])
    assert 'name' in page and '"source"' in page and '"target"' in page and '"red"' in page, page
    # The source again, the copy's again, a value; the fourth moves under the person's hands.
    story.ctl('conflicts', 'resolve', 'source', by_record['tag', '1']['conflict_id'])
    story.ctl('conflicts', 'resolve', 'source', by_record['tag', '1']['conflict_id'])  # idempotent
    assert 'already' in story.ctl('conflicts', 'resolve', 'target', by_record['tag', '1']['conflict_id'], code=1)
    story.ctl('conflicts', 'resolve', 'target', by_record['chat', 'c2']['conflict_id'])
    value = product.directory / 'value.json'
    value.write_text('{"name": "both"}')
    story.ctl('conflicts', 'resolve', 'value', by_record['tag', '3']['conflict_id'], '--file', str(value))
    story.edit("INSERT INTO chat VALUES('c1', 'back', '{}', 1)")
    refused = story.ctl('conflicts', 'resolve', 'source', by_record['chat', 'c1']['conflict_id'], code=1)
    assert 'edited' in refused, refused
    story.ctl('conflicts', 'resolve', 'source', by_record['chat', 'c1']['conflict_id'])
    assert rows(story) == 'source,blue,both;c1=source,c2=target', rows(story)
    story.sync()
    assert rows(story) == 'source,blue,both;c1=source,c2=target', rows(story)
    assert sorted(c['outcome'] for c in story.log()) == ['source', 'source', 'target', 'value']
    assert all('@' in c['resolved_by'] for c in story.log()), story.log()
    found = story.verify()
    assert found['equal'] and found['tag']['rows_merged'] == 1 and found['chat']['rows_target_kept'] == 1, found


def message(number: int, parent: Optional[str], words: str) -> Dict[str, Any]:
    return {'id': f'm{number}', 'parentId': parent, 'childrenIds': [], 'role': 'user', 'content': words, 'timestamp': 1700000000 + number}


def chat_of(*messages: Dict[str, Any]) -> str:
    linked = {one['id']: dict(one, childrenIds=[m['id'] for m in messages if m['parentId'] == one['id']]) for one in messages}
    return json.dumps({'title': 't', 'history': {'messages': linked, 'currentId': messages[-1]['id']}, 'messages': list(linked.values())})


def two_people_append_to_one_chat(product: Product) -> None:
    story = Story(product, 'append')  # the default policy
    first = message(1, None, 'hello')
    story.source(f"UPDATE chat SET chat = '{chat_of(first)}' WHERE id = 'c1'")
    story.sync()
    ours, theirs = message(2, 'm1', 'from the application'), message(3, 'm1', 'from the dashboard')
    story.source(f"UPDATE chat SET chat = '{chat_of(first, ours)}', updated_at = 1700000100 WHERE id = 'c1'")
    story.edit(f"UPDATE chat SET chat = '{chat_of(first, theirs)}', updated_at = 1700000200 WHERE id = 'c1'")
    story.sync()
    merged = json.loads(story.copy("SELECT chat FROM chat WHERE id = 'c1'"))
    assert [m['id'] for m in merged['messages']] == ['m1', 'm2', 'm3'], merged
    assert sorted(merged['history']['messages']) == ['m1', 'm2', 'm3'], merged
    assert sorted(merged['history']['messages']['m1']['childrenIds']) == ['m2', 'm3'], merged
    (found,) = story.log()
    assert (found['resolution_strategy'], found['outcome']) == ('merge', 'merged'), found
    verdict = story.verify()
    assert verdict['equal'] and verdict['chat']['rows_merged'] == 1, verdict
    story.sync('--full')
    assert json.loads(story.copy("SELECT chat FROM chat WHERE id = 'c1'")) == merged
    # The application goes on: its next message joins the others.
    more = message(4, 'm2', 'and on')
    story.source(f"UPDATE chat SET chat = '{chat_of(first, ours, more)}', updated_at = 1700000300 WHERE id = 'c1'")
    story.sync()
    merged = json.loads(story.copy("SELECT chat FROM chat WHERE id = 'c1'"))
    assert [m['id'] for m in merged['messages']] == ['m1', 'm2', 'm3', 'm4'], merged


def nothing_silences_the_record(product: Product) -> None:
    story = Story(product, 'silence')
    story.edit("SET session_replication_role = replica; UPDATE tag SET name = 'quiet' WHERE id = 1")
    story.edit('TRUNCATE tag')
    operations = story.copy("SELECT string_agg(operation, ',' ORDER BY edit_id) FROM _sync_edits")
    assert operations == 'update,truncate,truncate', operations
    refused = run_refused(product, f'UPDATE {story.schema}._sync_edits SET resolved_at = now()')
    assert '42501' in refused, refused
    refused = run_refused(product, f'ALTER TABLE {story.schema}.tag DISABLE TRIGGER _sync_edit')
    assert '42501' in refused, refused


def run_refused(product: Product, sql: str) -> str:
    try:
        run_psql(product.cluster.url, f'\\set VERBOSITY verbose\n{sql}')
    except PostgresError as error:
        return str(error)
    raise AssertionError(f'not refused: {sql}')


def a_reload_keeps_edits(product: Product) -> None:
    """A table that is loaded anew is replaced as a whole."""
    story = Story(product, 'reload', strategy('source_wins'))
    story.edit("UPDATE tag SET name = 'mine' WHERE id = 1; UPDATE tag SET name = 'lost' WHERE id = 2; DELETE FROM tag WHERE id = 2")
    story.source("UPDATE tag SET name = 'changed' WHERE id = 2;"
                 "CREATE TABLE t2(id TEXT PRIMARY KEY, name TEXT, updated_at BIGINT); INSERT INTO t2 SELECT * FROM tag;"
                 "DROP TABLE tag; ALTER TABLE t2 RENAME TO tag")
    story.sync()
    assert len(story.log()) >= 1, story.log()
    story.edit("UPDATE tag SET name = 'after' WHERE id = '1'")
    assert story.open_edits() >= 1  # the new table is watched too


def verify_sees_what_went_unrecorded(product: Product) -> None:
    """Whoever may switch the triggers off can change a row that differs on purpose; verify compares it with the record."""
    story = Story(product, 'unrecorded')
    story.edit("UPDATE tag SET name = 'mine' WHERE id = 1")
    assert story.verify()['equal']
    story.edit("ALTER TABLE tag DISABLE TRIGGER USER; UPDATE tag SET name = 'unseen' WHERE id = 1; "
               'ALTER TABLE tag ENABLE ALWAYS TRIGGER _sync_edit, ENABLE ALWAYS TRIGGER _sync_truncate')
    verdict = story.verify()
    assert not verdict['equal'] and verdict['tag']['rows_differing'] == 1, verdict
    assert 'is not what was recorded of it' in verdict['tag']['differing'][0], verdict


def what_cannot_be_stored_is_compared_all_the_same(product: Product) -> None:
    """A person deleted the row and the source changes it, first only what stands in quarantine, then more; at last it deletes it too."""
    story = Story(product, 'quarantine', strategy('target_wins'))
    story.source("UPDATE tag SET name = CAST(x'ff00' AS TEXT) WHERE id = 1")
    story.sync()
    story.edit('DELETE FROM tag WHERE id = 1')
    story.source("UPDATE tag SET name = CAST(x'fe00' AS TEXT) WHERE id = 1")
    story.sync()
    assert story.copy('SELECT count(*) FROM tag WHERE id = 1') == '0'
    verdict = story.verify()
    assert verdict['equal'] and verdict['tag']['rows_edited'] == 1 and verdict['tag']['values_quarantined'] == 1, verdict
    story.source("UPDATE tag SET name = CAST(x'fd00' AS TEXT), updated_at = updated_at + 1 WHERE id = 1")
    story.sync()
    assert story.copy('SELECT count(*) FROM tag WHERE id = 1') == '0'
    verdict = story.verify()
    assert verdict['equal'] and verdict['tag']['rows_target_kept'] == 1 and verdict['tag']['values_quarantined'] == 1, verdict
    story.source('DELETE FROM tag WHERE id = 1')
    story.sync()
    verdict = story.verify()
    assert verdict['equal'] and verdict['tag']['values_quarantined'] == 0, verdict
    assert story.copy('SELECT count(*) FROM _sync_quarantine') == '0'


STORIES: List[Callable[[Product], None]] = [
    an_edit_stays_until_its_row_changes, the_same_change_on_both_sides_is_none, the_source_wins, the_target_wins, a_person_decides,
    two_people_append_to_one_chat, nothing_silences_the_record, a_reload_keeps_edits, verify_sees_what_went_unrecorded,
    what_cannot_be_stored_is_compared_all_the_same]


def main() -> int:
    wanted = sys.argv[1:]
    failed = 0
    with Product() as product:
        for story in STORIES:
            if wanted and story.__name__ not in wanted:
                continue
            try:
                story(product)
                print(f'ok      {story.__name__}', flush=True)
            except Exception as error:  # noqa: BLE001
                import traceback
                traceback.print_exc()
                print(f'FAILED  {story.__name__}: {error}', flush=True)
                failed += 1
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
