#include <fmt/format.h>

#include <algorithm>

#include "config/env_file.h"
#include "deploy/host_files.h"

namespace syncnode::deploy {
namespace {

// A file as deploy writes it first; every further run only touches the two lines that are its own.
constexpr char kNewEnvironment[] =
    "# Settings of both sync-node instances of this host; sync-nodectl deploy made this file.\n"
    "# Check with: sync-nodectl check-config --env-file /etc/sync-node/.env --node a\n"
    "SUPABASE_URL=\n"
    "HOST_NAME=\n"
    "CACHE_TTL=300\n"
    "HEARTBEAT_INTERVAL=30\n"
    "LEASE_DURATION=60\n"
    "LOG_LEVEL=INFO\n"
    "LOG_FORMAT=json\n"
    "BATCH_SIZE=1000\n"
    "ENABLE_METRICS=true\n";

bool sets(std::string_view line, std::string_view key) {
  const auto start = line.find_first_not_of(" \t");
  if (start == std::string_view::npos) return false;
  line.remove_prefix(start);
  constexpr std::string_view kExport = "export ";
  if (line.starts_with(kExport)) line.remove_prefix(kExport.size());
  return line.starts_with(key) && line.substr(key.size()).starts_with('=');
}

// The file with this one key set to the value; other lines stay.
std::string with_value(std::string_view text, std::string_view key, std::string_view value) {
  if (value_in(text, key) == value) return std::string(text);
  const std::string line = fmt::format("{}={}\n", key, env_value(value));
  std::string changed;
  bool is_set = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view old = text.substr(0, end);
    text.remove_prefix(end);
    if (!sets(old, key)) {
      changed += old;
    } else if (!is_set) {
      changed += line;
      is_set = true;
    }
  }
  if (!changed.empty() && !changed.ends_with('\n')) changed += '\n';
  return is_set ? changed : changed + line;
}

// The same thing by its other name would be a second opinion.
std::string without(std::string_view text, std::string_view key) {
  std::string kept;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    if (!sets(text.substr(0, end), key)) kept += text.substr(0, end);
    text.remove_prefix(end);
  }
  return kept;
}

}  // namespace

std::string env_value(std::string_view value) {
  const bool bare = value.find_first_of(" \t#'\"\\$`&;|<>()*?[]~!{}") == std::string_view::npos;
  if (bare && !value.empty()) return std::string(value);
  if (value.find('\'') == std::string_view::npos) return fmt::format("'{}'", value);
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == '$' || c == '`') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::optional<std::string> value_in(std::string_view text, std::string_view key) {
  config::Problems problems;
  for (auto& entry : config::parse_env(text, "", problems)) {
    if (entry.key == key) return std::move(entry.value);
  }
  return std::nullopt;
}

std::string credentials_text(const config::Credentials& credentials) {
  return fmt::format(
      "# Secrets of the project; sync-nodectl deploy made this file. Never give it to an agent or to git.\n"
      "SUPABASE_PROJECT_REF={}\nSUPABASE_REGION={}\nSYNC_SERVICE_PASSWORD={}\nADMIN_URL={}\nSYNC_URL={}\n",
      env_value(credentials.supabase_project_ref), env_value(credentials.supabase_region),
      env_value(credentials.sync_service_password), env_value(credentials.admin_url),
      env_value(credentials.sync_url));
}

std::string environment_text(const std::optional<std::string>& existing, std::string_view url,
                             std::string_view host) {
  std::string text = existing.value_or(kNewEnvironment);
  text = with_value(without(text, "DATABASE_URL"), "SUPABASE_URL", url);
  return with_value(without(text, "CLUSTER_NAME"), "HOST_NAME", host);
}

std::string node_environment_text(const std::optional<std::string>& existing, char node) {
  const std::string role = fmt::format("node-{}", node);
  if (existing) return with_value(*existing, "ROLE", role);
  return fmt::format("ROLE={}\nAPI_PORT={}\n", role, node == 'a' ? 9443 : 9444);
}

}  // namespace syncnode::deploy
