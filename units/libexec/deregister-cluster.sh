#!/bin/bash
# SQLite + Supabase Sync System - Deregistration of this host
#
# The name that existing scripts call; sync-nodectl deregister does the work.

set -euo pipefail
exec /usr/bin/sync-nodectl deregister "$@"
