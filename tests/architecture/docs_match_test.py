"""
SQLite + Supabase Sync System - Documents Match The Code

Reads docs/TECHNICAL_REFERENCE.md, the manual pages and the template of the settings against the code: settings and their
defaults, exit codes, commands, routes, the bus, tables, views, roles and metrics. Fails on anything that one side has and the other has not.
"""

import json
import re
import sys
from pathlib import Path
from typing import Dict, List, Set
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]


def read(path: str) -> str:
    return (ROOT / path).read_text()


def section(text: str, title: str) -> str:
    found = re.search(rf'^## {re.escape(title)}\n(.*?)(?=^## |\Z)', text, re.M | re.S)
    if not found:
        raise SystemExit(f'docs/TECHNICAL_REFERENCE.md has no section {title!r}')
    return found.group(1)


def differences(what: str, documented: Set[str], coded: Set[str]) -> List[str]:
    return ([f'{what}: documented, but not in the code: {name}' for name in sorted(documented - coded)] +
            [f'{what}: in the code, but not documented: {name}' for name in sorted(coded - documented)])


def commands_in_code() -> Set[str]:
    """Every verb of sync-nodectl, as 'client list'."""
    groups: Dict[str, Set[str]] = {}
    for path in sorted((ROOT / 'agent/cli').glob('command_*.cpp')):
        text = path.read_text()
        for variable, verb in re.findall(r'(\w+)(?:\.|->)add_subcommand\("([\w-]+)"', text):
            groups.setdefault({'root': '', 'group': '?'}.get(variable, variable), set()).add(verb)
        groups.setdefault('client', set()).update(re.findall(r'Schedule::k\w+, "([\w-]+)"', text))
        groups.setdefault('held', set()).update(re.findall(r'Decision k\w+\{"([\w-]+)"', text))
        groups.setdefault('', set()).update(re.findall(r'add_run\(root, "([\w-]+)"', text))
    found = {f'schema {verb}' for verb in groups.pop('?')}
    for group, verbs in groups.items():
        found |= {f'{group} {verb}'.strip().replace('_', '-') for verb in verbs}
    return found - {'client', 'conflicts', 'docker-ipv6', 'held', 'schema'}


def check_commands(reference: str) -> List[str]:
    coded = commands_in_code()
    documented = set(re.findall(r'^\| `sync-nodectl ([a-z0-9-]+(?: [a-z-]+)?)', section(reference, 'Commands'), re.M))
    manual = set(re.findall(r'^\.B sync-nodectl ([a-z0-9-]+(?: [a-z-]+)?)$', read('docs/man/sync-nodectl.1'), re.M))
    return differences('command', documented, coded) + differences('command in the manual page', manual, coded)


def check_settings(reference: str) -> List[str]:
    coded = dict(re.findall(r'\{"([A-Z_]+)", "([^"]*)"\}', read('agent/config/setting_keys.h')))
    rows = re.findall(r'^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|', section(reference, 'Settings'), re.M)
    problems = differences('setting', {key for key, _ in rows}, set(coded))
    problems += [f'setting {key}: documented default {default!r}, in the code {coded[key]!r}'
                 for key, default in rows if key in coded and coded[key] != default]
    template = dict(re.findall(r'^([A-Z_]+)=(.*)$', read('etc/sync-config-template.env'), re.M))
    problems += [f'etc/sync-config-template.env: {key} is not a setting' for key in template if key not in coded]
    problems += [f'etc/sync-config-template.env: {key}={value}, the default is {coded[key]}'
                 for key, value in template.items() if coded.get(key) and coded[key] != value]
    manual = re.findall(r'^\.BR? ([A-Z_]+)(?: " \((.*)\)")?$', section_of_manual(read('docs/man/sync-node.env.5'), 'SETTINGS'), re.M)
    problems += differences('setting in sync-node.env(5)', {key for key, _ in manual}, set(coded))
    problems += [f'sync-node.env(5): {key} has default {default!r}, in the code {coded[key]!r}'
                 for key, default in manual if coded.get(key, default) != default]
    return problems


def bus_members() -> Set[str]:
    """Of the introspection XML, as the manual page writes them, each behind its interface."""
    found: Set[str] = set()
    for interface in ElementTree.fromstring(read('units/dbus/org.openwebui.SyncNode1.xml')).iter('interface'):
        for member in interface:
            def arguments(direction: str) -> str:
                return ', '.join(f'{arg.get("type")} {arg.get("name")}' for arg in member.iter('arg') if arg.get('direction', 'in') == direction)

            name, answer = member.get('name'), arguments('out')
            line = f'{member.tag} {name}({arguments("in")})' + (f' -> {answer}' if answer else '')
            if member.tag == 'property':
                told = next((note.get('value') for note in member.iter('annotation')), 'true')
                line = f'property {member.get("type")} {name}' + {'const': ' (const)', 'false': ' (not signalled)'}.get(str(told), '')
            found.add(f'{interface.get("name")}: {line}')
    return found


def check_bus_manual() -> List[str]:
    """Every interface, method, property, signal and error of the bus, with its signature."""
    manual = read('docs/man/org.openwebui.SyncNode1.5')
    parts = re.findall(r'^\.SS (\S+)\n(.*?)(?=^\.S[SH] )', manual, re.M | re.S)
    members = {f'{interface}: {line}' for interface, text in parts for line in re.findall(r'^\.B "(.*)"$', text, re.M)}
    errors = set(re.findall(r'^\.B (\w+)$', section_of_manual(manual, 'ERRORS'), re.M))
    coded = set(re.findall(r'SyncNode1\.Error\.(\w+)', read('agent/bus/error_names.cpp') + read('agent/bus/error_names.h') + read('agent/bus/names.h')))
    return differences('on the bus', members, bus_members()) + differences('error of the bus', errors, coded)


def check_exit_codes(reference: str) -> List[str]:
    coded = set(re.findall(r'^\s+k\w+ = (\d+)', read('agent/cli/exit_code.h'), re.M))
    documented = set(re.findall(r'^\| (\d+) \|', section(reference, 'Exit codes'), re.M))
    manual = section_of_manual(read('docs/man/sync-nodectl.1'), 'EXIT STATUS')
    return (differences('exit code', documented, coded) +
            differences('exit code in the manual page', set(re.findall(r'^\.B (\d+)$', manual, re.M)), coded))


def section_of_manual(text: str, title: str) -> str:
    return text[text.index(f'.SH {title}'):].split('\n.SH ', 2)[0]


def check_database(reference: str) -> List[str]:
    sql = ''.join(path.read_text() for path in sorted((ROOT / 'sql').glob('[0-9]*.sql')))
    text = section(reference, 'Database')

    def names(label: str) -> Set[str]:
        return set(re.findall(r'`(\w+)`', re.search(rf'^{label}:(.*?)\n\n', text, re.M | re.S).group(1)))

    own = re.search(r'Our own tables in it:(.*?)\n\n', text, re.S).group(1)
    return (differences('table', names('Tables'), set(re.findall(r'CREATE TABLE sync_metadata\.(\w+)', sql))) +
            differences('view', names('Views'), set(re.findall(r'CREATE VIEW sync_metadata\.(\w+)', sql))) +
            differences('table of a client', set(re.findall(r'`(_sync_\w+)`', own)),
                        set(re.findall(r'CREATE TABLE %1\$I\.(_sync_\w+)', sql))) +
            differences('role', names('Roles') - {'sync_metadata'}, set(re.findall(r'CREATE ROLE (\w+)', sql))))


def check_metrics(reference: str) -> List[str]:
    """Name, kind, whether it may be absent, and the label with its words."""
    text = read('agent/metrics/metrics.cpp')
    coded: Set[str] = set()
    for lead, kind, name, rest in re.findall(r'(\w+(?:&? |\{)[^;"]*?)\b(counters?|gauge|histogram)\(\s*all,\s*"(sync_\w+)"(.*?);\n', text, re.S):
        holder = re.findall(r'OptionalGauge|ClientGauges|WordCounters', lead)
        label, words = '', ''
        if 'WordCounters' in holder:
            label, words = re.search(r'"(\w+)",\s*\{([^}]*)\}', rest).groups()
        if 'ClientGauges' in holder:
            label = 'client'
        if name == 'sync_build_info':
            label = 'version'
        absent = ', may be absent' if set(holder) & {'OptionalGauge', 'ClientGauges'} else ''
        coded.add(' '.join([name, kind.rstrip('s') + absent, label, *re.findall(r'\w+', words)]).strip())
    documented = {' '.join([name, kind, *re.findall(r'\w+', labels)]).strip() for name, kind, labels in
                  re.findall(r'^\| `(sync_\w+)` \| ([a-z, ]+) \| ([^|]*)\|', section(reference, 'Metrics'), re.M)}
    named = set(re.findall(r'"(sync_\w+)"', text))
    return (differences('metric', documented, coded) +
            differences('metric by its name', {entry.split()[0] for entry in documented}, named))


def check_routes(reference: str) -> List[str]:
    def plain(method: str, path: str) -> str:
        return f'{method} ' + re.sub(r'\{[^}]*\}', '{}', path)

    coded = {plain(*route) for route in re.findall(r'\{"([A-Z]+)",\s+"([^"]+)",', read('agent/http/routes.cpp'))}
    rows = re.findall(r'^\| `([A-Z]+) (/[^`]*)` \|', section(reference, 'HTTP'), re.M)
    words = set(re.findall(r'Row\{ErrorCode::k\w+, \d+, "(\w+)"\}', read('agent/http/errors.cpp')))
    for path in ('routes', 'session', 'request_reader'):
        words |= set(re.findall(r'refus(?:al|e)\((?:code, )?\d+, "(\w+)"', read(f'agent/http/{path}.cpp')))
    answers = section(reference, 'HTTP').split('Every refusal', 1)[1]
    return (differences('route', {plain(*row) for row in rows}, coded) +
            [f'error word {word}: in the code, but not documented' for word in sorted(words) if f'`{word}`' not in answers])


def check_conflict_defaults() -> List[str]:
    rules = json.loads(read('etc/conflict-resolution-default.json'))['conflict_resolution']
    known = {'newest_wins', 'source_wins', 'target_wins', 'merge', 'manual'}
    used = {rules['default_strategy']} | {table['strategy'] for table in rules['table_strategies'].values()}
    return [f'etc/conflict-resolution-default.json: {name} is not a strategy' for name in sorted(used - known)]


def main() -> int:
    reference = read('docs/TECHNICAL_REFERENCE.md')
    if len(commands_in_code()) < 10:
        print('the commands could not be read from agent/cli')
        return 1
    problems = (check_commands(reference) + check_settings(reference) + check_exit_codes(reference) +
                check_database(reference) + check_metrics(reference) + check_routes(reference) + check_bus_manual() +
                check_conflict_defaults())
    print('\n'.join(problems) or 'the documents match the code')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
