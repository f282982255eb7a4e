#!/bin/bash
# SQLite + Supabase Sync System - Security Test
# Starts its own PostgreSQL and D-Bus; nothing of the host is touched. SYNC_NODE_BIN names the folder of the programs.
#
# What a stolen credential of a host can do in the database, where secrets may be found, what strangers may ask of a node, and
# what sudo lets an administrator of Docker's IPv6 do. Exit 0 passed, 1 failed, 2 could not be set up.

set -euo pipefail
# shellcheck source=tests/support/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/script.sh"

need_programs sync-node sync-nodectl docker-ipv6
need_commands python3 psql dbus-daemon busctl strace sudo visudo unshare
need_server
[[ $EUID -eq 0 ]] || cannot "sudo and file modes can only be tried as root"

info "Checked: a host's role is refused, by name of the privilege, whatever it must not do, also when it lies about who it is;"
info "         rows, schemas and views of another host stay closed"
run_test sql/sql_test.py the_thirteen forged_settings_change_nothing nobody_becomes_another shadows_fool_no_function foreign_rows_are_untouchable \
  foreign_schemas_are_closed views_leak_nothing names_cannot_be_squatted nothing_can_be_destroyed catalog history_cannot_be_written
info "Checked: no secret in argument lists, environments, logs, the server's log, messages on the bus, answers over HTTP, files that"
info "         others may read; without the token a node answers what is open and nothing else"
run_test security/secrets_test.py
info "Checked: sudo grants the listed forms and no other; the caller's environment counts for nothing"
run_test docker_ipv6/sudo_test.py
success "what must not be possible is not"
