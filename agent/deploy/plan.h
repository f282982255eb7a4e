// Plan: from what is wanted and what is there, the steps that are left, in the only order that is safe to be
// killed in: a password lies on the disk before the role gets it, and that nodes have to be restarted is
// noted before anything they read changes; a machine that replaces another is noted when the other is shut
// out. Deploy does the first step, looks again, and plans again; so a run
// after a kill does the rest, and a run too many does nothing. Refuses what would disturb another host. Pure,
// any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/database_url.h"
#include "deploy/host_files.h"
#include "deploy/project.h"
#include "deploy/project_database.h"

namespace syncnode::deploy {

enum class Task {
  kDeploy,   // on the host, as the admin
  kPrepare,  // elsewhere, as the admin: all that is the database's, and a file for the host
  kEnroll    // on the host, with that file
};

struct Wanted {
  Task task = Task::kDeploy;
  std::string host_name, machine;  // machine "" in kPrepare
  Project project;
  config::DatabaseUrl database;  // the admin's way; in kEnroll the host's own
  std::string password;          // of the host's role
  bool password_is_new = false;  // made by this run: no role has it yet
  bool rotate = false, adopt = false;
  bool docker = false;
  bool units = true;  // enable, start and restart them
};

struct UnitState {
  bool enabled = false, active = false;
};

struct Found {
  int schema = 0, schema_needed = 0;
  HostFacts host;
  bool password_works = false;
  int64_t former_sessions = 0;  // of the role, from before it had that password
  FileState secret;             // .credentials, or the file for the host
  FileState link, environment;
  std::array<FileState, 2> node_environments;
  bool restart_pending = false;
  std::array<UnitState, 2> units;
  bool docker_done = false;
};

enum class Action {
  kSchema,
  kHost,
  kMark,
  kSecret,
  kPassword,
  kMachine,
  kLink,
  kEnvironment,
  kNodeEnvironments,
  kDocker,
  kEnable,
  kStart,
  kRestart,
  kSessions
};
std::string_view to_string(Action action);  // "schema", "host", …

struct Step {
  Action action;
  std::string what;  // for people: "write /etc/sync-node/.env"
};

// This machine, or the next that enrolls, takes the place of another, which may live.
bool is_adoption(const Wanted& wanted, const HostFacts& host);

// kFailedPrecondition: refused, and why.
Result<std::vector<Step>> plan(const Wanted& wanted, const Found& found);

// What the files have to hold.
std::string secret_text(const Wanted& wanted, const std::string& login);
config::DatabaseUrl host_url(const Wanted& wanted, const std::string& login);

// The file that carries a host's own credential to it: how it is read back.
struct Enrollment {
  std::string host_name;
  Project project;
  std::vector<config::DatabaseUrl> urls;  // in the order of preference
};
Result<Enrollment> parse_enrollment(std::string_view text, const std::string& name);

}  // namespace syncnode::deploy
