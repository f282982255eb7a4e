"""
SQLite + Supabase Sync System - Sabotages of sql/ that the checks must notice

Each takes one protection away after the world is set up, and names the check that must turn red.
"""

from typing import Callable, Dict, Tuple

from world import World

Sabotage = Callable[[World], None]


def run(sql: str) -> Sabotage:
    """Statements of a superuser; {a} and {b} are schemas of the first client of each host."""
    return lambda world: world.must('postgres', sql.format(a=world.sides[0].clients[0].schema, b=world.sides[1].clients[0].schema, database=world.database)) and None


def edit(function: str, *changes: Tuple[str, str]) -> Sabotage:
    """Another text for a function; each piece to replace has to be in it."""
    def sabotage(world: World) -> None:
        text = '\n'.join(world.must('postgres', f"SELECT pg_get_functiondef('sync_metadata.{function}'::regproc)").rows)
        for old, new in changes:
            assert_found(function, text, old)
            text = text.replace(old, new)
        world.must('postgres', text)
    return sabotage


def edit_view(view: str, old: str, new: str) -> Sabotage:
    """The same for a view."""
    def sabotage(world: World) -> None:
        text = '\n'.join(world.must('postgres', f"SELECT pg_get_viewdef('sync_metadata.{view}'::regclass)").rows)
        assert_found(view, text, old)
        world.must('postgres', f'CREATE OR REPLACE VIEW sync_metadata.{view} WITH (security_invoker = true) AS {text.replace(old, new)}')
    return sabotage


def assert_found(name: str, text: str, old: str) -> None:
    """A sabotage that changes nothing proves nothing. Not an assertion: that would count as noticed."""
    if old not in text:
        raise LookupError(f'{name} does not contain: {old}')


def no_trigger(trigger: str, table: str) -> Sabotage:
    """A guard less."""
    return run(f'DROP TRIGGER {trigger} ON {table}')


SABOTAGES: Dict[str, Tuple[str, Sabotage]] = {
    # Verifies
    'reports on syncs': ('verifies_are_jobs', run('ALTER TABLE sync_metadata.sync_jobs DROP CONSTRAINT sync_jobs_verify_check')),
    'reports of any size': ('verifies_are_jobs', run('ALTER TABLE sync_metadata.sync_jobs DROP CONSTRAINT sync_jobs_report_check')),
    'a verify as the last sync': ('verifies_are_jobs', edit_view('v_sync_status', " AND (j_1.sync_type <> 'verify'::text)", '')),
    # The fence and the lease
    'fence without its row lock': ('fence_blocks_a_takeover', edit('fence', ('FOR KEY SHARE', ''))),
    'fence with FOR SHARE': ('fence_blocks_a_takeover', edit('fence', ('FOR KEY SHARE', 'FOR SHARE'))),
    'epoch no longer a key column': ('fence_blocks_a_takeover',
                                     run('ALTER TABLE sync_metadata.leader_election DROP CONSTRAINT leader_election_cluster_name_epoch_key')),
    'fence without the nonce': ('fence_knows_its_term', edit('fence', ('AND l.term_nonce = p_nonce', ''))),
    'fence without the leader': ('fence_knows_its_term', edit('fence', ('AND l.leader_id = p_leader_id', ''))),
    'fence that sees every cluster': ('fence_knows_its_term', run('ALTER FUNCTION sync_metadata.fence SECURITY DEFINER')),
    'lease row without its guard': ('lease_guard', no_trigger('guard_lease', 'sync_metadata.leader_election')),
    'lease for a day': ('lease_guard', edit('guard_lease', ("interval '1 hour'", "interval '1 day'"))),
    'lease for ever': ('lease_guard', edit('guard_lease', ('NOT isfinite(NEW.expires_at)', 'false'))),
    'epoch jumps': ('lease_guard', edit('guard_lease', ('NEW.epoch - OLD.epoch > c_jump', 'false'))),
    'epoch falls': ('lease_guard', edit('guard_lease', ('NEW.epoch < OLD.epoch OR', ''))),
    'two leaders of one epoch': ('lease_guard', edit('guard_lease', ("IS DISTINCT FROM (OLD.leader_id", "IS NULL AND (OLD.leader_id"),
                                                     ('OLD.acquired_at)\n', 'OLD.acquired_at) IS NULL\n'))),
    'late renewal revives': ('late_renewal_revives_nothing', edit('guard_lease', ('AND OLD.expires_at <= clock_timestamp()', 'AND false'))),
    # Whose row it is
    'hosts without row security': ('foreign_rows_are_untouchable', run('ALTER TABLE sync_metadata.hosts DISABLE ROW LEVEL SECURITY')),
    'jobs without row security': ('forged_settings_change_nothing', run('ALTER TABLE sync_metadata.sync_jobs DISABLE ROW LEVEL SECURITY')),
    'lease row without row security': ('lease_guard', run('ALTER TABLE sync_metadata.leader_election DISABLE ROW LEVEL SECURITY')),
    'no policy on clients': ('forged_settings_change_nothing', run('DROP POLICY own_cluster ON sync_metadata.client_deployments')),
    'policy that believes a setting': ('forged_settings_change_nothing', run(
        "CREATE POLICY p ON sync_metadata.hosts TO sync_agents USING (cluster_name = current_setting('app.current_cluster_name', true))")),
    'policy that checks no new rows': ('foreign_rows_are_untouchable', run(
        'CREATE POLICY p ON sync_metadata.conflict_log FOR INSERT TO sync_agents WITH CHECK (true)')),
    'caller_cluster asks a setting': ('forged_settings_change_nothing', edit('caller_cluster', (
        'WHERE l.login_role = session_user', "WHERE l.cluster_name = coalesce(nullif(current_setting('app.current_cluster_name', true), ''), "
        "(SELECT x.cluster_name FROM sync_metadata.cluster_logins x WHERE x.login_role = session_user))"))),
    'caller_cluster reads unqualified names': ('shadows_fool_no_function', edit(
        'caller_cluster', ('sync_metadata.cluster_logins', 'cluster_logins'), ("'pg_catalog', 'sync_metadata', 'pg_temp'", "'sync_metadata'"))),
    'require_client forgets the caller': ('foreign_schemas_are_closed', edit(
        'require_client', ('AND d.cluster_name = sync_metadata.caller_cluster()', ''))),
    'require_client forgets the epoch': ('unsafe_plans_are_refused', edit('require_client', ('v_epoch IS DISTINCT FROM p_epoch', 'false'))),
    'name in history as the writer says': ('foreign_rows_are_untouchable', no_trigger('set_client_name', 'sync_metadata.sync_jobs')),
    'logins that are members of each other': ('nobody_becomes_another', run('GRANT sync_service_hostb TO sync_service')),
    'agents in sync_owner': ('nobody_becomes_another', run('GRANT sync_owner TO sync_agents')),
    'agents may create roles': ('nobody_becomes_another', run('ALTER ROLE sync_service CREATEROLE')),
    'register_cluster takes any login': ('logins', edit('register_cluster', ('PERFORM sync_metadata.require_login(p_login);', ''))),
    # Rights
    'DELETE on hosts': ('nothing_can_be_destroyed', run('GRANT DELETE ON sync_metadata.hosts TO sync_agents')),
    'TRUNCATE on a client table': ('nothing_can_be_destroyed', run('GRANT TRUNCATE ON {a}.chat TO sync_service')),
    'an agent owns a table': ('nothing_can_be_destroyed', run('ALTER TABLE {b}.chat OWNER TO sync_service_hostb')),
    'CREATE in a client schema': ('names_cannot_be_squatted', run('GRANT CREATE ON SCHEMA {b} TO sync_service_hostb')),
    'CREATE in the database': ('names_cannot_be_squatted', run('GRANT CREATE ON DATABASE {database} TO PUBLIC')),
    'INSERT of clients': ('names_cannot_be_squatted', run('GRANT INSERT ON sync_metadata.client_deployments TO sync_agents')),
    'UPDATE of a schema name': ('names_cannot_be_squatted', run('GRANT UPDATE (schema_name) ON sync_metadata.client_deployments TO sync_agents')),
    'mapping readable': ('names_cannot_be_squatted', run('GRANT SELECT ON sync_metadata.cluster_logins TO sync_agents')),
    'purge for everybody': ('names_cannot_be_squatted', run('GRANT EXECUTE ON FUNCTION sync_metadata.purge_history, sync_metadata.require_age TO PUBLIC; '
                                                            'ALTER FUNCTION sync_metadata.purge_history SECURITY DEFINER')),
    'another host reads a schema': ('foreign_schemas_are_closed', run('GRANT USAGE ON SCHEMA {a} TO sync_agents; GRANT SELECT ON {a}.chat TO sync_agents')),
    'v_cluster_health as its owner': ('views_leak_nothing', run('ALTER VIEW sync_metadata.v_cluster_health RESET (security_invoker)')),
    'v_sync_status as its owner': ('views_leak_nothing', run('ALTER VIEW sync_metadata.v_sync_status SET (security_invoker = false)')),
    'v_conflict_summary as its owner': ('views_leak_nothing', run('ALTER VIEW sync_metadata.v_conflict_summary RESET (security_invoker)')),
    'function with the caller\'s search_path': ('catalog', run('ALTER FUNCTION sync_metadata.remove_rows RESET search_path')),
    'function for PUBLIC': ('catalog', run('GRANT EXECUTE ON FUNCTION sync_metadata.put_away TO PUBLIC')),
    # What is never lost
    'publish drops the old table': ('reload_keeps_the_old_table', edit('op_publish', (
        "v_replaced := sync_metadata.put_away(p_deployment, p_epoch, p_schema, p_login, v_to, 'replaced_table')",
        "PERFORM sync_metadata.archive_quarantine(p_schema, p_epoch, v_to, 'gone'); EXECUTE format('DROP TABLE %I.%I', p_schema, v_to)"))),
    'put away, but still writable': ('reload_keeps_the_old_table', edit('put_away', ("EXECUTE format('REVOKE ALL", "PERFORM format('REVOKE ALL"))),
    'put away without its quarantine': ('reload_keeps_the_old_table', edit('put_away', (
        'PERFORM sync_metadata.archive_quarantine(', 'PERFORM concat('))),
    'dropped column still writable': ('dropped_column_keeps_its_data', edit('grant_live', (
        "FILTER (WHERE NOT starts_with(a.attname, '_sync_dropped_'))", ''))),
    'retention breaks views': ('retention_drops_what_is_old_enough', edit('drop_replaced_tables', (
        "'DROP TABLE IF EXISTS %I.%I'", "'DROP TABLE IF EXISTS %I.%I CASCADE'"))),
    'retention ignores age': ('retention_drops_what_is_old_enough', edit('drop_replaced_tables', ('r.retired_at < v_before', 'true'))),
    'removal without archive of values': ('removal_archives_exactly_what_it_removes', edit('remove_rows_sql', ('b.quarantine, $3', 'NULL::json, $3'))),
    'image of a column instead of the row': ('removal_archives_exactly_what_it_removes', edit('remove_rows_sql', (
        'row_to_json(t.*)', 'row_to_json(t)'))),
    'removal leaves quarantine behind': ('removal_archives_exactly_what_it_removes', edit('remove_rows_sql', (
        'AND (g.row_image IS NULL OR NOT', 'AND false AND (g.row_image IS NULL OR NOT'))),
    'removal by the caller\'s float digits': ('removal_archives_exactly_what_it_removes', run(
        'ALTER FUNCTION sync_metadata.remove_rows RESET extra_float_digits')),
    'removal by any column': ('removal_refuses_a_wrong_plan', edit('remove_rows_sql', ('AND a.attnum = ANY (c.conkey)', ''), (
        'AND count(*) = max(cardinality(c.conkey))', ''))),
    'removal from our own tables': ('removal_refuses_a_wrong_plan', edit('remove_rows_sql', (
        "sync_metadata.require_name(p_target, 'table')", 'p_target'))),
    'archive writable': ('history_cannot_be_written', run('GRANT UPDATE ON {a}._sync_archive TO sync_service')),
    'edits writable': ('history_cannot_be_written', run('GRANT INSERT ON {b}._sync_edits TO sync_service_hostb')),
    'resolved conflicts open': ('history_cannot_be_written', no_trigger('guard_resolved_conflict', 'sync_metadata.conflict_log')),
    'position without guard': ('position_of_the_copy', no_trigger('guard_sync_state', '{a}._sync_state')),
    'clearing every table': ('entries_are_cleared_by_key', edit('clear_quarantine', ('q.table_name = $1 AND', '$1 IS NOT NULL AND'))),
    'purge of open conflicts': ('purge_keeps_what_waits', edit('purge_history', ('WHERE resolved_at < v_before;', 'WHERE detected_at < v_before;'))),
    'purge of the last job': ('purge_keeps_what_waits', edit('purge_history', ('n.started_at > j.started_at', 'true'))),
    # Plans and decisions
    'any type': ('unsafe_plans_are_refused', edit('require_type', ('p_type IS NULL OR', 'p_type IS NULL AND'))),
    'any name': ('unsafe_plans_are_refused', edit('require_name', ("OR starts_with(p_name, '_sync_')", ''))),
    'names unquoted': ('hostile_names_survive', edit('column_definition', ("'%I %s'", "'%s %s'"))),
    'held changes without guard': ('held_changes_are_decided_once', no_trigger('guard_held_change', 'sync_metadata.held_changes')),
    'decided twice': ('held_changes_are_decided_once', edit('decide_held', ("v_status <> 'waiting'", 'false'))),
    'decisions of another host': ('held_changes_are_decided_once', edit('decide_held', ("OR pg_has_role(session_user, 'sync_owner', 'MEMBER')", 'OR true'))),
    'schema adopted': ('registration', edit('register_client', ('to_regnamespace(quote_ident(v_schema)) IS NOT NULL', 'false'), (
        'CREATE SCHEMA %I', 'CREATE SCHEMA IF NOT EXISTS %I'))),
    # The end of a client
    'deregistered, but open': ('deregistered_clients_are_nobodys', edit('deregister_client', ("EXECUTE format('REVOKE USAGE", "PERFORM format('REVOKE USAGE"))),
    'deregistered, but served': ('deregistered_clients_are_nobodys', edit('require_client', ('AND d.deregistered_at IS NULL', ''))),
    'deregistered, but revived by its host': ('deregistered_clients_are_nobodys', run(
        'ALTER TABLE sync_metadata.client_deployments DROP CONSTRAINT deregistered_is_stopped')),
    'deregistered beside a job': ('a_client_is_not_deregistered_beside_a_job', edit('deregister_client', ('AND j.epoch = e.epoch', 'AND false'))),
    'deregistered only when no job says it runs': ('a_client_is_not_deregistered_beside_a_job', edit('deregister_client', ('AND j.epoch = e.epoch', ''))),
    'deregistered without a lock': ('a_job_that_begins_meanwhile_waits', edit('deregister_client', ('FOR UPDATE OF d', ''))),
    'dropping takes users along': ('dropping_takes_nothing_else_along', edit('drop_client', ('DROP TABLE %s RESTRICT', 'DROP TABLE %s CASCADE'))),
    'dropping takes what is in the schema along': ('dropping_takes_nothing_else_along', edit('drop_client', (
        'DROP SCHEMA IF EXISTS %I RESTRICT', 'DROP SCHEMA IF EXISTS %I CASCADE'))),
    'users by a row type unseen': ('dropping_takes_nothing_else_along', edit('dependents_of', ("('a', 'i', 'P', 'S')", "('a')"))),
    'dropping what is registered': ('dropping_takes_nothing_else_along', edit('drop_client', ('v_client.deregistered_at IS NULL', 'false'))),
    # Values by key, cache events, waiting jobs
    'values without row security': ('foreign_rows_are_untouchable', run('ALTER TABLE sync_metadata.state_values DISABLE ROW LEVEL SECURITY')),
    'values readable across hosts': ('forged_settings_change_nothing', run('CREATE POLICY p ON sync_metadata.state_values FOR SELECT TO sync_agents USING (true)')),
    'DELETE on values': ('nothing_can_be_destroyed', run('GRANT DELETE ON sync_metadata.state_values TO sync_agents')),
    'version as the writer says': ('versions_are_the_servers', no_trigger('guard_state_value', 'sync_metadata.state_values')),
    'version granted to agents': ('versions_are_the_servers', run('GRANT INSERT (version) ON sync_metadata.state_values TO sync_agents')),
    'login as the writer says': ('versions_are_the_servers', edit('guard_state_value', ('NEW.updated_login := session_user;', ''))),
    'value that changes its key': ('versions_are_the_servers', edit('guard_state_value', ("TG_OP = 'UPDATE' AND", "TG_OP = 'DELETE' AND"))),
    'values of any size': ('value_limits', run('ALTER TABLE sync_metadata.state_values DROP CONSTRAINT state_values_value_check')),
    'state of a client kept twice': ('value_limits', run('ALTER TABLE sync_metadata.state_values DROP CONSTRAINT state_values_key_check')),
    'client changes uncounted': ('deployment_versions', no_trigger('count_state_version', 'sync_metadata.client_deployments')),
    'config not part of the version': ('deployment_versions', edit('count_state_version', ('NEW.status, NEW.config)', 'NEW.status)'), (
        'OLD.status, OLD.config)', 'OLD.status)'))),
    'syncs counted as changes': ('deployment_versions', edit('count_state_version', ('NEW.config)', 'NEW.config, NEW.last_sync_at)'), (
        'OLD.config)', 'OLD.config, OLD.last_sync_at)'))),
    'values change without an event': ('every_change_leaves_an_event', no_trigger('record_value_event', 'sync_metadata.state_values')),
    'clients change without an event': ('every_change_leaves_an_event', no_trigger('record_deployment_change', 'sync_metadata.client_deployments')),
    'rename announced under one name': ('every_change_leaves_an_event', edit('record_deployment_event', (
        'VALUES (OLD.cluster_name, OLD.client_name), (NEW', 'VALUES (NEW'))),
    'events without a notice': ('events_are_announced', no_trigger('notify_cache_event', 'sync_metadata.cache_events')),
    'notice that shows the key': ('events_are_announced', edit('notify_cache_event', ('NEW.event_id', 'NEW.cache_key'))),
    'events without a transaction': ('polls_miss_nothing', run("ALTER TABLE sync_metadata.cache_events ALTER COLUMN xact SET DEFAULT '3'")),
    'purge of others\' events': ('old_events_are_purged', edit('purge_cache_events', ('v_cluster IS NULL OR e.cluster_name = v_cluster', 'true'))),
    'purge of fresh events': ('old_events_are_purged', edit('purge_cache_events', ("p_older_than < interval '1 hour'", 'false'))),
    'edits of a role that was set': ('every_edit_is_recorded', run('CREATE OR REPLACE TRIGGER _sync_edit AFTER INSERT OR UPDATE OR DELETE ON {a}.chat FOR EACH ROW '
                                                                   "WHEN (current_user <> 'sync_service') EXECUTE FUNCTION sync_metadata.record_edit('chat')")),
    'edits of a replica': ('every_edit_is_recorded', run('ALTER TABLE {a}.chat ENABLE TRIGGER _sync_edit')),
    'truncate unrecorded': ('every_edit_is_recorded', no_trigger('_sync_truncate', 'client_host_a_one.chat')),
    'truncate of an old snapshot': ('every_edit_is_recorded', edit('record_truncate', ("'read uncommitted')", "'repeatable read')"))),
    'a changed key as an update': ('every_edit_is_recorded', edit('record_edit', ('v_old_key <> v_new_key', 'false'))),
    'nothing changed, yet recorded': ('every_edit_is_recorded', edit('record_edit', ('v_old::text IS DISTINCT FROM v_new::text', 'true'))),
    'who became who unsaid': ('every_edit_is_recorded', edit('record_edit', ("' as ' || c_role", "''"))),
    'edits settled that nobody saw': ('only_open_edits_are_settled', edit('settle_edits', ('e.edit_id <= s.last', 'true'))),
    'decisions made up': ('only_open_edits_are_settled', edit('settle_edits', ('AND s.row_key IN (SELECT d.row_key FROM settled d)', ''))),
    'edits settled by anybody': ('only_open_edits_are_settled', run('GRANT EXECUTE ON FUNCTION sync_metadata.settle_edits(uuid, bigint, text, json) TO bystander; '
                                                                    'GRANT USAGE ON SCHEMA sync_metadata TO bystander; GRANT sync_agents TO bystander')),
    'decided conflicts move': ('only_waiting_conflicts_move', edit('move_conflicts', (' AND c.resolved_at IS NULL', ''))),
    "others' conflicts move": ('only_waiting_conflicts_move', edit('move_conflicts', (' AND c.deployment_id = p_deployment', ''))),
    'what it was first is lost': ('only_waiting_conflicts_move', edit('move_conflicts', ('CASE WHEN c.version = 1 THEN c.source_data', 'CASE WHEN true THEN c.source_data'))),
    'fresh conflicts expire': ('decided_conflicts_expire', edit('expire_conflicts', ('p_days < 1', 'false'))),
    'conflicts of others expire': ('decided_conflicts_expire', edit('expire_conflicts', ('c.deployment_id = p_deployment AND', ''))),
    'open edits expire': ('decided_conflicts_expire', edit('expire_conflicts', ('WHERE resolved_at < $1', "WHERE $1 > ''epoch''"))),
    'waiting counted as running': ('jobs_wait_their_turn', no_trigger('begin_job', 'sync_metadata.sync_jobs')),
    'duration of what never began': ('jobs_wait_their_turn', edit('update_job_completion', ("OLD.status <> 'pending'", 'true'))),
    'waiting job hides the last one': ('what_control_shows', edit_view('v_sync_status', "j_1.status <> 'pending'::text", 'true')),
    # Hosts
    "another database's role taken": ('a_host_gets_a_role_of_its_own', edit('login_is_free', ('OR (starts_with(', 'OR (false AND starts_with('))),
    'a shared role': ('a_host_gets_a_role_of_its_own', edit('choose_login', ('NOT sync_metadata.login_is_free(v_login)', 'false'))),
    'a role too strong': ('a_host_gets_a_role_of_its_own', edit('prepare_host', ('PERFORM sync_metadata.register_cluster(p_cluster, v_login);', (
        "EXECUTE format('GRANT sync_agents TO %I', v_login); INSERT INTO sync_metadata.cluster_logins VALUES (p_cluster, v_login) ON CONFLICT DO NOTHING;")))),
    'plain passwords': ('a_password_arrives_as_a_verifier', edit('set_login_password', ('ELSIF p_verifier IS NULL OR p_verifier !~', 'ELSIF false AND p_verifier !~'))),
    "another host's password": ('a_password_arrives_as_a_verifier', edit('set_login_password', ('WHERE l.cluster_name = p_cluster', 'ORDER BY l.login_role LIMIT 1'))),
    'a copy of a machine': ('a_machine_is_one_host', edit('prepare_host', ('v_noted <> p_machine', 'false'))),
    'a machine noted again': ('a_machine_is_one_host', edit('enroll_host', ('v_noted <> p_machine', 'false'), ('ELSIF v_noted IS NULL', 'ELSIF true'))),
    'any word for a machine': ('a_machine_is_one_host', run('ALTER TABLE sync_metadata.cluster_logins DROP CONSTRAINT cluster_logins_machine_check')),
    'ended while synced': ('a_host_ends_alone', edit('deregister_cluster', ('IF v_enabled IS NOT NULL', 'IF false'))),
    'ended while led': ('a_host_ends_alone', edit('deregister_cluster', ('e.expires_at > clock_timestamp()', 'false'))),
    'sessions outlive their host': ('sessions_end_with_their_host', edit('deregister_cluster', (
        'v_sessions := sync_metadata.end_login_sessions(v_login)', 'v_sessions := 0'))),
    'ended under sessions that stay': ('sessions_end_with_their_host', edit('deregister_cluster', ('IF v_sessions > 0', 'IF false'))),
    'a membership that stays': ('sessions_end_with_their_host', edit('end_login_sessions', ("EXECUTE format('REVOKE %I FROM %I', p_login, current_user)", 'NULL'))),
    'a role with sessions for a new host': ('a_login_in_use_is_not_given_out', edit('choose_login', ('sync_metadata.login_sessions(v_login) > 0', 'false'))),
    "another's rows end too": ('a_host_ends_alone', edit('deregister_cluster', ('DELETE FROM sync_metadata.state_values v WHERE v.cluster_name = p_cluster',
                                                                               'DELETE FROM sync_metadata.state_values v'))),
    'grants outlive the host': ('a_host_ends_alone', edit('deregister_cluster', ('REVOKE ALL ON ALL TABLES IN SCHEMA %1$I FROM %2$I;', ''))),
    # Views
    'heartbeat from the future': ('health_view', no_trigger('clamp_heartbeat', 'sync_metadata.hosts')),
    'both nodes lead': ('health_view', edit_view('v_cluster_health', 'l.leader_host_id = h.host_id', 'l.cluster_name = h.cluster_name')),
    'no end of leadership': ('health_view', edit_view('v_cluster_health', 'l.expires_at > statement_timestamp()', 'l.expires_at IS NOT NULL')),
    'jobs end without a time': ('status_view_and_jobs', no_trigger('complete_job', 'sync_metadata.sync_jobs')),
}

# Roles are the server's, not the database's: what was given there is taken back.
UNDO = {
    'logins that are members of each other': run('REVOKE sync_service_hostb FROM sync_service'),
    'agents in sync_owner': run('REVOKE sync_owner FROM sync_agents'),
    'agents may create roles': run('ALTER ROLE sync_service NOCREATEROLE'),
    "another host's password": run('ALTER ROLE sync_service PASSWORD NULL'),
}

# name -> (check, sabotage, undo)
MUTATIONS = {name: (check, sabotage, UNDO.get(name, lambda world: None)) for name, (check, sabotage) in SABOTAGES.items()}
