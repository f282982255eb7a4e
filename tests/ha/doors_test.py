"""
SQLite + Supabase Sync System - The Doors Of Real Nodes

Two nodes with a private bus and a private PostgreSQL: HTTP, D-Bus and metrics, each with what it does and what it refuses
(http_checks.py, bus_checks.py, metrics_checks.py; the state has its own test).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha import bus_checks, http_checks, metrics_checks  # noqa: E402
from ha.couple import couple, small_client  # noqa: E402
from support.nodes import PrivateBus  # noqa: E402
from support.product import Product  # noqa: E402

DRIPPING = 200


def main() -> int:
    with Product() as product, PrivateBus() as bus:
        paths = {name: small_client(product, name) for name in ['one', 'two']}
        with couple(product, bus, SYNC_WORKERS='1') as nodes:
            # They take their ten seconds while everything else goes on beside them.
            drips = http_checks.Dripping(nodes.leader(), DRIPPING)
            assert drips.connected.wait(30)
            http_checks.check_open(nodes)
            http_checks.check_strangers(nodes)
            http_checks.check_nonsense(nodes)
            http_checks.check_large(nodes)
            http_checks.check_work(nodes)
            http_checks.check_verify(nodes)
            metrics_checks.check_names(nodes)
            metrics_checks.check_counters(nodes, paths['one'])
            bus_checks.check_object(nodes)
            bus_checks.check_refusals(nodes)
            bus_checks.check_work(nodes)
            bus_checks.check_cancel(nodes, paths)
            http_checks.check_slow(drips)
            http_checks.check_many(nodes)
            bus_checks.check_failover(nodes)
            http_checks.check_step_down(nodes)
            metrics_checks.check_client(nodes, 'one', paths['one'])
    return 0


if __name__ == '__main__':
    sys.exit(main())
