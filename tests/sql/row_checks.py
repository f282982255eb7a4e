"""
SQLite + Supabase Sync System - Rows that leave: archive, quarantine, kept rows, the position of the copy
"""

import json
import time

from ddl_checks import change, load, publish
from world import World, literal

DENIED = '42501'


def remove(client: object, table: str, columns: str, keys: object, generation: object = 1, epoch: int = 1) -> str:
    """A call of remove_rows."""
    given = keys if isinstance(keys, str) else literal(json.dumps(keys))
    return (f"SELECT sync_metadata.remove_rows('{client.deployment}', {epoch}, {literal(generation)}, {literal(table)}, "
            f"'{{{columns}}}', {given});")


def check_removal_archives_exactly_what_it_removes(world: World) -> None:
    """Each row that goes is in the archive as it was, with its quarantined values; no other row is touched."""
    side, client = world.sides[0], world.sides[0].clients[1]
    schema = client.schema
    columns = [{'name': 'user id', 'type': 'text'}, {'name': 'n', 'type': 'bigint'}, {'name': 'x', 'type': 'double precision'},
               {'name': 'b', 'type': 'bytea'}, {'name': 'j', 'type': 'json'}, {'name': 'd', 'type': 'numeric'},
               {'name': 't', 'type': 'json'}, {'name': 'k', 'type': 'text'}, {'name': 'row_key', 'type': 'bytea'}]
    world.must(side.login, change(client, load('_sync_load_k', columns), {'op': 'primary_key', 'table': '_sync_load_k', 'columns': ['n', 'user id']},
                                  {'op': 'publish', 'from': '_sync_load_k', 'to': 'ké"y'}))
    world.must(side.login, f"""
        INSERT INTO {schema}._sync_tables (table_name, target_name, state) VALUES ('the source''s name', 'ké"y', 'present');
        INSERT INTO {schema}."ké""y" SELECT 'u' || g, g, g / 3.0, int8send(g), ('{{"a":  ' || g || '}}')::json, 0.10, '1', 'k', ''
          FROM generate_series(1, 20) g;
        INSERT INTO {schema}."ké""y" VALUES ('ü''"\\', 1, NULL, NULL, NULL, NULL);
        INSERT INTO {schema}._sync_quarantine SELECT t, int8send(g), c, p, 'text', int8send(g), 'why'
          FROM generate_series(1, 5) g, unnest('{{"the source''s name",other}}'::text[]) t, unnest('{{b,a}}'::text[]) c, generate_series(0, 1) p;""")
    count = f'SELECT count(*) FROM {schema}._sync_archive'
    before = int(world.value(count))
    keys = [['0000000000000003', 'u3', 3], ['0000000000000004', 'u4', '4'], ['ff', 'ü\'"\\', 1], ['aa', 'u5', 6], ['bb', 'u5', None], ['cc']]
    images = dict(row.split('\t') for row in world.must('admin', f"""
        SELECT n || E'\\t' || row_to_json(t.*)::text FROM {schema}."ké""y" t WHERE n IN (3, 4)""").rows)
    world.must(side.login, "SET extra_float_digits = -15; SET bytea_output = 'escape'")
    removed = world.must(side.login, remove(client, "the source's name", 'user id,n', keys, generation=7)).one()
    world.must(side.login, 'RESET extra_float_digits; RESET bytea_output')
    assert removed == '3', removed
    assert int(world.value(count)) == before + 3
    for key, n in (('0000000000000003', '3'), ('0000000000000004', '4')):
        row = world.must('admin', f"SELECT row_image::text, quarantine, generation, epoch, table_name FROM {schema}._sync_archive "
                                  f"WHERE row_key = '\\x{key}' AND archive_id > {before}").one()
        image, quarantine, generation, epoch, name = row.split('|')
        assert image == images[n], f'{image} is not {images[n]}'
        assert (generation, epoch, name) == ('7', '1', "the source's name"), row
        assert [(e['column'], e['piece'], e['value'], e['class'], e['reason']) for e in json.loads(quarantine)] == [
            (c, p, key, 'text', 'why') for c in 'ab' for p in (0, 1)], quarantine
    assert world.value(f"SELECT quarantine IS NULL AND row_image->>'user id' = 'ü''\"\\' FROM {schema}._sync_archive WHERE row_key = '\\xff'") == 't'
    left = world.must('admin', f'SELECT n FROM {schema}."ké""y" ORDER BY n').rows
    assert left == [str(n) for n in range(1, 21) if n not in (3, 4)], left
    entries = world.value(f"SELECT string_agg(DISTINCT table_name || encode(row_key, 'hex'), ' ') FROM {schema}._sync_quarantine WHERE table_name <> 'chat'")
    assert entries.count('0000000000000003') == entries.count('0000000000000004') == 1 and entries.count("the source's name") == 3, entries


def check_removal_refuses_a_wrong_plan(world: World) -> None:
    """Another key than the primary key, a table that is ours or nobody's, an old epoch: nothing goes."""
    side, client = world.sides[0], world.sides[0].clients[0]
    schema, good = client.schema, [['01', 1]]
    for table, columns, keys, generation in (
            ('chat', 'title', good, 1), ('chat', 'id,title', [['01', 1, 'x']], 1), ('chat', '', good, 1), ('chat', 'id,id', [['01', 1, 1]], 1),
            ('chat', 'ctid', [['01', '(0,1)']], 1), ('chat', 'absent', good, 1), ('absent', 'id', good, 1), ('_sync_archive', 'archive_id', good, 1),
            ('chat', 'id', {}, 1), ('chat', 'id', 'NULL', 1), ('chat', 'id', good, None)):
        world.expect(side.login, 'SN003', remove(client, table, columns, keys, generation))
    world.expect(side.login, 'SN003', f"SELECT sync_metadata.remove_rows('{client.deployment}', 1, 1, 'chat', NULL, '[]')")
    for epoch in (0, 2):
        world.expect(side.login, 'SN001', remove(client, 'chat', 'id', good, epoch=epoch))
        for call in ("clear_quarantine('{}', {}, 'chat', '{{}}')", "unkeep_rows('{}', {}, 'chat', '{{}}')"):
            world.expect(side.login, 'SN001', f'SELECT sync_metadata.{call.format(client.deployment, epoch)}')
    # _sync_tables can be written by the agent: it must not turn our own tables, or what was put away, into targets.
    for target, column in (('_sync_archive', 'archive_id'), ('_sync_edits', 'edit_id'), ('_sync_state', 'singleton'), ('_sync_replaced_1', 'id')):
        world.expect(side.login, 'SN003', f"UPDATE {schema}._sync_tables SET target_name = '{target}' WHERE table_name = 'chat'; "
                     + remove(client, 'chat', column, good))
    assert world.must(side.login, remove(client, 'chat', 'id', [])).one() == '0'
    assert world.expect(side.login, '00000', remove(client, 'chat', 'id', good)).one() == '1'


def check_large_removals(world: World) -> None:
    """100,000 rows in batches of 10,000, and a row whose quarantined values outgrow one json."""
    side, client = world.sides[0], world.sides[0].clients[1]
    schema = client.schema
    columns = [{'name': '_sync_key', 'type': 'bytea'}, {'name': 'v', 'type': 'text'}]
    world.must(side.login, change(client, load('_sync_load_b', columns), {'op': 'primary_key', 'table': '_sync_load_b', 'columns': ['_sync_key']},
                                  {'op': 'publish', 'from': '_sync_load_b', 'to': 'big'}))
    world.must(side.login, f"""INSERT INTO {schema}._sync_tables (table_name, target_name, state) VALUES ('big', 'big', 'present');
        INSERT INTO {schema}.big SELECT int8send(g), 'value ' || g FROM generate_series(1, 100010) g;
        INSERT INTO {schema}._sync_quarantine SELECT 'big', int8send(100001), 'v', p, 'blob', decode(repeat('ab', 25000000), 'hex'), 'r'
          FROM generate_series(1, 3) p""")
    started = time.monotonic()
    for first in range(1, 100001, 10000):
        keys = f"(SELECT jsonb_agg(jsonb_build_array(k, k)) FROM generate_series({first}, {first + 9999}) g, encode(int8send(g), 'hex') k)"
        assert world.must(side.login, remove(client, 'big', '_sync_key', keys)).one() == '10000'
    seconds = time.monotonic() - started
    print(f'        100,000 rows archived and removed in {seconds:.2f} s')
    assert seconds < 30, f'{seconds} s'
    assert world.value(f'SELECT count(*) FROM {schema}.big') == '10'
    assert world.value(f"SELECT count(DISTINCT row_key) FROM {schema}._sync_archive WHERE table_name = 'big' AND row_image->>'v' IS NOT NULL") == '100000'
    key = '00000000000186a1'
    assert world.must(side.login, remove(client, 'big', '_sync_key', [[key, key]])).one() == '1'
    pieces = world.must('admin', f"SELECT row_image IS NULL, json_array_length(quarantine), length(quarantine->0->>'value') FROM {schema}._sync_archive "
                                 f"WHERE row_key = '\\x{key}' ORDER BY archive_id").rows
    assert sorted(pieces) == ['f|2|50000000', 't|1|50000000'], pieces


def check_entries_are_cleared_by_key(world: World) -> None:
    """clear_quarantine and unkeep_rows remove the entries of the named rows of the named table."""
    side, client = world.sides[0], world.sides[0].clients[0]
    schema = client.schema
    world.must(side.login, f"""
        INSERT INTO {schema}._sync_quarantine SELECT t, decode(k, 'hex'), 'c', p, 'blob', NULL, 'r'
          FROM unnest('{{t1,t2}}'::text[]) t, unnest('{{01,02,03}}'::text[]) k, generate_series(0, 1) p;
        INSERT INTO {schema}._sync_kept SELECT t, decode(k, 'hex'), 'r' FROM unnest('{{t1,t2}}'::text[]) t, unnest('{{01,02,03}}'::text[]) k""")
    keys = "'{\"\\\\x01\",\"\\\\x03\",\"\\\\x01\",\"\\\\x09\"}'"
    for function, table, expected in (('clear_quarantine', '_sync_quarantine', 4), ('unkeep_rows', '_sync_kept', 2)):
        call = f"SELECT sync_metadata.{function}('{client.deployment}', 1, 't1', {keys})"
        assert world.must(side.login, call).one() == str(expected)
        assert world.must(side.login, call).one() == '0'
        left = world.value(f"SELECT string_agg(DISTINCT table_name || encode(row_key, 'hex'), ' ') FROM {schema}.{table} WHERE table_name <> 'chat'")
        assert left == 't102 t201 t202 t203', left


def check_history_cannot_be_written(world: World) -> None:
    """Archive, recorded edits and resolved conflicts; one's own included."""
    for me, _ in world.pairs():
        schema = me.clients[0].schema
        for table, column in (('_sync_archive', 'row_image'), ('_sync_edits', 'old_image')):
            assert world.value(f'SELECT count(*) > 0 FROM {schema}.{table}') == 't', table
            world.expect(me.login, '00000', f'SELECT * FROM {schema}.{table}')
            for statement in (f'UPDATE {schema}.{table} SET {column} = NULL', f'DELETE FROM {schema}.{table}',
                              f'INSERT INTO {schema}.{table} DEFAULT VALUES', f'SELECT FROM {schema}.{table} FOR UPDATE'):
                world.expect(me.login, DENIED, statement)
        update = "UPDATE sync_metadata.conflict_log SET {} WHERE conflict_id = '{}' RETURNING 1"
        for change_of in ("resolution_notes = 'x'", 'resolved_at = NULL', "resolved_data = '1'", "resolved_by = 'me'", "resolution_strategy = 'manual'"):
            world.expect(me.login, DENIED, update.format(change_of, me.resolved_conflict))
        resolve = update.format("resolved_at = now(), resolved_by = 'me', resolution_strategy = 'manual'", me.open_conflict)
        assert world.expect(me.login, '00000', resolve).one() == '1'
        world.expect(me.login, DENIED, f"{resolve}; {update.format('resolved_at = NULL', me.open_conflict)}")
        world.expect(me.login, DENIED, f"UPDATE sync_metadata.conflict_log SET target_data = '1' WHERE conflict_id = '{me.open_conflict}'")


def check_position_of_the_copy(world: World) -> None:
    """_sync_state goes forward by one, under the lease's epoch, and there is one row."""
    for me, _ in world.pairs():
        schema = me.clients[0].schema
        upsert = (f'INSERT INTO {schema}._sync_state (generation, epoch, sync_id) VALUES ({{}}, {{}}, gen_random_uuid()) '
                  'ON CONFLICT (singleton) DO UPDATE SET generation = excluded.generation, epoch = excluded.epoch, sync_id = excluded.sync_id;')
        for generation, epoch, state in ((2, 1, '00000'), (1, 1, '00000'), (0, 1, 'SN003'), (3, 1, 'SN003'), (-1, 1, 'SN003'),
                                         (9223372036854775807, 1, 'SN003'), (2, 0, 'SN001'), (2, 2, 'SN001'), (2, 9223372036854775807, 'SN001')):
            world.expect(me.login, state, upsert.format(generation, epoch))
        world.expect(me.login, '00000', upsert.format(2, 1) + upsert.format(3, 1))
        world.expect(me.login, '23514', f'INSERT INTO {schema}._sync_state (singleton, generation, epoch, sync_id) VALUES (false, 1, 1, gen_random_uuid())')
        world.expect('admin', 'SN003', f'DELETE FROM {schema}._sync_state; ' + upsert.format(2, 1))
        world.expect('admin', '00000', f'DELETE FROM {schema}._sync_state; ' + upsert.format(1, 1))
        next_term = ("UPDATE sync_metadata.leader_election SET epoch = epoch + 1, term_nonce = gen_random_uuid(), "
                     f"expires_at = clock_timestamp() + interval '1 min' WHERE cluster_name = '{me.cluster}';")
        world.expect(me.login, 'SN001', next_term + upsert.format(2, 1))
        world.expect(me.login, '00000', next_term + upsert.format(2, 2))
