// Every key the programs understand, in the environment or an env file, with its default.
// docs/TECHNICAL_REFERENCE.md lists the same; tests/architecture/docs_match_test.py compares the two.
#pragma once

namespace syncnode::config {

struct SettingKey {
  const char* name;
  const char* fallback;  // "" where there is none
};

inline constexpr SettingKey kSettingKeys[] = {
    {"DATABASE_URL", ""},
    {"SUPABASE_URL", ""},  // the same thing by its name in /etc/sync-node/.env
    {"CLUSTER_NAME", ""},
    {"HOST_NAME", ""},  // likewise
    {"ROLE", ""},
    {"API_PORT", "9443"},
    {"API_ADDRESS", "127.0.0.1"},
    {"API_HOSTS", ""},
    {"API_TOKEN_FILE", "/etc/sync-node/api-token"},
    {"API_TLS_CERT", ""},
    {"API_TLS_KEY", ""},
    {"BUS_ADDRESS", "system"},
    {"SYNC_WORKERS", "2"},
    {"CACHE_TTL", "300"},
    {"HEARTBEAT_INTERVAL", "30"},
    {"LEASE_DURATION", "60"},
    {"LOG_LEVEL", "INFO"},
    {"LOG_FORMAT", "text"},
    {"BATCH_SIZE", "1000"},
    {"ENABLE_METRICS", "true"},
    {"CLIENT_NAME", ""},
    {"CONTAINER_NAME", ""},
    {"STATE_DIRECTORY", "/var/lib/sync-node"},
    {"BRAKE_PERCENT", "50"},
    {"BRAKE_MIN_ROWS", "100"},
    {"CONFLICT_POLICY_FILE", "/etc/sync-node/conflict-resolution.json"},
    {"CONTAINER_MOUNTS_FILE", "/run/sync-node-inspect/mounts.json"},
};

}  // namespace syncnode::config
