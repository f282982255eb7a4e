#include "daemon/settings_reload.h"

namespace syncnode::daemon {

std::vector<std::string> needs_restart(const config::Settings& now, const config::Settings& wanted) {
  std::vector<std::string> keys;
  const auto check = [&keys](bool same, const char* key) {
    if (!same) keys.emplace_back(key);
  };
  check(now.database_url == wanted.database_url, "DATABASE_URL");
  check(now.cluster_name == wanted.cluster_name, "CLUSTER_NAME");
  check(now.role == wanted.role, "ROLE");
  check(now.state_directory == wanted.state_directory, "STATE_DIRECTORY");
  check(now.api_port == wanted.api_port, "API_PORT");
  check(now.api_address == wanted.api_address, "API_ADDRESS");
  check(now.api_hosts == wanted.api_hosts, "API_HOSTS");
  check(now.api_tls_cert == wanted.api_tls_cert, "API_TLS_CERT");
  check(now.api_tls_key == wanted.api_tls_key, "API_TLS_KEY");
  check(now.bus_address == wanted.bus_address, "BUS_ADDRESS");
  check(now.workers == wanted.workers, "SYNC_WORKERS");
  check(now.cache_ttl == wanted.cache_ttl, "CACHE_TTL");
  check(now.log_format == wanted.log_format, "LOG_FORMAT");
  check(now.enable_metrics == wanted.enable_metrics, "ENABLE_METRICS");
  return keys;
}

}  // namespace syncnode::daemon
