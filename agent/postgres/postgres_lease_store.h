// PostgresLeaseStore: the lease row over a connection of its own, so that no data transaction can delay a
// renewal. Every call is one short transaction; a connection found dead is replaced at the next call. Refuses
// to remember leadership: it keeps the highest epoch it ever saw and nothing else. One thread at a time.
#pragma once

#include <optional>
#include <string>

#include "lease/lease_store.h"
#include "postgres/connection.h"

namespace syncnode::postgres {

struct LeaseIdentity {
  std::string cluster_name;
  std::string leader_id;
  std::string host_id;     // uuid of this node's row in sync_metadata.hosts, "" when it has none
  std::string nonce;       // uuid, fresh per process start
  int64_t seen_epoch = 0;  // of the local memory: a restored database must not grant an old epoch again
};

class PostgresLeaseStore final : public LeaseStore {
 public:
  PostgresLeaseStore(ConnectOptions options, LeaseIdentity identity);

  // kFailedPrecondition when the cluster is not registered for this login.
  Result<std::optional<Grant>> acquire(std::chrono::seconds lease, Deadline deadline) override;
  Result<Grant> renew(const Term& term, std::chrono::seconds lease, Deadline deadline) override;
  Status release(const Term& term, Deadline deadline) override;
  Result<LeaseObservation> observe(Deadline deadline) override;

 private:
  Result<Transaction> begin(Deadline deadline);
  Result<std::optional<LeaseObservation>> read(Deadline deadline);
  Error not_registered() const;

  const ConnectOptions options_;
  const LeaseIdentity identity_;
  int64_t highest_seen_;
  std::optional<Connection> connection_;
};

}  // namespace syncnode::postgres
