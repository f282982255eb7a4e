#!/bin/bash
# SQLite + Supabase Sync System - One sync of one client
#
# The name that existing scripts call; sync-client-to-supabase does the work.

set -euo pipefail
exec /usr/bin/sync-client-to-supabase "$@"
