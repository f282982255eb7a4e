// What deploy asks of the project's database and does there, as the admin or as the host itself. All that
// decides is in sql/10-hosts.sql; this carries it. One thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "postgres/connection.h"

namespace syncnode::deploy {

enum class Machine { kNone, kOurs, kOther };  // noted for the host in the project

struct HostFacts {
  std::string login;  // the role it has or would be given; "" before the schema is there
  bool registered = false;
  Machine machine = Machine::kNone;
  std::string other_cluster;  // the name under which this machine is known already; ""
  std::string leader;         // who leads the host now; "": nobody
  int64_t clusters = 0;       // of the project, this one too
  int64_t max_connections = 0;
};

struct Leader {
  std::string id;
  int64_t epoch = 0;
};

int newest_schema();  // that this program knows

// As the admin; some `schema` is there, not necessarily the newest: whoever is refused must not have changed
// it. `machine` "" for a host whose machine is not known here.
Result<HostFacts> host_facts(postgres::Connection& admin, int schema, const std::string& cluster,
                             const std::string& machine);
Status prepare_host(postgres::Connection& admin, const std::string& cluster, const std::string& machine,
                    bool adopt);
Status set_password(postgres::Connection& admin, const std::string& cluster, const std::string& login,
                    const std::string& password);

// As the host's own role.
Result<HostFacts> own_facts(postgres::Connection& host, const std::string& login, const std::string& cluster,
                            const std::string& machine);
Status enroll(postgres::Connection& host, const std::string& machine);
// Other sessions of the role that began before it had its present password.
Result<int64_t> former_sessions(postgres::Connection& host);
Status end_former_sessions(postgres::Connection& host);  // returns when they have ended
Status end_lease(postgres::Connection& host);            // whoever leads

// As either.
Result<std::optional<Leader>> leader_of(postgres::Connection& connection, const std::string& cluster);
Result<Leader> wait_for_leader(postgres::Connection& connection, const std::string& cluster,
                               Deadline deadline);

}  // namespace syncnode::deploy
