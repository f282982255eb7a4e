#!/bin/bash
# SQLite + Supabase Sync System - What Test Scripts Share
# To be sourced. Exit codes of test scripts: 0 passed, 1 failed, 2 could not be set up.
#
# Messages, what must be there before a test can begin, and running one of the Python tests.

set -euo pipefail

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly tests
export SYNC_NODE_BIN=${SYNC_NODE_BIN:-$tests/../build/bin}

if [[ -t 1 ]]; then bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'; else bold='' green='' red='' plain=''; fi
info() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
success() { printf '%s ✓ %s%s\n' "$green" "$*" "$plain"; }
warn() { printf '%swarning:%s %s\n' "$red" "$plain" "$*" >&2; }
error() { printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2; exit 1; }
cannot() { warn "$*"; exit 2; }

need_programs() {
  local program
  for program in "$@"; do
    [[ -x $SYNC_NODE_BIN/$program ]] || cannot "there is no '$program' in $SYNC_NODE_BIN; hint: ./dev build, or set SYNC_NODE_BIN"
  done
}

need_commands() {
  local command
  for command in "$@"; do
    command -v "$command" >/dev/null || cannot "'$command' is missing; hint: ./dev test installs what tests need"
  done
}

# A server of one's own can be started: its programs are there, and root may become postgres.
need_server() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
    cannot "there is no PostgreSQL server here; hint: apt-get install postgresql"
  [[ $EUID -ne 0 ]] || id postgres >/dev/null 2>&1 || cannot "there is no user 'postgres', and a server does not run as root"
}

# run_test SCRIPT [ARGUMENT…]: below tests/; ends this script when it fails
run_test() {
  python3 -B "$tests/$1" "${@:2}" || error "$1 failed"
}
