"""
SQLite + Supabase Sync System - change_schema: what it makes, what it refuses, what it never destroys
"""

import json
from typing import Dict, List

from world import Client, Side, World, ops

LONGEST = 'ü' * 31 + 'x'
HOSTILE = ['a b', 'A', 'select', 'we"ird', "o'clock", '$$', '%I', '%1$s', 'x"; DROP SCHEMA sync_metadata CASCADE; --', '日本語', '🦊', 'id', ' ',
           '\\', '\t', LONGEST, 'pg_class', 'oid', 'chat_pkey', '_sync', 'toast', '1', 'public.x']


def change(client: Client, *operations: Dict[str, object], epoch: int = 1) -> str:
    """A call of change_schema."""
    return f"SELECT sync_metadata.change_schema('{client.deployment}', {epoch}, {ops(*operations)});"


def load(table: str = '_sync_load_5', columns: List[Dict[str, str]] = ()) -> Dict[str, object]:
    """An operation create_load."""
    return {'op': 'create_load', 'table': table,
            'columns': list(columns) or [{'name': 'id', 'type': 'bigint'}, {'name': 'title', 'type': 'text'}]}


def publish(to: str = 'chat', table: str = '_sync_load_5') -> List[Dict[str, object]]:
    """A primary key, then a publication."""
    return [{'op': 'primary_key', 'table': table, 'columns': ['id']}, {'op': 'publish', 'from': table, 'to': to}]


def parts(world: World) -> tuple:
    """A side and its second client, which these checks may change."""
    side: Side = world.sides[1]
    return side, side.clients[1]


def check_unsafe_plans_are_refused(world: World) -> None:
    """Names, types and operations that cannot be, each with SN003, and nothing done."""
    side, client = parts(world)
    column = {'name': 'x', 'type': 'text'}
    bad_names = ['', None, '_sync_x', '_sync_state', '_sync_load_', 'x' * 64, 'ü' * 32]
    plans = [[load(table=name)] for name in (*bad_names, 'chat', '_sync_archive', '_sync_load_' + 'x' * 53)]
    plans += [[load(columns=[{'name': name, 'type': 'text'}])] for name in (*bad_names, 'ctid', 'xmin', 'tableoid', 'cmax')]
    plans += [[load(columns=[{'name': 'x', 'type': kind}])] for kind in (
        None, '', 'int', 'integer', 'varchar', 'jsonb', 'text[]', 'serial', 'bigserial', 'timestamptz', 'TEXT', ' text', 'oid', 'regclass',
        'text COLLATE "C"', 'text); DROP TABLE sync_metadata.hosts; --', "text DEFAULT pg_read_file('/etc/passwd')", 'client_x.chat')]
    plans += [[load(columns=[column, column])], [load(columns=[{'name': '_sync_key', 'type': 'text'}])], [{**load(), 'columns': []}],
              [{**load(), 'columns': 'id'}], [{**load(), 'columns': None}]]
    plans += [[{'op': 'add_column', 'table': 'chat', **column, 'name': name}] for name in (*bad_names, 'ctid', '_sync_key')]
    plans += [[{'op': 'add_column', 'table': table, **column}] for table in (*bad_names, '_sync_archive', 'absent')]
    plans += [[{'op': 'add_column', 'table': 'chat', 'name': 'x', 'type': 'integer'}]]
    plans += [[{'op': 'drop_column', 'table': 'chat', 'name': name}] for name in ('id', 'absent', 'ctid', '', None)]
    plans += [[{'op': 'drop_column', 'table': '_sync_archive', 'name': 'row_image'}], [{'op': 'drop_column', 'table': '_sync_loads', 'name': 'rows'}]]
    plans += [[load(), {'op': 'primary_key', 'table': '_sync_load_5', 'columns': columns}] for columns in (
        [], None, ['absent'], ['id', 'absent'], 'id', ['id) WITH (fillfactor=10'], ['ctid'])]
    plans += [[{'op': 'primary_key', 'table': table, 'columns': ['id']}] for table in ('chat', '_sync_edits', 'absent')]
    plans += [[load(), {'op': 'publish', 'from': '_sync_load_5', 'to': to}] for to in (*bad_names, '_sync_archive', '_sync_load_6')]
    plans += [[{'op': 'publish', 'from': source, 'to': 'x'}] for source in ('chat', '_sync_archive', '_sync_load_absent', None)]
    plans += [[{'op': op, 'table': table}] for op in ('retire', 'discard_load') for table in ('_sync_archive', '_sync_loads', 'absent', '', None)]
    plans += [[{'op': 'discard_load', 'table': 'chat'}], [{'op': 'drop_table', 'table': 'chat'}], [{}], [[]], ['retire'], [None], [load(), 1]]
    for plan in plans:
        world.expect(side.login, 'SN003', change(client, *plan))
    for raw in ("'{}'", "'null'", 'NULL', '\'"x"\''):
        world.expect(side.login, 'SN003', f"SELECT sync_metadata.change_schema('{client.deployment}', 1, {raw})")
    for epoch in (0, 2):
        world.expect(side.login, 'SN001', change(client, load(), epoch=epoch))
    world.expect(side.login, 'SN001', f"SELECT sync_metadata.change_schema('{client.deployment}', NULL, '[]')")
    world.expect(side.login, 'SN004', change(client, load(), load()))
    world.expect(side.login, 'SN004', change(client, {'op': 'add_column', 'table': 'chat', 'name': 'title', 'type': 'text'}))
    world.must('admin', f'CREATE VIEW {client.schema}.taken AS SELECT 1 AS x')
    world.expect(side.login, 'SN004', change(client, load(), {'op': 'publish', 'from': '_sync_load_5', 'to': 'taken'}))
    world.must('admin', f'DROP VIEW {client.schema}.taken')


def check_hostile_names_survive(world: World) -> None:
    """Any name of 1 to 63 bytes names a table and its column, and means nothing else."""
    side, client = parts(world)
    for number, name in enumerate(HOSTILE):
        table = f'_sync_load_h{number}'
        columns = [{'name': 'id', 'type': 'bigint'}] + ([{'name': name, 'type': 'text'}] if name != 'id' else [])
        world.must(side.login, change(client, load(table, columns), *publish(name, table)))
        world.must(side.login, change(client, {'op': 'add_column', 'table': name, 'name': name + '2' if len(name.encode()) < 63 else 'y', 'type': 'json'}))
        quoted = '"' + name.replace('"', '""') + '"'
        world.must(side.login, f'INSERT INTO {client.schema}.{quoted} (id) VALUES (1)')
        if name != 'id':
            done = json.loads(world.must(side.login, change(client, {'op': 'drop_column', 'table': name, 'name': name})).one())
            assert done[0]['renamed'] == ('_sync_dropped_1_' + name).encode()[:63].decode(errors='ignore'), done
        world.must(side.login, f'UPDATE {client.schema}.{quoted} SET id = 2')
    found = world.must('admin', f"SELECT to_json(relname) FROM pg_class WHERE relnamespace = '{client.schema}'::regnamespace AND relkind = 'r' "
                                "AND NOT starts_with(relname, '_sync_')").rows
    assert set(HOSTILE) <= {json.loads(row) for row in found}, found
    for number, name in enumerate(HOSTILE):
        done = json.loads(world.must(side.login, change(client, {'op': 'retire', 'table': name})).one())
        assert done[0]['renamed'].startswith('_sync_dropped_'), done


def check_types_and_keys(world: World) -> None:
    """All seven types, the encoded key, a composite key in the order given."""
    side, client = parts(world)
    kinds = ['boolean', 'bigint', 'double precision', 'numeric', 'text', 'json', 'bytea']
    columns = [{'name': '_sync_key', 'type': 'bytea'}] + [{'name': f'c {kind}', 'type': kind} for kind in kinds]
    world.must(side.login, change(client, load('_sync_load_t', columns)))
    got = world.must('admin', "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND "
                              f"attrelid = '{client.schema}._sync_load_t'::regclass ORDER BY attnum").rows
    assert got == ['bytea', *kinds], got
    done = json.loads(world.must(side.login, change(client, {'op': 'primary_key', 'table': '_sync_load_t', 'columns': ['c text', '_sync_key']})).one())
    key = world.value(f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{done[0]['constraint']}' "
                      f"AND connamespace = '{client.schema}'::regnamespace")
    assert key == 'PRIMARY KEY ("c text", _sync_key)', key
    packed = world.value("SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attcompression = 'l' AND "
                         f"attrelid = '{client.schema}._sync_load_t'::regclass")
    assert packed == '_sync_key,c text,c json,c bytea', packed
    world.expect(side.login, 'SN003', change(client, {'op': 'primary_key', 'table': '_sync_load_t', 'columns': ['_sync_key']}))
    world.must(side.login, f"INSERT INTO {client.schema}._sync_loads (load_table, table_name, load_id) VALUES ('_sync_load_t', 't', gen_random_uuid())")
    world.must(side.login, f"INSERT INTO {client.schema}._sync_quarantine VALUES ('_sync_load_t', '\\x01', 'c', 0, 'blob', '\\x02', 'r')")
    world.must(side.login, change(client, {'op': 'discard_load', 'table': '_sync_load_t'}))
    for table, column in (('_sync_loads', 'load_table'), ('_sync_quarantine', 'table_name')):
        assert world.value(f"SELECT count(*) FROM {client.schema}.{table} WHERE {column} = '_sync_load_t'") == '0', table
    assert world.value(f"SELECT to_regclass('{client.schema}._sync_load_t') IS NULL") == 't'


def check_reload_keeps_the_old_table(world: World) -> None:
    """Publishing over a table, even an empty load, destroys nothing: the old one stays, out of the agent's hands."""
    side, client = parts(world)
    schema = client.schema
    for turn in (1, 2, 3):
        world.must(side.login, change(client, load()))
        if turn < 3:
            world.must(side.login, f"INSERT INTO {schema}._sync_load_5 VALUES (1, 'turn {turn}'); INSERT INTO {schema}._sync_quarantine "
                                   f"VALUES ('_sync_load_5', '\\x0{turn}', 'title', 0, 'blob', '\\x0{turn}', 'r'); INSERT INTO {schema}._sync_loads "
                                   "(load_table, table_name, load_id) VALUES ('_sync_load_5', 'chat', gen_random_uuid())")
        before = world.must('admin', f'SELECT t::text FROM {schema}.chat t ORDER BY id').rows
        entries = world.must('admin', f"SELECT encode(row_key, 'hex') FROM {schema}._sync_quarantine WHERE table_name = 'chat' ORDER BY 1").rows
        assert before and entries, 'nothing to lose, nothing to test'
        done = json.loads(world.must(side.login, change(client, *publish())).one())
        old = done[1]['replaced']
        assert old == f'_sync_replaced_{turn}', done
        assert world.must('admin', f'SELECT t::text FROM {schema}.{old} t ORDER BY id').rows == before, 'the old table lost rows'
        archived = world.must('admin', f"SELECT encode(row_key, 'hex') FROM {schema}._sync_archive WHERE table_name = '{old}' ORDER BY 1").rows
        assert archived == entries, f'{archived} instead of {entries}'
        now = world.must('admin', f"SELECT encode(row_key, 'hex') FROM {schema}._sync_quarantine WHERE table_name = 'chat'").rows
        assert now == ([f'0{turn}'] if turn < 3 else []), now
        assert world.value(f"SELECT count(*) FROM {schema}._sync_loads WHERE load_table = '_sync_load_5'") == '0'
        world.expect(side.login, '00000', f'SELECT * FROM {schema}.{old}')
        for statement in (f"INSERT INTO {schema}.{old} VALUES (77, 'x')", f"UPDATE {schema}.{old} SET title = 'x'", f'DELETE FROM {schema}.{old}',
                          f'DROP TABLE {schema}.{old}', f'DROP TABLE {schema}.chat', f'DELETE FROM {schema}.chat'):
            world.expect(side.login, '42501', statement)
        world.expect(side.login, '00000', f"INSERT INTO {schema}.chat VALUES (78, 'x'); UPDATE {schema}.chat SET title = 'y'; SELECT * FROM {schema}.chat")
        for name in (old, '_sync_archive'):
            world.expect(side.login, 'SN003', change(client, {'op': 'discard_load', 'table': name}))
            world.expect(side.login, 'SN003', change(client, {'op': 'retire', 'table': name}))
            world.expect(side.login, 'SN003', change(client, {'op': 'add_column', 'table': name, 'name': 'x', 'type': 'text'}))
        if turn == 2:
            world.must(side.login, f"INSERT INTO {schema}._sync_quarantine VALUES ('chat', '\\x09', 'title', 0, 'blob', '\\x01', 'r') ON CONFLICT DO NOTHING")
    listed = world.value(f"SELECT count(*) FROM sync_metadata.retired_objects WHERE deployment_id = '{client.deployment}' AND kind = 'replaced_table'")
    assert listed == '3', listed


def check_dropped_column_keeps_its_data(world: World) -> None:
    """A column gone from the source stays under another name, readable, not writable; the table goes on."""
    side, client = parts(world)
    schema = client.schema
    columns = [{'name': 'id', 'type': 'bigint'}, {'name': 'a', 'type': 'text'}, {'name': 'b', 'type': 'text'}]
    world.must(side.login, change(client, load('_sync_load_d', columns), *publish('dropping', '_sync_load_d')))
    world.must(side.login, f"INSERT INTO {schema}.dropping VALUES (1, 'keep me', 'b')")
    for turn in (1, 2):
        done = json.loads(world.must(side.login, change(client, {'op': 'drop_column', 'table': 'dropping', 'name': 'a'},
                                                        {'op': 'add_column', 'table': 'dropping', 'name': 'a', 'type': 'bigint'})).one())
        assert done[0]['renamed'] == f'_sync_dropped_{turn}_a', done
    assert world.value(f'SELECT _sync_dropped_1_a FROM {schema}.dropping') == 'keep me'
    world.expect(side.login, '00000', f'SELECT * FROM {schema}.dropping')
    for statement in ('UPDATE {}.dropping SET _sync_dropped_1_a = NULL', "INSERT INTO {}.dropping (id, _sync_dropped_1_a) VALUES (2, 'x')",
                      'INSERT INTO {}.dropping (id, _sync_dropped_2_a) VALUES (2, NULL)', "INSERT INTO {}.dropping VALUES (3, 'x', 'y', 4)"):
        world.expect(side.login, '42501', statement.format(schema))
    world.expect(side.login, '00000', f"UPDATE {schema}.dropping SET a = 7, b = 'c'; INSERT INTO {schema}.dropping (id, b, a) VALUES (4, 'x', 1) "
                                      f'ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = excluded.b; SELECT * FROM {schema}.dropping FOR UPDATE')
    world.expect(side.login, 'SN003', change(client, {'op': 'drop_column', 'table': 'dropping', 'name': '_sync_dropped_1_a'}))
    away = json.loads(world.must(side.login, change(client, {'op': 'retire', 'table': 'dropping'})).one())[0]['renamed']
    world.expect(side.login, '42501', f'UPDATE {schema}.{away} SET b = NULL')
    world.expect(side.login, '00000', f'SELECT * FROM {schema}.{away}')


def check_many_operations_in_one_call(world: World) -> None:
    """Later operations see what earlier ones did: numbers never collide, a table can be loaded twice and retired at once."""
    side, client = parts(world)
    done = json.loads(world.expect(side.login, '00000', change(
        client, load('_sync_load_m1'), load('_sync_load_m2'), load('_sync_load_m3'), *publish('m', '_sync_load_m1'), *publish('n', '_sync_load_m2'),
        *publish('m', '_sync_load_m3'), {'op': 'retire', 'table': 'm'}, {'op': 'retire', 'table': 'n'})).one())
    named = [entry.get('constraint') or entry.get('renamed') or entry.get('replaced') for entry in done[3:]]
    names = [name for name in named if name]
    assert len(names) == 6 and len(set(names)) == 6, done
    assert [entry['op'] for entry in done] == ['create_load'] * 3 + ['primary_key', 'publish'] * 3 + ['retire'] * 2, done


def check_retention_drops_what_is_old_enough(world: World) -> None:
    """Only what was put away, only when old enough, and never from under somebody's view."""
    side, client = parts(world)
    schema = client.schema
    for table in ('looked_at', 'forgotten', 'lasting'):
        columns = [{'name': 'id', 'type': 'bigint'}, {'name': 'a', 'type': 'text'}]
        world.must(side.login, change(client, load('_sync_load_r', columns), *publish(table, '_sync_load_r')))
    world.must('admin', f'CREATE VIEW {schema}.somebodys AS SELECT * FROM {schema}.looked_at')
    away = [json.loads(world.must(side.login, change(client, {'op': 'retire', 'table': table})).one())[0]['renamed'] for table in ('looked_at', 'forgotten')]
    world.must(side.login, change(client, {'op': 'drop_column', 'table': 'lasting', 'name': 'a'}))
    for age in ("'-1 s'", 'NULL'):
        world.expect('admin', 'SN003', f'SELECT sync_metadata.drop_replaced_tables({age})')
        world.expect('admin', 'SN003', f'SELECT sync_metadata.purge_history({age})')
    young = json.loads(world.expect('admin', '00000', "SELECT sync_metadata.drop_replaced_tables('1 hour')").one())
    assert young == {'dropped': [], 'kept': []}, young
    done = json.loads(world.must('admin', "SELECT sync_metadata.drop_replaced_tables('0')").one())
    assert done['kept'] == [f'{schema}.{away[0]}'], done
    assert f'{schema}.{away[1]}' in done['dropped'] and f'{schema}.lasting._sync_dropped_1_a' in done['dropped'], done
    left = world.value(f"SELECT count(*) FROM pg_attribute WHERE attrelid = '{schema}.lasting'::regclass AND attnum > 0 AND NOT attisdropped")
    assert left == '1', left
    world.must('admin', f'DROP VIEW {schema}.somebodys')
