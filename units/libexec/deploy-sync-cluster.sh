#!/bin/bash
# SQLite + Supabase Sync System - Deployment of this host
#
# The name that existing scripts call; sync-nodectl deploy does the work.

set -euo pipefail
exec /usr/bin/sync-nodectl deploy "$@"
