"""
SQLite + Supabase Sync System - Include Rules

Reads the code map of docs/DESIGN.md and fails when a folder of agent/ includes what its row does not allow, when a guarded
foreign header is included elsewhere, or when the map and the tree disagree.
"""

import re
import sys
from pathlib import Path
from typing import Dict, List, Set, Tuple

ROOT = Path(__file__).resolve().parents[2]


def cells(line: str) -> List[str]:
    return [cell.strip() for cell in line.strip().strip('|').split('|')]


def code_map(text: str) -> Tuple[Dict[str, Set[str]], Dict[str, str]]:
    """(folder → folders it may include, guarded header → the folder that owns it)."""
    lines = text[text.index('## Code map'):].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith('| folder'))
    allowed: Dict[str, Set[str]] = {}
    owners: Dict[str, str] = {}
    for line in lines[first + 2:]:
        if not line.startswith('|'):
            break
        folder, _, may, only = cells(line)
        names = set(re.findall(r'[a-z]+', may)) - {'all', 'above', 'but', 'and'}
        if 'all above' in may:
            names = set(allowed) - names
        allowed[folder] = (names - {'–'}) | {folder, 'sql'} if 'all above' in may else names | {folder}
        for header in re.findall(r'`([^`]+)`', only):
            owners[header] = folder
    return allowed, owners


def check(root: Path) -> List[str]:
    allowed, owners = code_map((root / 'docs/DESIGN.md').read_text())
    problems = [f'agent/{path.name}: not in the code map of docs/DESIGN.md' for path in (root / 'agent').iterdir()
                if path.is_dir() and path.name not in allowed and any(path.iterdir())]
    for path in sorted((root / 'agent').rglob('*')):
        if path.suffix not in ('.h', '.cpp'):
            continue
        folder = path.relative_to(root / 'agent').parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not found:
                continue
            kind, header = found.groups()
            where = f'{path.relative_to(root)}:{number}: '
            target = header.split('/')[0]
            if kind == '"' and '/' in header and target not in allowed.get(folder, set()):
                problems.append(f"{where}'{folder}' may not include '{target}' (docs/DESIGN.md, code map)")
            for guarded, owner in owners.items():
                if header.startswith(guarded) and folder != owner:
                    problems.append(f"{where}only '{owner}' may include <{guarded}>")
    return problems


def main() -> int:
    allowed, owners = code_map((ROOT / 'docs/DESIGN.md').read_text())
    if len(allowed) < 10 or 'libpq-fe.h' not in owners or 'postgres' in allowed['sqlite']:
        print('the code map of docs/DESIGN.md could not be read')
        return 1
    problems = check(ROOT)
    print('\n'.join(problems) or f'{len(allowed)} folders keep their rules')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
