"""
SQLite + Supabase Sync System - Conflicts At The Doors Of Real Nodes

Two nodes, one client whose conflicts wait for a person: listed without their rows, shown with what differs, decided about one by one
and many at once, over HTTP and D-Bus; the follower names the leader; what a person resolves is counted.
"""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.bus_checks import ERROR, call, own_name, refusal  # noqa: E402
from ha.couple import Couple, couple, expect, ok, small_client  # noqa: E402
from ha.http_checks import API, refused  # noqa: E402
from ha.metrics_checks import run, values  # noqa: E402
from support.nodes import Answer, PrivateBus  # noqa: E402
from support.private_postgres import die_with_parent  # noqa: E402
from support.product import Product  # noqa: E402

CLIENT = 'one'
CHATS = 20
ROWS = ['base_data', 'source_data', 'target_data', 'resolved_data']
BY_PERSON = 'sync_conflicts_resolved_total{strategy="manual"}'


class Story:
    """The client's file and its copy; the nodes that keep them."""

    def __init__(self, nodes: Couple, path: str) -> None:
        self.nodes, self.path = nodes, path
        self.leader, self.follower = nodes.roles()
        self.schema = nodes.product.schema(CLIENT)

    def source(self, sql: str) -> None:
        with sqlite3.connect(self.path) as database:
            database.executescript(sql)
        database.close()

    def edit(self, sql: str) -> str:
        """As somebody who is not the agent."""
        return self.nodes.product.server.superuser_psql(f'SET search_path = {self.schema}, pg_catalog; {sql}').strip()

    def sync(self, wanted: str) -> None:
        run(self.leader, CLIENT, wanted)

    def listed(self, **filters: str) -> List[Dict[str, Any]]:
        query = '&'.join(f'{name}={value}' for name, value in {'client_name': CLIENT, **filters}.items())
        answer = self.leader.http('GET', f'{API}/conflicts?{query}')
        expect('a list', answer.status, 200)
        return list(answer.body['conflicts'])

    def bulk(self, choice: str, **filters: Any) -> Answer:
        return self.leader.http('POST', f'{API}/conflicts/resolve', {'client_name': CLIENT, 'choice': choice, **filters})

    def titles(self, begin: str) -> int:
        return int(self.edit(f"SELECT count(*) FROM chat WHERE title LIKE '{begin}%'"))


def outcome(answer: Answer, resolved: int, refusals: int, left: int) -> Dict[str, Any]:
    expect('what came of it', (answer.status, answer.body), (200, {**answer.body, 'resolved': resolved, 'refused': refusals, 'left': left}))
    expect('refusals that are named', len(answer.body['refusals']), refusals)
    return dict(answer.body)


def prepare(story: Story) -> None:
    """Every chat changes on both sides, one of them is deleted in the copy, and a user changes too; the chats are big."""
    story.nodes.product.server.superuser_psql(
        "UPDATE sync_metadata.client_deployments SET config = jsonb_build_object('conflict_resolution', "
        f"""'{{"default_strategy": "manual", "table_strategies": {{"chat": {{"strategy": "manual"}}, "user": {{"strategy": "manual"}}}}}}'::jsonb) """
        f"WHERE client_name = '{CLIENT}'")
    story.sync('success')
    big = 'x' * 20000
    story.source(f"UPDATE chat SET title = 'source ' || rowid, chat = json_object('words', '{big}'); UPDATE user SET name = 'source' WHERE rowid = 1")
    story.edit("UPDATE chat SET title = 'target ' || id; DELETE FROM chat WHERE id = (SELECT min(id) FROM chat);"
               "UPDATE \"user\" SET name = 'target' WHERE name IS DISTINCT FROM 'target'")
    story.sync('conflicts')
    expect('what waits', (len(story.listed()), len(story.listed(table_name='user'))), (CHATS + 1, 1))
    ok(f'{CHATS + 1} rows changed on both sides wait for a person')


def check_lists(story: Story) -> None:
    for node in story.nodes.nodes:
        answer = node.http('GET', f'{API}/conflicts?client_name={CLIENT}')
        found = answer.body['conflicts']
        assert not any(row in one for one in found for row in ROWS), found[0]
        size = len(json.dumps(answer.body))
        assert size < 1000 * len(found), f'{size} bytes for {len(found)} conflicts of rows of 20,000'
    over_bus = call(story.nodes.bus, 'Conflicts.List', 'a{sv}', '2', 'client_name', 's', CLIENT, 'table_name', 's', 'chat')
    expect('over the bus', (len(over_bus), any(row in one for one in over_bus for row in ROWS)), (CHATS, False))
    expect('by type', [one['table_name'] for one in story.listed(conflict_type='delete_conflict')], ['chat'])
    refused('an unknown type', story.leader.http('GET', f'{API}/conflicts?conflict_type=delete'), 400, 'invalid_argument')
    ok('lists have no rows, are filtered by table and type, and both nodes have them')


def check_show(story: Story) -> None:
    one = story.listed(table_name='user')[0]
    for name in [one['conflict_id'], one['conflict_id'][:13]]:
        for node in story.nodes.nodes:
            shown = node.http('GET', f'{API}/conflicts/{name}')
            expect('shown', (shown.status, shown.body['conflict_id']), (200, one['conflict_id']))
            expect('its rows', [shown.body[row] and shown.body[row]['name'] for row in ROWS[1:]], ['source', 'target', None])
            difference = shown.body['differences'][0]
            expect('the difference', (difference['path'], difference['source'], difference['target']), ('name', '"source"', '"target"'))
            assert difference['source_changed'] and difference['target_changed'], difference
    over_bus = call(story.nodes.bus, 'Conflicts.Show', 's', one['conflict_id'][:13])
    expect('over the bus', (over_bus['conflict_id'], json.loads(over_bus['source_data'])['name'], over_bus['differences']),
           (one['conflict_id'], 'source', shown.body['differences']))
    by_command = story.nodes.product.must('sync-nodectl', 'conflicts', 'show', one['conflict_id'][:13], '--json')
    expect('by the command', json.loads(by_command.output)['conflict']['differences'], shown.body['differences'])
    deleted = story.listed(conflict_type='delete_conflict')[0]['conflict_id']
    whole = story.leader.http('GET', f'{API}/conflicts/{deleted}').body['differences'][0]
    expect('a deleted row', (whole['path'], whole['target']), ('', 'deleted it'))
    refused('too short', story.leader.http('GET', f'{API}/conflicts/{deleted[:3]}'), 400, 'invalid_argument')
    refused('no id', story.leader.http('GET', f'{API}/conflicts/resolve'), 400, 'invalid_argument')
    refused('an unknown one', story.leader.http('GET', f'{API}/conflicts/{"0" * 8}'), 404, 'not_found')
    ok('one is shown by the beginning of its id, with its rows and what differs: HTTP, D-Bus and the command say the same')


def check_refusals(story: Story) -> None:
    for body in [{'choice': 'source'}, {'client_name': CLIENT, 'choice': 'value'}, {'client_name': CLIENT, 'choice': 'source', 'conflict_type': 'all'},
                 {'client_name': 'a b', 'choice': 'source'}, {'client_name': CLIENT, 'choice': 'source', 'table_name': 'chat\0x'}]:
        refused(f'{body}', story.leader.http('POST', f'{API}/conflicts/resolve', body), 400, 'invalid_argument')
    refused('nobody', story.leader.http('POST', f'{API}/conflicts/resolve', {'client_name': 'nobody', 'choice': 'source'}), 404, 'not_found')
    answer = story.follower.http('POST', f'{API}/conflicts/resolve', {'client_name': CLIENT, 'choice': 'source'})
    refused('asked the follower', answer, 403, 'not_leader')
    assert story.leader.node_id in answer.body['detail'], answer.body
    expect('the follower over the bus', refusal(story.nodes.bus, 'Conflicts.ResolveAll', f"{{'client_name': <'{CLIENT}'>}}", '"source"',
                                                service=own_name(story.follower)).name, ERROR + 'NotLeader')
    expect('a table without conflicts', outcome(story.bulk('source', table_name='message'), 0, 0, 0)['left_because'], None)
    expect('what waits still', len(story.listed()), CHATS + 1)
    ok('bad input, unknown clients and the follower are refused; nothing was decided')


def check_decisions(story: Story) -> None:
    was = values(story.leader)[BY_PERSON]

    def counted(by: int) -> None:
        expect('conflicts counted as resolved by a person', values(story.leader)[BY_PERSON] - was, by)

    user = story.listed(table_name='user')[0]['conflict_id']
    for _ in range(2):  # the second time changes nothing and is not counted
        expect('one', story.leader.http('POST', f'{API}/conflicts/{user}/resolve', {'choice': 'target'}).status, 200)
        counted(1)
    outcome(story.bulk('target', conflict_type='delete_conflict'), 1, 0, 0)
    counted(2)
    # One row moves under the person's hands: refused, shown as it is now, and decided about when asked again.
    story.edit("UPDATE chat SET title = 'moved' WHERE id = (SELECT max(id) FROM chat)")
    named = outcome(story.bulk('source', table_name='chat'), CHATS - 2, 1, 0)['refusals'][0]
    assert 'edited the row' in named['detail'], named
    counted(CHATS)
    expect('what waits', [one['conflict_id'] for one in story.listed()], [named['conflict_id']])
    expect('what it is now', story.leader.http('GET', f'{API}/conflicts/{named["conflict_id"]}').body['target_data']['title'], 'moved')
    expect('in the copy', (story.titles('source'), story.titles('moved')), (CHATS - 2, 1))
    result = call(story.nodes.bus, 'Conflicts.ResolveAll', 'a{sv}s', '1', 'client_name', 's', CLIENT, 'source')
    expect('over the bus', (result['resolved'], result['refused'], result['left'], result['refusals']), (1, 0, 0, []))
    counted(CHATS + 1)
    outcome(story.bulk('source'), 0, 0, 0)
    counted(CHATS + 1)
    expect('in the copy', story.titles('source'), CHATS - 1)
    by = set(story.edit(f"SELECT resolved_by FROM sync_metadata.conflict_log WHERE client_name = '{CLIENT}'").splitlines())
    assert all('HTTP 127.0.0.1' in one or 'over D-Bus' in one for one in by) and len(by) == 2, by
    story.sync('success')
    run(story.leader, CLIENT, 'success', verify=True)
    ok('decided one by one and many at once, counted once each; a row that moved is refused first; the copy verifies')


def check_a_locked_row(story: Story) -> None:
    """Who holds one row keeps the others of a bulk from nothing."""
    story.source("UPDATE chat SET title = 'again ' || rowid")
    story.edit("UPDATE chat SET title = 'mine'")
    story.sync('conflicts')
    waiting = len(story.listed())
    with RowHeld(story):
        answer = story.bulk('source')
    expect('beside a locked row', (answer.status, answer.body['resolved'], answer.body['refused'], answer.body['left']), (200, waiting - 1, 0, 1))
    assert 'lock' in answer.body['left_because'], answer.body
    outcome(story.bulk('source'), 1, 0, 0)
    ok('a locked row is left, and the others are decided about')


class RowHeld:
    """One row of the chats that nobody else can write while the body runs."""

    def __init__(self, story: Story) -> None:
        self.process = subprocess.Popen(['psql', '-X', '-q', '-A', '-t', '-d', story.nodes.product.server.superuser_url()], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"BEGIN; SELECT 'locked' FROM {story.schema}.chat WHERE title = 'mine' ORDER BY id LIMIT 1 FOR UPDATE;\n")
        self.process.stdin.flush()
        expect('the lock', self.process.stdout.readline().strip(), 'locked')

    def __enter__(self) -> 'RowHeld':
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def main() -> int:
    with Product() as product, PrivateBus() as bus:
        path = small_client(product, CLIENT)
        with couple(product, bus) as nodes:
            story = Story(nodes, path)
            prepare(story)
            check_lists(story)
            check_show(story)
            check_refusals(story)
            check_decisions(story)
            check_a_locked_row(story)
    return 0


if __name__ == '__main__':
    sys.exit(main())
