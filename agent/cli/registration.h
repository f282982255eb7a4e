// Registration: what registering a client comes to, found out first, so that it can be shown, and then done.
// What is right already is not touched. Refuses to guess whose a taken name is. The admin's connection; each
// client is a transaction of its own, so that what was done stays done and a second run does the rest. One
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/table.h"
#include "config/settings.h"
#include "json/json.h"
#include "postgres/connection.h"

namespace syncnode::cli {

// The host that the clients belong to, as the database knows it or will.
struct ClusterChoice {
  std::string name, login;
  bool is_new = false;  // mapped to its login role with the first client
};
// The login role: what the cluster is mapped to, else `login`, else DATABASE_URL's user.
Result<ClusterChoice> find_cluster(postgres::Connection& connection, const std::string& name,
                                   const std::string& login, const config::Settings& settings,
                                   Deadline deadline);

struct Wanted {
  std::string client;
  std::string container;                  // "": as it is, or none when the database is another one
  Result<std::string> database{Error{}};  // a resolved path on this host, or why there is none
  std::optional<int> interval;            // 0: live; nothing: as it is, or 300 s

  // The client was made of the container's name: one that is registered by another name already keeps it.
  bool named_by_container = false;
};

enum class Action { kRegister, kRegisterAgain, kChange, kNothing, kRefuse };

struct Registration {
  Wanted wanted;
  Action action = Action::kRegister;
  Error refusal{};                    // of kRefuse
  std::vector<std::string> changes;   // of kChange; of kNothing, why it is left as it is
  std::string schema;                 // that it has or gets
  bool loses_container = false;       // its container keeps another database
  bool done = false, failed = false;  // failed: refused when it was tried
};
Result<Registration> plan_registration(postgres::Connection& connection, const ClusterChoice& cluster,
                                       Wanted wanted, Deadline deadline);
// Nothing to do for kNothing and kRefuse.
Status carry_out(postgres::Connection& connection, const ClusterChoice& cluster, Registration& registration,
                 Deadline deadline);

bool has_work(const Registration& registration);
std::string plan_page(const std::vector<Registration>& plan, const Look& look);
json::Json plan_document(const Registration& registration);  // an entry of `clients`

}  // namespace syncnode::cli
