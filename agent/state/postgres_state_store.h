// PostgresStateStore: state_values and client_deployments of one cluster, on a connection of its owner. A put
// is one transaction with the fence as its last statement. Refuses to open, keep or retry connections. One
// thread at a time: the owner's.
#pragma once

#include <functional>
#include <string>

#include "postgres/connection.h"
#include "state/state_store.h"

namespace syncnode::state {

// The owner's connection, opened when it is not there; valid until the owner is asked again.
using ConnectionSource = std::function<Result<postgres::Connection*>(Deadline)>;

class PostgresStateStore final : public StateStore {
 public:
  PostgresStateStore(ConnectionSource connection, std::string cluster_name);

  Result<StateRecord> get(const std::string& key, Deadline deadline) override;
  Result<StateRecord> put(const Term& term, const StatePut& put, Deadline deadline) override;

 private:
  Result<StateRecord> read(postgres::Connection& connection, const std::string& key, bool for_update,
                           Deadline deadline);
  Result<StateRecord> write(postgres::Connection& connection, const StatePut& put, Deadline deadline);
  Result<StateRecord> write_value(postgres::Connection& connection, const StatePut& put, Deadline deadline);
  Result<StateRecord> write_deployment(postgres::Connection& connection, const StatePut& put,
                                       Deadline deadline);

  const ConnectionSource connection_;
  const std::string cluster_name_;
};

}  // namespace syncnode::state
