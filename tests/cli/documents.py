"""
SQLite + Supabase Sync System - JSON Documents

Judges a document of `sync-nodectl --json` by docs/sync-nodectl.schema.json: the keywords used there and no others.
"""

import json
import re
from pathlib import Path
from typing import Any, Dict, List

SCHEMA: Dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / 'docs/sync-nodectl.schema.json').read_text())
KEYWORDS = {'type', 'required', 'additionalProperties', 'properties', 'items', 'enum', 'const', 'pattern', '$ref'}


def has_type(value: Any, name: str) -> bool:
    if name in ('integer', 'number') and isinstance(value, bool):
        return False
    kinds = {'object': dict, 'array': list, 'string': str, 'integer': int, 'boolean': bool, 'null': type(None)}
    return isinstance(value, (int, float)) if name == 'number' else isinstance(value, kinds[name])


def problems(value: Any, schema: Dict[str, Any], where: str = '$') -> List[str]:
    unknown = set(schema) - KEYWORDS
    if unknown:
        raise ValueError(f'{where}: this judge does not know {unknown}')
    if '$ref' in schema:
        return problems(value, SCHEMA['$defs'][schema['$ref'].split('/')[-1]], where)
    types = schema.get('type', [])
    types = [types] if isinstance(types, str) else types
    if types and not any(has_type(value, name) for name in types):
        return [f'{where}: {value!r} is not {types}']
    found = []
    if 'const' in schema and value != schema['const']:
        found.append(f'{where}: {value!r} is not {schema["const"]!r}')
    if 'enum' in schema and value not in schema['enum']:
        found.append(f'{where}: {value!r} is not one of {schema["enum"]}')
    if 'pattern' in schema and isinstance(value, str) and not re.search(schema['pattern'], value):
        found.append(f'{where}: {value!r} does not match {schema["pattern"]}')
    if isinstance(value, dict):
        found += [f'{where}: {name} is missing' for name in schema.get('required', []) if name not in value]
        for name, member in value.items():
            if name in schema.get('properties', {}):
                found += problems(member, schema['properties'][name], f'{where}.{name}')
            elif schema.get('additionalProperties') is False:
                found.append(f'{where}: {name} is not in the schema')
    if isinstance(value, list) and 'items' in schema:
        for number, member in enumerate(value):
            found += problems(member, schema['items'], f'{where}[{number}]')
    return found


def judge(text: str, command: str) -> List[str]:
    """What is wrong with the output of a command; nothing when it fits."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        return [f'{command}: not one JSON document: {error}']
    return [f'{command}: {problem}' for problem in problems(document, SCHEMA['$defs'][command])]
