// PostgresLeaseStore: the lease row over a connection of its own, so that no data transaction can delay a
// renewal. Every call is one short transaction; a connection found dead is replaced at the next call. A
// direct connection is kept and listens; one of a pooler is given back in rest(), since each may be one of
// very few. Refuses to remember leadership: of the row it keeps the highest epoch it ever saw, until when it
// runs as it is known to be on the disk, and its last renewal. One thread at a time; destruction joins a
// probe, 1 s at most.
#pragma once

#include <optional>
#include <string>

#include "lease/lease_store.h"
#include "postgres/connection.h"
#include "postgres/hearing.h"

namespace syncnode::postgres {

struct LeaseIdentity {
  std::string cluster_name;
  std::string leader_id;
  std::string
      host_id;        // uuid of this node's row in sync_metadata.hosts; "" to find it by `hostname`, or none
  std::string nonce;  // uuid, fresh per process start
  int64_t seen_epoch = 0;  // of the local memory: a restored database must not grant an old epoch again
  std::string hostname{};  // "HOST/node-a": the row is made by the first call that needs it; "" for none
  std::string metadata{};  // JSON object put into that row once, "" for none
  bool listen = false;     // hear notices where they arrive
};

class PostgresLeaseStore final : public LeaseStore {
 public:
  PostgresLeaseStore(ConnectOptions options, LeaseIdentity identity);

  // kFailedPrecondition when the cluster is not registered for this login.
  Result<std::optional<Grant>> acquire(std::chrono::seconds lease, Deadline deadline) override;
  Result<std::optional<Grant>> acquire_released(std::chrono::seconds lease, Deadline deadline) override;
  Result<std::optional<Grant>> take_over(const LeaseObservation& dead, std::chrono::seconds lease,
                                         Deadline deadline) override;
  Result<Grant> renew(const Term& term, std::chrono::seconds lease, Deadline deadline) override;
  Status release(const Term& term, Deadline deadline) override;
  Result<LeaseObservation> observe(Deadline deadline) override;
  Status beat(Deadline deadline) override;
  Result<std::vector<std::string>> wait(Deadline deadline, int wake_fd) override;

  void rest() override;

  bool hears_notices() const override { return connection_ && connection_->usable() && hearing_.works(); }
  bool kept_waiting() const override { return kept_waiting_; }

 private:
  Status connect(Deadline deadline);
  Result<Transaction> begin(Deadline deadline);
  Result<Rows> exchange(const std::string& statement, Deadline& sent, Deadline deadline);
  Result<Rows> extend(const Term& term, std::chrono::seconds lease, Deadline& sent, Deadline deadline);
  Result<std::string> extension(const Term& term, std::chrono::seconds lease) const;
  Status end_older_writers(const LeaseObservation* dead, Deadline deadline);
  Result<std::optional<Grant>> take(const char* statement, const LeaseObservation* dead,
                                    std::chrono::seconds lease, Deadline deadline);
  std::optional<Grant> granted(const Rows& row, Deadline sent);
  Result<std::optional<LeaseObservation>> read(Deadline deadline);
  Status know_host(Deadline deadline);
  Error not_registered() const;

  const ConnectOptions options_;
  const LeaseIdentity identity_;
  std::string host_id_;
  bool metadata_told_ = false;
  int64_t highest_seen_;
  Deadline durable_until_{};  // when the row expires as this store last knew it to have reached the disk
  // The last renewal, of which that is not known yet.
  struct Renewal {
    int64_t renew_seq;
    std::string log_end;  // of the server's log after its COMMIT
    Deadline expires;
  };
  std::optional<Renewal> last_renewal_;
  bool tells_log_ = true;  // until the server refuses to say where its log is
  std::optional<Connection> connection_;
  Hearing hearing_;            // of that connection
  bool kept_waiting_ = false;  // the last call
};

}  // namespace syncnode::postgres
