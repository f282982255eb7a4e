"""
SQLite + Supabase Sync System - Wire Proxy Test

A proxy that misses a COMMIT would make every crash test worthless: counted, held back, cut before and after.
"""

import subprocess
import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.private_postgres import PostgresError, PrivatePostgres, run_psql  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402


def require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def killed(proxy: WireProxy, server: PrivatePostgres, side: str, number: int) -> int:
    """Kills psql around its COMMIT; how many rows of that number the server has afterwards."""
    process = subprocess.Popen(['psql', '-X', '-q', '-d', proxy.url], stdin=subprocess.PIPE, text=True)

    def kill(_: int, __: bytes) -> bool:
        process.kill()
        process.wait()
        return True

    setattr(proxy, f'{side}_commit', kill)
    process.communicate(f'BEGIN;\nINSERT INTO seen VALUES ({number});\nCOMMIT;\n')
    setattr(proxy, f'{side}_commit', None)
    require(process.returncode == -9, f'psql was not killed: {process.returncode}')
    return int(server.psql(f'SELECT count(*) FROM seen WHERE n = {number}'))


def main() -> int:
    with PrivatePostgres() as server, WireProxy(server.admin_url()) as proxy:
        server.psql('CREATE TABLE seen (n int)')
        statements: List[bytes] = []

        def note(_: int, sql: bytes) -> Optional[bool]:
            statements.append(sql)
            return False

        proxy.before_statement = note
        run_psql(proxy.url, 'INSERT INTO seen VALUES (1);')
        require(proxy.commits == 1 and any(b'INSERT' in sql for sql in statements), f'{proxy.commits} commits, {statements}')
        require(proxy.sent > 50 and proxy.received > 50, 'bytes are not counted')
        proxy.before_statement = None
        require(killed(proxy, server, 'before', 2) == 0, 'killed before COMMIT, yet committed')
        require(killed(proxy, server, 'after', 3) == 1, 'killed after COMMIT, yet not committed')
        proxy.reset()
        require(proxy.moved() == 0, 'reset() keeps counts')
        run_psql(proxy.url, "SELECT repeat('x', 300000)")
        require(proxy.received > 300000, 'a large answer is not counted')
        try:
            run_psql(proxy.url, 'SELECT 1/0')
            require(False, 'an error did not come through')
        except PostgresError as error:
            require('division by zero' in str(error), str(error))
    print('counted, and cut exactly before and after COMMIT')
    return 0


if __name__ == '__main__':
    sys.exit(main())
