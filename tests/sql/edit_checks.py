"""
SQLite + Supabase Sync System - Edits in a copy, and what an agent may do with their record
"""

from typing import List

from world import Side, World, literal

# The row key of chat's integer key, as agents encode it.
KEY = "'\\x01'::bytea || int8send({})"
CLOSE = 'RESET SESSION AUTHORIZATION;'


def recorded(schema: str) -> str:
    """What the present transaction recorded, in order."""
    return (f"SELECT operation || ' ' || table_name || ' ' || encode(row_key, 'hex') || ' ' || coalesce(old_image->>'title', '-') || ' ' || "
            f"coalesce(new_image->>'title', '-') || ' by ' || edited_by FROM {schema}._sync_edits WHERE xmin = pg_current_xact_id()::xid ORDER BY edit_id")


def key_of(number: int) -> str:
    return '01' + number.to_bytes(8, 'big').hex()


def check_every_edit_is_recorded(world: World) -> None:
    """Row by row with both images, whatever the editor sets, TRUNCATE too; of the agent's own writes nothing."""
    for me, _ in world.pairs():
        schema = me.clients[0].schema
        edits = {
            f"UPDATE {schema}.chat SET title = 'new' WHERE id = 2": [f'update chat {key_of(2)} chat 2 new by '],
            f"UPDATE {schema}.chat SET title = title": [],
            f"DELETE FROM {schema}.chat WHERE id = 3": [f'delete chat {key_of(3)} chat 3 - by '],
            f"INSERT INTO {schema}.chat VALUES (99, 'mine')": [f'insert chat {key_of(99)} - mine by '],
            f"UPDATE {schema}.chat SET id = 50 WHERE id = 4": [f'delete chat {key_of(4)} chat 4 - by ', f'insert chat {key_of(50)} - chat 4 by '],
            f'TRUNCATE {schema}.chat': [f'truncate chat {key_of(number)} chat {number} - by ' for number in range(1, 10)],
        }
        for edit, expected in edits.items():
            for setting in ('', 'SET LOCAL session_replication_role = replica;', "SET LOCAL search_path = pg_temp; SET LOCAL DateStyle = 'German';"):
                rows = world.expect('postgres', '00000', f'{setting} {edit}; {recorded(schema)}').rows
                assert rows == [line + 'postgres' for line in expected], (edit, setting, rows)
        # Becoming the agent's role is not logging in as it.
        rows = world.expect('postgres', '00000', f"SET LOCAL ROLE {me.login}; UPDATE {schema}.chat SET title = 'x' WHERE id = 2; RESET ROLE; {recorded(schema)}").rows
        assert rows == [f'update chat {key_of(2)} chat 2 x by postgres as {me.login}'], rows
        rows = world.expect(me.login, '00000', f"UPDATE {schema}.chat SET title = 'x' WHERE id = 2; {recorded(schema)}").rows
        assert rows == [], rows
        world.expect('postgres', '0A000', f'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; TRUNCATE {schema}.chat')
        for trigger in ('_sync_edit', '_sync_truncate'):
            world.expect(me.login, '42501', f'ALTER TABLE {schema}.chat DISABLE TRIGGER {trigger}')
            world.expect(me.login, '42501', f'DROP TRIGGER {trigger} ON {schema}.chat')


def settle(me: Side, rows: str, epoch: int = 1, deployment: str = '') -> str:
    return f"SELECT sync_metadata.settle_edits('{deployment or me.clients[0].deployment}', {epoch}, 'chat', {literal(rows)});"


def as_agent(me: Side, sql: str) -> str:
    """Within a transaction of the superuser."""
    return f'SET LOCAL SESSION AUTHORIZATION {me.login}; {sql} {CLOSE}'


def check_only_open_edits_are_settled(world: World) -> None:
    """Up to the edit that was seen; a decision only stands where an edit was; all under the term of the client's own cluster."""
    for me, other in world.pairs():
        schema = me.clients[0].schema
        edit = f"UPDATE {schema}.chat SET title = 'one' WHERE id = 2; UPDATE {schema}.chat SET title = 'two' WHERE id = 2;"
        last = f'(SELECT {{}}(edit_id) FROM {schema}._sync_edits WHERE resolved_at IS NULL AND row_key = {KEY.format(2)})'
        state = (f"SELECT string_agg(operation || ' ' || (resolved_at IS NOT NULL) || ' ' || coalesce(reason, '-'), ',' ORDER BY edit_id) FROM {schema}._sync_edits "
                 f'WHERE row_key IN ({KEY.format(2)}, {KEY.format(5)})')
        for upto, more, expected in (('max', '', 'update true -,update true -'), ('min', '', 'update true -,update false -'),
                                     ('max', ', "kept": "target", "source": "{}", "target": "{}"', 'update true -,update true -,decision false target')):
            call = (f"SELECT sync_metadata.settle_edits('{me.clients[0].deployment}', 1, 'chat', "
                    f"('[{{\"key\": \"{key_of(2)}\", \"last\": ' || {last.format(upto)} || '{more}}}]')::json);")
            rows = world.expect('postgres', '00000', f'{edit} {as_agent(me, call)} {state}').rows
            assert rows == ['1', expected], (upto, rows)
        # Row 5 was never edited.
        made_up = f'[{{"key": "{key_of(5)}", "last": 999999, "kept": "target", "source": "{{}}", "target": "{{}}"}}]'
        rows = world.expect('postgres', '00000', f'{as_agent(me, settle(me, made_up))} {state}').rows
        assert rows == ['0', ''], rows
        world.expect(me.login, 'SN001', settle(me, made_up, epoch=0))
        world.expect(me.login, 'SN002', settle(me, made_up, deployment=other.clients[0].deployment))
        world.expect('bystander', '42501', settle(me, made_up))


def check_only_waiting_conflicts_move(world: World) -> None:
    """What they were first stays; what was decided does not change; nobody else's do."""
    for me, other in world.pairs():
        deployment = me.clients[0].deployment
        move = "SELECT sync_metadata.move_conflicts('{}', {}, '[{{\"id\": \"{}\", \"type\": \"update_conflict\", \"source\": \"1\", \"target\": \"2\"}}]');"
        state = "SELECT concat_ws(' ', version, source_data, target_data, first_source_data) FROM sync_metadata.conflict_log WHERE conflict_id = '{}'"
        call = move.format(deployment, 1, me.open_conflict)
        assert world.expect(me.login, '00000', call + state.format(me.open_conflict)).rows == ['1', '2 1 2'], 'moved'
        assert world.expect(me.login, '00000', call + call + state.format(me.open_conflict)).rows[-1] == '3 1 2', 'what it was first'
        assert world.expect(me.login, '00000', move.format(deployment, 1, me.resolved_conflict)).one() == '0'
        assert world.expect(me.login, '00000', move.format(deployment, 1, other.open_conflict)).one() == '0'
        world.expect(me.login, 'SN001', move.format(deployment, 0, me.open_conflict))
        world.expect(me.login, 'SN002', move.format(other.clients[0].deployment, 1, other.open_conflict))
        world.expect('bystander', '42501', move.format(deployment, 1, me.open_conflict))


def check_decided_conflicts_expire(world: World) -> None:
    """After a day at least; what waits never does, nor what is another cluster's."""
    for me, other in world.pairs():
        deployment, schema = me.clients[0].deployment, me.clients[0].schema
        expire = "SELECT sync_metadata.expire_conflicts('{}', {}, {});"
        for days in ('0', '-1', 'NULL'):
            world.expect(me.login, 'SN003', expire.format(deployment, 1, days))
        world.expect(me.login, 'SN001', expire.format(deployment, 0, 30))
        world.expect(me.login, 'SN002', expire.format(other.clients[0].deployment, 1, 30))
        world.expect('bystander', '42501', expire.format(deployment, 1, 30))
        aged = (f"UPDATE sync_metadata.conflict_log SET resolved_at = now() - interval '40 d' WHERE conflict_id IN ('{me.resolved_conflict}', '{other.resolved_conflict}');"
                f"INSERT INTO {schema}._sync_edits (table_name, row_key, operation, resolved_at) VALUES ('chat', '\\x05', 'update', now() - interval '40 d'),"
                "('chat', '\\x05', 'update', now());")
        left: List[str] = world.expect('postgres', '00000', f"""{aged} {as_agent(me, expire.format(deployment, 1, 50) + expire.format(deployment, 1, 30))}
            SELECT count(*) FROM sync_metadata.conflict_log WHERE conflict_id IN ('{me.open_conflict}', '{me.resolved_conflict}', '{other.resolved_conflict}');
            SELECT count(*) FROM {schema}._sync_edits WHERE row_key = '\\x05'""").rows
        assert left == ['0', '1', '2', '1'], left
