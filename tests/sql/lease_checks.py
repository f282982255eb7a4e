"""
SQLite + Supabase Sync System - The lease row and the fence
"""

from world import ADMIN, World

LEASE = 'UPDATE sync_metadata.leader_election SET '
NEW_TERM = "epoch = epoch + 1, leader_id = 'openwebui-sync-node-b', term_nonce = gen_random_uuid(), acquired_at = clock_timestamp()"


def check_lease_guard(world: World) -> None:
    """A lowered epoch, an endless lease, two holders of one epoch: refused, whoever asks."""
    for me, other in world.pairs():
        for state, change in {
                'epoch = epoch - 1': '23514', 'epoch = -1': '23514', "epoch = epoch + 1000001, leader_id = 'x'": '23514',
                'epoch = 9223372036854775807': '23514', 'epoch = 4611686018427387905': '23514',
                "expires_at = 'infinity'": '23514', "expires_at = '-infinity'": '23514', 'expires_at = NULL': '23502',
                "expires_at = clock_timestamp() + interval '61 min'": '23514', NEW_TERM.replace('clock_timestamp()', "'infinity'"): '23514',
                "epoch = epoch + 1, term_nonce = NULL": '23514', "epoch = epoch + 1, leader_id = ''": '23514',
                "leader_id = 'openwebui-sync-node-b'": '23514', 'term_nonce = gen_random_uuid()': '23514',
                'acquired_at = clock_timestamp()': '23514', 'renew_seq = renew_seq - 1': '23514',
                "cluster_name = 'other'": '42501', f'{NEW_TERM}, expires_at = clock_timestamp() + interval \'9 min\'': '00000',
                "renew_seq = renew_seq + 1, expires_at = clock_timestamp() + interval '59 min'": '00000',
                'expires_at = to_timestamp(0)': '00000',
                "epoch = epoch + 1000000, term_nonce = gen_random_uuid()": '00000',
        }.items():
            world.expect(me.login, change, LEASE + state)
            if change not in ('00000', '42501'):
                world.expect(ADMIN, change, LEASE + state)
        # What ran out cannot be renewed, only taken anew under the next epoch.
        world.expect(me.login, 'SN001', f"{LEASE} expires_at = to_timestamp(0); {LEASE} expires_at = clock_timestamp() + interval '1 min'")
        world.expect(me.login, '00000', f"{LEASE} expires_at = to_timestamp(0); {LEASE} {NEW_TERM}, expires_at = clock_timestamp() + interval '1 min'")
        world.expect(me.login, '42501', f"DELETE FROM sync_metadata.leader_election WHERE cluster_name = '{me.cluster}'")
        assert world.expect(me.login, '00000', f"{LEASE} renew_seq = renew_seq WHERE cluster_name = '{other.cluster}' RETURNING 1").rows == []
        # A node that is gone takes its name off the lease and leaves the lease itself alone.
        left = world.expect(ADMIN, '00000', f"DELETE FROM sync_metadata.hosts WHERE host_id = '{me.host}'; SELECT epoch, leader_id, "
                                            f"leader_host_id IS NULL FROM sync_metadata.leader_election WHERE cluster_name = '{me.cluster}'")
        assert left.rows[-1] == f'1|{me.leader}|t', left.rows


def check_fence_knows_its_term(world: World) -> None:
    """Exactly the present term passes."""
    for me, other in world.pairs():
        world.expect(me.login, '00000', me.fence())
        for wrong in ({'epoch': 0}, {'epoch': 2}, {'nonce': other.nonce}, {'leader': 'openwebui-sync-node-b'}, {'cluster': other.cluster},
                      {'epoch': None}, {'nonce': None}, {'leader': None}, {'cluster': None}):
            world.expect(me.login, 'SN001', me.fence(**wrong))
        world.expect(me.login, 'SN001', other.fence())
        world.expect('bystander', '42501', me.fence())
        world.expect(me.login, '00000', f'{LEASE} expires_at = to_timestamp(0); {me.fence()}')
        world.expect(me.login, 'SN001', f'{LEASE} {NEW_TERM}; {me.fence()}')


def check_fence_blocks_a_takeover(world: World) -> None:
    """An open fence makes a takeover wait and lets a renewal pass; a fence behind a takeover loses."""
    me = world.sides[0]
    writer, peer = world.fresh(me.login), world.fresh(me.login)
    try:
        pid = writer.run('SELECT pg_backend_pid()').one()
        assert writer.run(f'BEGIN; {me.fence()}').state == '00000'
        renewal = peer.run(f"BEGIN; SET LOCAL lock_timeout = '10s'; {LEASE} renew_seq = renew_seq + 1 WHERE epoch = 1 RETURNING epoch; ROLLBACK")
        assert (renewal.state, renewal.rows) == ('00000', ['1']), renewal.text
        refused = peer.run(f"BEGIN; SET LOCAL lock_timeout = '200ms'; {LEASE} {NEW_TERM} WHERE epoch = 1; ROLLBACK")
        assert refused.state == '55P03', f'a takeover went past an open fence: {refused.text}'
        taken = peer.send(f'BEGIN; {LEASE} {NEW_TERM} WHERE epoch = 1 RETURNING epoch')
        world.wait_until(f'SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {pid} = ANY (pg_blocking_pids(pid)))')
        assert writer.run('COMMIT').state == '00000'
        assert taken.answer().rows == ['2'], taken.lines
        pid = peer.run('SELECT pg_backend_pid()').one()
        late = writer.send(f'BEGIN; {me.fence()}')
        world.wait_until(f'SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {pid} = ANY (pg_blocking_pids(pid)))')
        peer.run('COMMIT')
        assert late.answer().state == 'SN001', 'a fence behind a takeover passed'
        writer.run('ROLLBACK')
    finally:
        writer.close()
        peer.close()
        me.nonce = world.value(f"SELECT term_nonce FROM sync_metadata.leader_election WHERE cluster_name = '{me.cluster}'")
        restore_first_term(world, me)


def restore_first_term(world: World, me: object) -> None:
    """Back to epoch 1 for the other checks; only a superuser with triggers off can do that."""
    world.must('postgres', f"SET session_replication_role = 'replica'; {LEASE} epoch = 1, leader_id = '{me.leader}' "
                           f"WHERE cluster_name = '{me.cluster}'; RESET session_replication_role")


def check_late_renewal_revives_nothing(world: World) -> None:
    """A renewal that was accepted in time but waited for a lock until its lease was over."""
    me = world.sides[1]
    holder, node = world.fresh(ADMIN), world.fresh(me.login)
    row = f"cluster_name = '{me.cluster}'"
    try:
        world.must(ADMIN, f"{LEASE} expires_at = clock_timestamp() + interval '1500 ms' WHERE {row}")
        pid = holder.run('SELECT pg_backend_pid()').one()
        holder.run(f'BEGIN; SELECT FROM sync_metadata.leader_election WHERE {row} FOR UPDATE')
        renewal = node.send(f"{LEASE} expires_at = clock_timestamp() + interval '1 min', renew_seq = renew_seq + 1 "
                            f'WHERE {row} AND epoch = 1 AND expires_at > clock_timestamp() RETURNING epoch')
        world.wait_until(f'SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {pid} = ANY (pg_blocking_pids(pid)))')
        world.wait_until(f'SELECT expires_at < clock_timestamp() FROM sync_metadata.leader_election WHERE {row}')
        holder.run('COMMIT')
        assert renewal.answer().state == 'SN001', renewal.lines
    finally:
        holder.close()
        node.close()
        world.must('postgres', f"SET session_replication_role = 'replica'; {LEASE} expires_at = clock_timestamp() + interval '50 min' "
                               f'WHERE {row}; RESET session_replication_role')


def check_health_view(world: World) -> None:
    """Health comes from the server's clock, leadership from the lease, and there is one leader at most."""
    me = world.sides[0]
    query = f"SELECT hostname, status, leader_status FROM sync_metadata.v_cluster_health WHERE cluster_name = '{me.cluster}' ORDER BY hostname"
    names = [f'{me.cluster}-node-a', f'{me.cluster}-node-b']

    def health(change: str) -> list:
        rows = world.expect(ADMIN, '00000', f'{change}; {query}').rows
        assert [row.split('|')[0] for row in rows] == names, rows
        return [tuple(row.split('|')[1:]) for row in rows]

    beat = f"UPDATE sync_metadata.hosts SET last_heartbeat = now() - interval '{{}}' WHERE host_id = '{me.host}'"
    assert health('SELECT WHERE false') == [('active', 'leader'), ('offline', 'follower')]
    assert health(beat.format('119 s'))[0] == ('active', 'leader')
    assert health(beat.format('121 s'))[0] == ('degraded', 'leader')
    assert health(beat.format('301 s'))[0] == ('offline', 'leader')
    assert health(beat.format('-1 year'))[0] == ('active', 'leader')
    assert health(f'{LEASE} expires_at = to_timestamp(0)') == [('active', 'follower'), ('offline', 'follower')]
    future = world.expect(me.login, '00000', beat.format('-1 year') + ' RETURNING last_heartbeat <= clock_timestamp()')
    assert future.one() == 't', 'a heartbeat from the future was believed'
    counted = world.value(f"SELECT DISTINCT deployments_count || '|' || sync_enabled_count || '|' || epoch || '|' || "
                          f"(lease_remaining_seconds BETWEEN 60 AND 3600) FROM sync_metadata.v_cluster_health WHERE cluster_name = '{me.cluster}'")
    assert counted == '2|0|1|true', counted
