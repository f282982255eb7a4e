#!/bin/bash
# SQLite + Supabase Sync System - State Authority Test
# Starts its own PostgreSQL and D-Bus; nothing of the host is touched. SYNC_NODE_BIN names the folder of the programs.
#
# Writes and reads state over HTTP on two real nodes and checks that the database is the authority and both caches tell the
# truth about it. Exit 0 passed, 1 failed, 2 could not be set up.

set -euo pipefail
# shellcheck source=tests/support/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/script.sh"

need_programs sync-node sync-nodectl
need_commands python3 psql dbus-daemon
need_server

info "Checked: 'cached' says what is true; versions count writes; If-Match loses against a newer write; a follower forwards;"
info "         every change, an administrator's SQL too, is seen by both nodes within a second; a failover loses nothing"
run_test ha/state_test.py
success "the database is the authority"
