#!/bin/bash
# SQLite + Supabase Sync System - Conflict Resolution Test
# Starts its own PostgreSQL; nothing of the host is touched. SYNC_NODE_BIN names the folder of the programs.
#
# Rows are changed in a copy and in the application's file at once, in every way there is, and judged under every strategy.
# Exit 0 passed, 1 failed, 2 could not be set up.

set -euo pipefail
# shellcheck source=tests/support/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/script.sh"

need_programs sync-client-to-supabase sync-nodectl
need_commands python3 psql
need_server

info "Checked: an edit stays until its row changes; each strategy does what it says, both ways, and later syncs do not fight over it;"
info "         messages of two people in one chat are all there, once; a person's decision is carried out, once, or refused when the row moved"
run_test conflict/edits_test.py
success "no edit was lost, and none went unrecorded"
