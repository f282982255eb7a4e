"""
SQLite + Supabase Sync System - What A Host's Role May, Statement By Statement

The thirteen security checks of the system this one grew from. Each refusal is that of the privilege and no other error, on an
object that is there; each success is counted; nothing is left behind.
"""

from world import Side, World

DENIED, ROW_SECURITY = '42501', 'row-level security policy'


def one_row(world: World, me: Side, sql: str) -> None:
    rows = world.expect(me.login, '00000', f'{sql} RETURNING 1').rows
    assert rows == ['1'], f'{me.login}: {len(rows)} rows: {sql}'


def check_the_thirteen(world: World) -> None:
    world.must('postgres', 'CREATE TABLE IF NOT EXISTS public."user" (id int)')
    rls = world.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'sync_metadata'::regnamespace AND relkind = 'r' AND relrowsecurity")
    tables = world.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'sync_metadata'")
    assert rls == tables != '0', f'row security on {rls} of {tables} tables'
    for me, other in world.pairs():
        hosts = "SELECT string_agg(md5(h::text), ' ' ORDER BY host_id) FROM sync_metadata.hosts h"
        before = world.value(hosts)
        for statement in ('DELETE FROM sync_metadata.hosts', 'DROP TABLE sync_metadata.hosts', 'DROP SCHEMA sync_metadata', 'TRUNCATE sync_metadata.hosts',
                          'SELECT count(*) FROM public."user"', 'CREATE TABLE sync_metadata.mine (x int)', 'ALTER TABLE sync_metadata.hosts ADD COLUMN x int'):
            world.expect(me.login, DENIED, statement)
        assert world.expect(me.login, '00000', 'SELECT count(*) FROM sync_metadata.hosts').one() == '2'
        shown = world.expect(me.login, '00000', 'SELECT DISTINCT cluster_name FROM sync_metadata.v_cluster_health').one()
        assert shown == me.cluster, shown
        insert = "INSERT INTO sync_metadata.hosts (hostname, cluster_name) VALUES ('third', '{}')"
        one_row(world, me, insert.format(me.cluster))
        one_row(world, me, f"UPDATE sync_metadata.hosts SET status = 'maintenance' WHERE host_id = '{me.host}'")
        # An honest session, and one that claims to be the other host.
        for claims in ('', f"SET LOCAL app.current_host_id = '{other.host}'; SET LOCAL app.current_cluster_name = '{other.cluster}'; "):
            refused = world.expect(me.login, DENIED, claims + insert.format(other.cluster))
            assert ROW_SECURITY in refused.text, refused.text
        assert world.value(hosts) == before
