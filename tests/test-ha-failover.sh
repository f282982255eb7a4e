#!/bin/bash
# SQLite + Supabase Sync System - Failover Test
# Starts its own PostgreSQL and D-Bus; nothing of the host is touched. SYNC_NODE_BIN names the folder of the programs.
#
# Kills and stops the leader of two real nodes, ten times each (or as often as the first argument says), and checks that the
# other one takes over and that no write under an old epoch was committed. Exit 0 passed, 1 failed, 2 could not be set up.

set -euo pipefail
# shellcheck source=tests/support/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/script.sh"

readonly times=${1:-10}
[[ $times =~ ^[1-9][0-9]*$ ]] || cannot "'$times' is not how often the leader is to be ended"
need_programs sync-node sync-nodectl sync-client-to-supabase
need_commands python3 psql dbus-daemon
need_server

info "The leader is killed $times times and stopped $times times, while six clients are written to"
info "Checked: the other node takes the lease and writes; every epoch has one holder; no write under an epoch that is over;"
info "         both nodes end with code 0; every copy equals its database afterwards"
SYNC_NODE_TIMES=$times run_test ha/failover_test.py
success "failover works"
