"""
SQLite + Supabase Sync System - Hosts: roles, passwords, machines, the end
"""

from world import ADMIN, World, literal

DENIED, BUSY = '42501', '55000'
ONE, TWO = 'a' * 64, 'b' * 64
VERIFIER = f"SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==${'A' * 43}=:{'B' * 42}A="


def prepare(cluster: str, machine: object = None, adopt: bool = False) -> str:
    """A call of prepare_host."""
    return f'SELECT sync_metadata.prepare_host({literal(cluster)}, {literal(machine)}, {adopt});'


def check_a_host_gets_a_role_of_its_own(world: World) -> None:
    """sync_service for the first, one more for each further, with LOGIN and sync_agents and nothing else; none is ever shared."""
    assert world.expect(ADMIN, '00000', prepare('Host C', ONE) + prepare('Host C', ONE)).rows == ['sync_service_host_c'] * 2
    role = world.expect(ADMIN, '00000', prepare('host-c') + """
        SELECT rolcanlogin, rolinherit, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
               (SELECT string_agg(m.roleid::regrole::text, ' ') FROM pg_auth_members m WHERE m.member = r.oid),
               shobj_description(r.oid, 'pg_authid') FROM pg_roles r WHERE rolname = 'sync_service_host_c'""").rows[-1]
    assert role == f"t|t|f|f|f|f|f|sync_agents|sync-node login of database '{world.database}', host 'host-c'", role
    assert world.expect(ADMIN, '00000', prepare('host-a')).one() == 'sync_service'
    said = world.expect(ADMIN, 'SN004', prepare('host-c') + prepare('HOST_C')).text
    assert "'sync_service_host_c' serves another host" in said, said
    world.expect(ADMIN, 'SN003', prepare('c' * 51))
    made = 'CREATE ROLE sync_service_host_c LOGIN; COMMENT ON ROLE sync_service_host_c IS '
    world.expect(ADMIN, 'SN004', f"{made}'sync-node login of database ''elsewhere'', host ''host-c'''; {prepare('host-c')}")
    world.expect(ADMIN, '00000', f"{made}'sync-node login of database ''{world.database}'', host ''gone'''; {prepare('host-c')}")
    world.expect(ADMIN, 'SN003', f"CREATE ROLE sync_service_host_c LOGIN CREATEDB; {prepare('host-c')}")
    for me, _ in world.pairs():
        world.expect(me.login, DENIED, prepare('host-c'))
        world.expect(me.login, DENIED, f"SELECT sync_metadata.set_login_password('{me.cluster}', '{VERIFIER}')")


def check_a_password_arrives_as_a_verifier(world: World) -> None:
    """Only so, and only that of the cluster's own role changes."""
    give = 'SELECT sync_metadata.set_login_password({}, {});'
    for cluster, verifier, state in (('host-a', 'a plain word', 'SN003'), ('host-a', None, 'SN003'), ('host-a', 'md5' + '0' * 32, 'SN003'),
                                     ('host-a', f"{VERIFIER}'; DROP ROLE x", 'SN003'), ('absent', VERIFIER, 'SN002')):
        world.expect(ADMIN, state, give.format(literal(cluster), literal(verifier)))
    world.must(ADMIN, give.format("'host-b'", literal(VERIFIER)))
    kept = "SELECT string_agg(rolname || '=' || coalesce(rolpassword, '-'), ' ' ORDER BY rolname) FROM pg_authid WHERE rolname LIKE 'sync_service%'"
    try:
        now = world.must('postgres', kept).one()
        assert f'sync_service_hostb={VERIFIER}' in now and 'sync_service=-' in now, now
    finally:
        world.must(ADMIN, 'ALTER ROLE sync_service_hostb PASSWORD NULL')


def check_a_machine_is_one_host(world: World) -> None:
    """Noted once by the host itself, changed by the admin who says so; nobody else's name is had by a copy."""
    enroll, own = "SELECT sync_metadata.enroll_host({});", "SELECT sync_metadata.own_machine({});"
    one, two = literal(ONE), literal(TWO)
    for me, other in world.pairs():
        rows = world.expect(me.login, '00000', own.format(one) + enroll.format(one) + enroll.format(one) + own.format(one) + own.format(two)).rows
        assert [row for row in rows if row] == ['none', 'ours', 'other'], rows
        world.expect(me.login, 'SN004', enroll.format(one) + enroll.format(two))
        world.expect(me.login, 'SN004', enroll.format('NULL'))
        world.expect(me.login, '23514', enroll.format("'a plain id'"))
        world.expect(me.login, DENIED, f"UPDATE sync_metadata.cluster_logins SET machine = {one}")
        world.expect(ADMIN, 'SN004', prepare(me.cluster, ONE) + prepare(me.cluster, TWO))
        world.expect(ADMIN, 'SN004', prepare(me.cluster, ONE) + prepare(other.cluster, ONE))
        world.expect(ADMIN, 'SN004', prepare(me.cluster, ONE) + prepare('host-c', ONE, True))
        assert world.expect(ADMIN, '00000', prepare(me.cluster, ONE) + prepare(me.cluster) + prepare(me.cluster, TWO, True)
                            + f"SELECT machine FROM sync_metadata.cluster_logins WHERE cluster_name = '{me.cluster}'").rows[-1] == TWO
        assert world.expect(ADMIN, '00000', prepare(me.cluster, ONE) + prepare(me.cluster, None, True)
                            + f"SELECT machine IS NULL FROM sync_metadata.cluster_logins WHERE cluster_name = '{me.cluster}'").rows[-1] == 't'
    world.expect('bystander', DENIED, enroll.format(one))
    taken = world.sides[0]
    world.must(ADMIN, prepare(taken.cluster, ONE))
    try:
        world.expect(world.sides[1].login, 'SN004', enroll.format(one))
    finally:
        world.must(ADMIN, f"UPDATE sync_metadata.cluster_logins SET machine = NULL WHERE cluster_name = '{taken.cluster}'")


def check_a_host_ends_alone(world: World) -> None:
    """Not while a client is synced or a node leads; then all of it goes, its copies stay, and the other host is as before."""
    for me, other in world.pairs():
        end = f"SELECT sync_metadata.deregister_cluster('{me.cluster}');"
        over = f"UPDATE sync_metadata.leader_election SET expires_at = to_timestamp(0) WHERE cluster_name = '{me.cluster}';"
        enable = f"UPDATE sync_metadata.client_deployments SET sync_enabled = true WHERE client_name = '{me.clients[1].name}';"
        world.expect(me.login, DENIED, over + end)
        world.hang_up(me.login)  # the end would end it
        said = world.expect(ADMIN, BUSY, over + enable + end).text
        assert f'still synced: {me.clients[1].name}' in said, said
        assert 'leads' in world.expect(ADMIN, BUSY, end).text
        world.expect(ADMIN, 'SN002', "SELECT sync_metadata.deregister_cluster('absent')")
        count = """(SELECT count(*) FROM sync_metadata.hosts h WHERE h.cluster_name = '{0}')
                   + (SELECT count(*) FROM sync_metadata.leader_election e WHERE e.cluster_name = '{0}')
                   + (SELECT count(*) FROM sync_metadata.cluster_logins l WHERE l.cluster_name = '{0}')
                   + (SELECT count(*) FROM sync_metadata.client_deployments d WHERE d.cluster_name = '{0}')
                   + (SELECT count(*) FROM sync_metadata.sync_jobs j JOIN sync_metadata.client_deployments USING (deployment_id)
                       WHERE cluster_name = '{0}')
                   + (SELECT count(*) FROM sync_metadata.state_values s WHERE s.cluster_name = '{0}')"""
        this = "(SELECT oid FROM pg_database WHERE datname = current_database())"
        before = int(world.value(f'SELECT {count.format(other.cluster)}'))
        told, *left = world.expect(ADMIN, '00000', f"""{over} {end}
            SELECT {count.format(me.cluster)};
            SELECT {count.format(other.cluster)};
            SELECT count(*) FROM sync_metadata.cache_events v WHERE v.cluster_name = '{me.cluster}';
            SELECT count(*) FROM {me.clients[0].schema}.chat;
            SELECT count(*) FROM pg_class k, aclexplode(k.relacl) a, pg_roles r
             WHERE a.grantee = r.oid AND r.rolname = '{me.login}' AND k.relnamespace = '{me.clients[0].schema}'::regnamespace;
            SELECT count(*) FROM pg_roles WHERE rolname = '{me.login}';""").rows
        elsewhere = f"SELECT count(*) FROM pg_shdepend WHERE refobjid = '{me.login}'::regrole AND dbid NOT IN (0, {this})"
        kept = me.login == 'sync_service' or world.value(elsewhere) != '0'
        assert f'"role_dropped": {str(not kept).lower()}' in told, told
        assert [int(number) for number in left] == [0, before, 0, 9, 0, 1 if kept else 0], (before, left)


def check_sessions_end_with_their_host(world: World) -> None:
    """By who may; who may not is refused. Nobody is a member of the role afterwards, and sessions of others go on."""
    me, other = world.sides[0], world.sides[1]
    end = (f"UPDATE sync_metadata.leader_election SET expires_at = to_timestamp(0) WHERE cluster_name = '{me.cluster}';"
           f"SELECT sync_metadata.deregister_cluster('{me.cluster}');")
    there = 'SELECT count(*) = {} FROM pg_stat_activity WHERE pid = {}'
    world.hang_up(me.login)
    stays, others = world.fresh(me.login), world.fresh(other.login)
    try:
        pid, theirs = (session.run('SELECT pg_backend_pid()').one() for session in (stays, others))
        world.must('postgres', f'ALTER ROLE {ADMIN} NOCREATEROLE')
        try:
            said = world.expect(ADMIN, BUSY, end).text
        finally:
            world.must('postgres', f'ALTER ROLE {ADMIN} CREATEROLE')
        assert f"sessions of role '{me.login}' of '{me.cluster}' go on (1), and '{ADMIN}' may not end them" in said, said
        assert world.value(there.format(1, pid)) == 't'
        members = f"SELECT count(*) FROM pg_auth_members WHERE roleid = '{me.login}'::regrole;"
        assert world.expect(ADMIN, '00000', end + members).rows[-1] == '0'
        assert world.value(there.format(0, pid)) == 't' and world.value(there.format(1, theirs)) == 't'
    finally:
        others.close()
        stays.process.kill()
        stays.process.wait()


def check_a_login_in_use_is_not_given_out(world: World) -> None:
    """Whoever is logged in as a role that no host has would be the host that gets it."""
    first = world.sides[0]
    world.must(ADMIN, 'CREATE ROLE sync_service_host_d LOGIN')
    stays = world.fresh('sync_service_host_d')
    try:
        stays.run('SELECT 1').one()
        said = world.expect(ADMIN, BUSY, prepare('host-d')).text
        assert "role 'sync_service_host_d' is no host's, and sessions of it are open" in said, said
        world.run(first.login, 'SELECT 1')
        free = f"UPDATE sync_metadata.cluster_logins SET login_role = 'another' WHERE login_role = '{first.login}';"
        assert world.expect(ADMIN, '00000', free + "SELECT sync_metadata.choose_login('host-e')").one() == 'sync_service_host_e'
    finally:
        stays.close()
        world.wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'sync_service_host_d'")
        world.must(ADMIN, 'DROP ROLE sync_service_host_d')


def check_a_password_has_its_time(world: World) -> None:
    """A login learns from when on its own was needed, and nobody else's."""
    for me, other in world.pairs():
        given = f"SELECT sync_metadata.set_login_password('{{}}', '{VERIFIER}');"
        for cluster, told in ((me.cluster, 't'), (other.cluster, 'f')):
            world.must(ADMIN, given.format(cluster))
            try:
                assert world.run(me.login, "SELECT coalesce(sync_metadata.password_given_at() > clock_timestamp() - interval '1 minute', false)").one() == told
            finally:
                world.must(ADMIN, f"ALTER ROLE {me.login if told == 't' else other.login} PASSWORD NULL; "
                                  'UPDATE sync_metadata.cluster_logins SET password_given_at = NULL')
