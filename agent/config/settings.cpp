#include "config/settings.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "config/database_url.h"
#include "config/problems.h"
#include "config/setting_keys.h"
#include "config/setting_values.h"

namespace syncnode::config {
namespace {

bool made_of(std::string_view text, std::string_view punctuation, size_t most) {
  if (text.empty() || text.size() > most) return false;
  for (char c : text) {
    bool fits = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                punctuation.find(c) != std::string_view::npos;
    if (!fits) return false;
  }
  return true;
}

// Where sync-node@.service lets no node look (InaccessiblePaths=); "" for a path that is elsewhere.
std::string_view hidden_directory_of(const std::string& path) {
  const std::string plain = std::filesystem::path(path).lexically_normal();
  for (const std::string_view hidden :
       {"/etc/sync-node/admin/", "/etc/ssh/", "/etc/ssl/private/", "/etc/sudoers.d/", "/var/lib/private/"}) {
    if (plain.starts_with(hidden)) return hidden;
  }
  return "";
}

// One pass over the gathered values; `shown` follows in the same order.
class Reader {
 public:
  Reader(const SettingValues& values, const SettingsSources& sources, Purpose purpose, Problems& problems)
      : values_(values), sources_(sources), purpose_(purpose), problems_(problems) {}

  Settings read() {
    read_database();
    read_cluster();
    if (purpose_ == Purpose::kNode) read_role();
    read_common();
    if (purpose_ == Purpose::kNode) read_node();
    return std::move(settings_);
  }

 private:
  void show(std::string_view key, const std::string& value, const std::string& origin) {
    settings_.shown.push_back({std::string(key), value, origin});
  }

  SettingValues::Value take(std::string_view key) {
    auto value = values_.get(key);
    show(key, value.text, value.origin);
    return value;
  }

  int64_t take_number(std::string_view key, int64_t least, int64_t most, std::string_view unit) {
    int64_t number = values_.number(key, least, most, unit, problems_);
    show(key, values_.get(key).text, values_.get(key).origin);
    return number;
  }

  void read_database() {
    auto given = values_.either("DATABASE_URL", "SUPABASE_URL", problems_);
    if (!given) {
      if (purpose_ == Purpose::kAdmin) return;
      problems_.add(
          "DATABASE_URL is missing",
          "set DATABASE_URL or SUPABASE_URL to postgresql://sync_service:PASSWORD@HOST:5432/postgres");
      return;
    }
    auto url = parse_database_url(given->text);
    if (!url) {
      problems_.add(fmt::format("DATABASE_URL ({}): {}", given->origin, url.error().message),
                    url.error().hint);
      return;
    }
    if (url->user.empty()) {
      problems_.add(fmt::format("DATABASE_URL ({}) names no user", given->origin),
                    "put the login role of this host in front of the '@', e.g. sync_service:PASSWORD@");
    }
    settings_.database_url = given->text;
    show("DATABASE_URL", masked_url(*url), given->origin);
  }

  void read_cluster() {
    auto given = values_.either("CLUSTER_NAME", "HOST_NAME", problems_);
    if (!given) {
      if (purpose_ == Purpose::kNode) {
        problems_.add("CLUSTER_NAME is missing",
                      "set CLUSTER_NAME or HOST_NAME to this host's name, e.g. prod-host-1");
      }
      return;
    }
    if (!is_cluster_name(given->text)) {
      problems_.add(fmt::format("CLUSTER_NAME='{}' ({}) is not a cluster name", given->text, given->origin),
                    "use 1 to 100 letters, digits, '.', '_' and '-'");
    }
    settings_.cluster_name = given->text;
    show("CLUSTER_NAME", given->text, given->origin);
  }

  void read_common() {
    settings_.heartbeat_interval =
        std::chrono::seconds(take_number("HEARTBEAT_INTERVAL", 1, 1800, "seconds"));
    settings_.lease_duration = std::chrono::seconds(take_number("LEASE_DURATION", 2, 3600, "seconds"));
    auto heartbeat = settings_.heartbeat_interval.count();
    auto lease = settings_.lease_duration.count();
    if (heartbeat > 0 && lease > 0 && lease <= heartbeat) {
      problems_.add(fmt::format("LEASE_DURATION={} is not above HEARTBEAT_INTERVAL={}", lease, heartbeat),
                    fmt::format("a lease must outlive its renewal: set LEASE_DURATION to {}", 2 * heartbeat));
    }
    read_log_level(take("LOG_LEVEL"));
    settings_.batch_size = static_cast<int>(take_number("BATCH_SIZE", 1, 100000, "rows"));
    settings_.brake_percent = static_cast<int>(take_number("BRAKE_PERCENT", 1, 100, "percent"));
    settings_.brake_min_rows = take_number("BRAKE_MIN_ROWS", 0, int64_t{1} << 40, "rows");
    read_policy_file(take("CONFLICT_POLICY_FILE"));
    settings_.container_mounts_file = take("CONTAINER_MOUNTS_FILE").text;
    auto directory = take("STATE_DIRECTORY");
    if (directory.text.front() != '/') {
      problems_.add(
          fmt::format("STATE_DIRECTORY='{}' ({}) is not an absolute path", directory.text, directory.origin),
          "begin it with '/'");
    }
    settings_.state_directory = directory.text;
    settings_.bus_address = take("BUS_ADDRESS").text;
    settings_.client_name = values_.get("CLIENT_NAME").text;
    settings_.container_name = values_.get("CONTAINER_NAME").text;
  }

  // The file of the package is welcome, not needed; one that somebody named must be there.
  void read_policy_file(const SettingValues::Value& value) {
    settings_.conflict_policy_file = value.text;
    settings_.conflict_policy_named = value.origin != "default";
  }

  void read_log_level(const SettingValues::Value& value) {
    if (value.text == "DEBUG")
      settings_.log_level = LogLevel::kDebug;
    else if (value.text == "INFO")
      settings_.log_level = LogLevel::kInfo;
    else if (value.text == "WARNING")
      settings_.log_level = LogLevel::kWarning;
    else if (value.text == "ERROR")
      settings_.log_level = LogLevel::kError;
    else
      refuse_word("LOG_LEVEL", value, "DEBUG, INFO, WARNING or ERROR");
  }

  void read_node() {
    auto format = take("LOG_FORMAT");
    if (format.text == "json")
      settings_.log_format = LogFormat::kJson;
    else if (format.text != "text")
      refuse_word("LOG_FORMAT", format, "text or json");
    auto metrics = take("ENABLE_METRICS");
    if (metrics.text == "false")
      settings_.enable_metrics = false;
    else if (metrics.text != "true")
      refuse_word("ENABLE_METRICS", metrics, "true or false");
    read_api();
    settings_.workers = static_cast<int>(take_number("SYNC_WORKERS", 1, 16, "workers"));
    settings_.cache_ttl = std::chrono::seconds(take_number("CACHE_TTL", 0, 86400, "seconds"));
  }

  void read_api() {
    settings_.api_port = static_cast<int>(take_number("API_PORT", 0, 65535, "TCP ports"));
    // Two nodes of a host without a word about ports do not get into each other's way.
    if (values_.get("API_PORT").origin == "default" && settings_.role == "node-b") ++settings_.api_port;
    settings_.api_address = take("API_ADDRESS").text;
    settings_.api_token_file = take("API_TOKEN_FILE").text;
    settings_.api_tls_cert = take_visible_file("API_TLS_CERT");
    settings_.api_tls_key = take_visible_file("API_TLS_KEY");
    if (settings_.api_tls_cert.empty() != settings_.api_tls_key.empty()) {
      problems_.add("API_TLS_CERT and API_TLS_KEY belong together",
                    "set both, or none for plain HTTP on loopback");
    }
    std::istringstream names(take("API_HOSTS").text);
    for (std::string name; std::getline(names, name, ',');) {
      if (made_of(name, "._-", 255)) {
        settings_.api_hosts.push_back(name);
      } else {
        problems_.add(fmt::format("API_HOSTS holds '{}', which is not a host name", name),
                      "list names without ports, separated by commas: sync.example.org,10.0.0.7");
      }
    }
  }

  // A service would fail to open it however it is owned, and both nodes would be down.
  std::string take_visible_file(std::string_view key) {
    const auto value = take(key);
    if (const auto hidden = hidden_directory_of(value.text); !hidden.empty()) {
      problems_.add(fmt::format("{}='{}' ({}) is in '{}', which sync-node@.service hides from the nodes", key,
                                value.text, value.origin, hidden),
                    "put a copy into /etc/sync-node/; 0600 root will do");
    }
    return value.text;
  }

  void read_role() {
    auto role = values_.get("ROLE");
    if (!role.text.empty() && role.text != "node-a" && role.text != "node-b") {
      refuse_word("ROLE", role, "node-a or node-b");
    } else if (!sources_.node.empty()) {
      std::string asked = "node-" + sources_.node;
      if (!role.text.empty() && role.text != asked) {
        problems_.add(
            fmt::format("ROLE={} ({}) contradicts --node {}", role.text, role.origin, sources_.node),
            "remove one of them, or give them the same letter");
      }
      role = {asked, "--node"};
    } else if (role.text.empty()) {
      problems_.add("ROLE is missing", "set ROLE to node-a or node-b, or start with --node a or --node b");
    }
    settings_.role = role.text;
    show("ROLE", role.text, role.origin);
  }

  void refuse_word(std::string_view key, const SettingValues::Value& value, std::string_view allowed) {
    problems_.add(fmt::format("{}='{}' ({}) is not a value it can have", key, value.text, value.origin),
                  fmt::format("use {}", allowed));
  }

  const SettingValues& values_;
  const SettingsSources& sources_;
  const Purpose purpose_;
  Problems& problems_;
  Settings settings_;
};

}  // namespace

std::map<std::string, std::string> environment_of_process() {
  std::map<std::string, std::string> found;
  for (const auto& key : kSettingKeys) {
    if (const char* value = std::getenv(key.name)) found.emplace(key.name, value);
  }
  return found;
}

Result<Settings> load_settings(const SettingsSources& sources, Purpose purpose) {
  Problems problems;
  auto values = SettingValues::gather(sources, problems);
  Settings settings = Reader(values, sources, purpose, problems).read();
  if (!problems.empty()) return problems.to_error();
  return settings;
}

bool is_client_name(std::string_view name) {
  return made_of(name, "_-", 56);
}

bool is_cluster_name(std::string_view name) {
  return made_of(name, "._-", 100);
}

}  // namespace syncnode::config
