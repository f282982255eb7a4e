"""
SQLite + Supabase Sync System - A Policy File With Twelve Mistakes

All of them are named at once, each by its path, by check-config, by a start and by a running node that is asked to read it again. The
node keeps the policy it has, and resolves the next conflict by it.
"""

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.nodes import Node, until  # noqa: E402
from support.product import BINARIES, Product  # noqa: E402

GOOD = {'conflict_resolution': {'default_strategy': 'target_wins', 'table_strategies': {'other': {'strategy': 'manual'}}}}
OTHER = {'conflict_resolution': {'default_strategy': 'source_wins'}}
MISTAKEN = {
    'conflict_resolution': {
        'default_strategy': 'newest',
        'default_compare_field': 7,
        'retention': 5,
        'table_strategies': {
            'user': {'strategy': 'newest_win'},
            'auth': {'compare_field': 'updated_at'},
            'tag': {'strategy': 'source_wins', 'merge_rules': {'name': 'union'}},
            'chat': {'strategy': 'merge', 'merge_rules': {'title': 'latest', 'meta': 'union', 'meta.tags': 'append'}},
            'message': {'strategy': 'merge'},
        },
        'resolution_log': {'retention_days': -1},
        'notification': {'channels': ['log', 'email']},
        'advanced_options': {'auto_merge_max_age_hours': 1.5},
    }
}
PLACES = ['default_strategy', 'default_compare_field', 'retention', 'table_strategies.user.strategy', 'table_strategies.auth',
          'table_strategies.tag.merge_rules', 'table_strategies.chat.merge_rules.title', 'table_strategies.chat.merge_rules.meta.tags',
          'table_strategies.message', 'resolution_log.retention_days', 'notification.channels', 'advanced_options.auto_merge_max_age_hours']


def names_all(text: str, what: str) -> None:
    assert len(PLACES) == 12 and f'has {len(PLACES)} problems' in text, f'{what}: {text}'
    for place in PLACES:
        assert text.count(f'conflict_resolution.{place}: ') == 1, f'{what}: {place} is not named once\n{text}'


def check_config_names_all(product: Product, file: Path, environment: Dict[str, str]) -> None:
    file.write_text(json.dumps(MISTAKEN))
    for arguments in ([], ['--json']):
        refused = product.run('sync-nodectl', 'check-config', '--node', 'a', *arguments, env=environment)
        assert refused.code == 78, f'exit {refused.code}\n{refused.output}'
        names_all(json.loads(refused.output)['error'] if arguments else refused.output, f'check-config {arguments}')
    started = subprocess.run([str(BINARIES / 'sync-node'), '--node', 'a'], env=environment, capture_output=True, text=True, timeout=60)
    assert started.returncode == 78, started
    names_all(started.stderr, 'the start')
    file.write_text(json.dumps(GOOD))
    accepted = product.run('sync-nodectl', 'check-config', '--node', 'a', '--json', env=environment)
    assert accepted.code == 0, accepted.output
    assert json.loads(accepted.output)['conflict_policy']['conflict_resolution']['default_strategy'] == 'target_wins', accepted.output


def conflict(product: Product, node: Node, path: str, step: int) -> str:
    """Both sides change the row; what it is after the sync."""
    with sqlite3.connect(path) as source:
        source.execute(f"UPDATE item SET name = 'source {step}'")
    source.close()
    product.server.superuser_psql(f"UPDATE client_one.item SET name = 'target {step}'")
    job = node.http('POST', '/api/v1/sync/trigger', {'client_name': 'one'}).body['job_id']
    until('the job', 60, lambda: node.http('GET', f'/api/v1/sync/jobs/{job}').body['status'] not in ('pending', 'running'), 0.05)
    return product.server.superuser_psql('SELECT name FROM client_one.item')


def a_running_node_keeps_its_policy(product: Product, file: Path) -> None:
    path = str(product.directory / 'one.db')
    with sqlite3.connect(path) as source:
        source.execute('CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT)')
        source.execute("INSERT INTO item VALUES(1, 'base')")
    source.close()
    product.register('one', path)
    assert product.sync('one', path).code == 0
    with Node(product, 'a', None, CONFLICT_POLICY_FILE=str(file)) as node:
        node.start()
        until('it to lead', 30, lambda: node.health()['is_leader'])
        found: List[str] = [conflict(product, node, path, 1)]
        for step, (policy, said) in enumerate([(MISTAKEN, 'the new settings are refused, the old ones stay'), (OTHER, 'the settings were read again')], 2):
            file.write_text(json.dumps(policy))
            before = len(node.text())
            node.signal(signal.SIGHUP)
            until(f'{said!r} in the log', 30, lambda: said in node.text()[before:])
            if policy is MISTAKEN:
                until('every mistake in the log', 30, lambda: 'advanced_options.auto_merge_max_age_hours' in node.text()[before:])
                names_all(node.text()[before:], 'the log')
            found.append(conflict(product, node, path, step))
        assert found == ['target 1', 'target 2', 'source 3'], found  # refused; then read, which shows that a reload changes the policy
        strategies = product.server.superuser_psql('SELECT resolution_strategy FROM sync_metadata.conflict_log ORDER BY detected_at')
        assert strategies.split('\n') == ['target_wins', 'target_wins', 'source_wins'], strategies
        assert node.stop() == 0


def main() -> int:
    with Product() as product:
        file = product.directory / 'conflict-resolution.json'
        check_config_names_all(product, file, {**product.environment(), 'CONFLICT_POLICY_FILE': str(file), 'API_PORT': '0'})
        a_running_node_keeps_its_policy(product, file)
    print(f'{len(PLACES)} mistakes: each named once by check-config, by a start and in the log of a node that keeps its policy')
    return 0


if __name__ == '__main__':
    sys.exit(main())
