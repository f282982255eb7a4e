// Settings: what an operator configured, read once at start from the environment and from env files, checked
// as a whole. Either everything is usable or one error lists every problem with its cure. Refuses unknown
// keys in files, and to look at the database. Plain value, any thread.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace syncnode::config {

enum class LogFormat { kText, kJson };

struct Settings {
  std::string database_url;  // as given, password and all: never logged
  std::string cluster_name;  // "" for a command that did not need it: then the database tells
  std::string role;          // "node-a", "node-b"; "" outside a node
  int api_port = 0;          // 9443, or 9444 for node-b, unless given; 0: any free one
  std::string api_address;
  std::vector<std::string> api_hosts;                     // further names a client may call this node by
  std::string api_token_file, api_tls_cert, api_tls_key;  // TLS: both or none
  std::string bus_address;                                // "system", "none", or a D-Bus address
  int workers = 0;                                        // clients synced at once
  std::chrono::seconds cache_ttl{0};
  std::chrono::seconds heartbeat_interval{0};
  std::chrono::seconds lease_duration{0};
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  int batch_size = 0;  // rows
  bool enable_metrics = true;
  std::string client_name;     // one-shot only; "" when not given
  std::string container_name;  // one-shot only; "" when not given
  std::string state_directory;
  int brake_percent = 0;
  int64_t brake_min_rows = 0;
  std::string conflict_policy_file;
  bool conflict_policy_named = false;  // somebody set it: the file must be there
  std::string container_mounts_file;   // need not be there (docker/mounts_file.h)

  // What applies and where it came from, for check-config; URLs masked.
  struct Shown {
    std::string key, value, origin;  // origin: "environment", a file name, "default"
  };
  std::vector<Shown> shown;
};

// What the caller is going to do decides which keys have to be there.
enum class Purpose {
  kAdmin,    // talks to the database with an admin URL, or only to nodes: DATABASE_URL is welcome, not needed
  kCommand,  // needs DATABASE_URL; CLUSTER_NAME is welcome; keys of a node are not looked at
  kNode,     // needs DATABASE_URL, CLUSTER_NAME and ROLE, and judges every key
};

struct SettingsSources {
  std::map<std::string, std::string> environment;  // wins over files
  std::vector<std::string> env_files;              // a later one wins over an earlier one
  std::string node;                                // "a" or "b" of --node; "" when not given
};

// The known keys of this process's environment.
std::map<std::string, std::string> environment_of_process();

Result<Settings> load_settings(const SettingsSources& sources, Purpose purpose);

// ^[A-Za-z0-9_-]{1,56}$: "client_" and it make a PostgreSQL name
bool is_client_name(std::string_view name);
// ^[A-Za-z0-9._-]{1,100}$
bool is_cluster_name(std::string_view name);

}  // namespace syncnode::config
