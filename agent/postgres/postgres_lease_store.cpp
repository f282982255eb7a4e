#include "postgres/postgres_lease_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/queries.h"

namespace syncnode::postgres {
namespace {

using std::chrono::milliseconds;

// Shorter than any sensible renewal interval: a statement the client gave up on must not extend a lease
// later.
constexpr TransactionOptions kShort{.statement_timeout = milliseconds(2000),
                                    .lock_timeout = milliseconds(1000),
                                    .idle_timeout = milliseconds(3000)};

Param maybe(const std::string& text) {
  return text.empty() ? Param::null() : Param::text(text);
}

Error term_over(const Term& term) {
  return {ErrorCode::kFenced,
          fmt::format("the term of '{}' with epoch {} in cluster '{}' is over", term.leader_id, term.epoch,
                      term.cluster_name),
          "another node leads or may lead now; stop writing"};
}

}  // namespace

PostgresLeaseStore::PostgresLeaseStore(ConnectOptions options, LeaseIdentity identity)
    : options_(std::move(options)), identity_(std::move(identity)), highest_seen_(identity_.seen_epoch) {}

Error PostgresLeaseStore::not_registered() const {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("cluster '{}' is not registered for this login", identity_.cluster_name),
          "check CLUSTER_NAME and the login of the database URL; 'sync-nodectl deploy' registers a cluster"};
}

Result<Transaction> PostgresLeaseStore::begin(Deadline deadline) {
  if (connection_ && connection_->usable()) {
    auto begun = Transaction::begin(*connection_, kShort, deadline);
    // A connection that died while idle says nothing about the server: nothing was asked yet, so ask on a new
    // one.
    if (begun || connection_->usable() || begun.error().code != ErrorCode::kUnavailable) return begun;
  }
  SN_ASSIGN(Connection fresh, Connection::open(options_, deadline));
  connection_.emplace(std::move(fresh));
  return Transaction::begin(*connection_, kShort, deadline);
}

Result<std::optional<Grant>> PostgresLeaseStore::acquire(std::chrono::seconds lease, Deadline deadline) {
  SN_ASSIGN(Transaction transaction, begin(deadline));
  SN_ASSIGN(const Rows ended, connection_->query(sql::terminate_older_backends,
                                                 {Param::text(identity_.cluster_name)}, deadline));
  const std::string seconds = std::to_string(lease.count());
  const std::string seen = std::to_string(highest_seen_);
  const Deadline sent = BootClock::now();
  SN_ASSIGN(const Rows row,
            connection_->query(sql::lease_acquire,
                               {Param::text(identity_.cluster_name), Param::text(identity_.leader_id),
                                maybe(identity_.host_id), Param::text(identity_.nonce), Param::text(seconds),
                                Param::text(seen)},
                               deadline));
  if (row.count() == 0) {
    SN_ASSIGN(const std::optional<LeaseObservation> holder, read(deadline));
    if (!holder) return not_registered();
    return std::optional<Grant>();
  }
  SN_TRY(transaction.commit(deadline));
  const Grant grant{{identity_.cluster_name, identity_.leader_id, identity_.nonce, row.int64(0, 0)},
                    sent + milliseconds(row.int64(0, 1))};
  highest_seen_ = std::max(highest_seen_, grant.term.epoch);
  // It waited for a lock longer than the lease is long: the row names us, but nothing was gained.
  if (grant.expires <= BootClock::now()) return std::optional<Grant>();
  return std::optional(grant);
}

Result<Grant> PostgresLeaseStore::renew(const Term& term, std::chrono::seconds lease, Deadline deadline) {
  SN_ASSIGN(Transaction transaction, begin(deadline));
  const std::string epoch = std::to_string(term.epoch);
  const std::string seconds = std::to_string(lease.count());
  const Deadline sent = BootClock::now();
  SN_ASSIGN(const Rows row,
            connection_->query(sql::lease_renew,
                               {Param::text(term.cluster_name), Param::text(term.leader_id),
                                Param::text(epoch), Param::text(term.nonce), Param::text(seconds)},
                               deadline));
  if (row.count() == 0) return term_over(term);
  SN_TRY(transaction.commit(deadline));
  const Deadline expires = sent + milliseconds(row.int64(0, 1));
  if (expires <= BootClock::now()) return term_over(term);
  return Grant{term, expires};
}

Status PostgresLeaseStore::release(const Term& term, Deadline deadline) {
  SN_ASSIGN(Transaction transaction, begin(deadline));
  const std::string epoch = std::to_string(term.epoch);
  SN_ASSIGN(const Rows done, connection_->query(sql::lease_release,
                                                {Param::text(term.cluster_name), Param::text(term.leader_id),
                                                 Param::text(epoch), Param::text(term.nonce)},
                                                deadline));
  return transaction.commit(deadline);
}

Result<std::optional<LeaseObservation>> PostgresLeaseStore::read(Deadline deadline) {
  SN_ASSIGN(const Rows row,
            connection_->query(sql::lease_observe, {Param::text(identity_.cluster_name)}, deadline));
  if (row.count() == 0) return std::optional<LeaseObservation>();
  LeaseObservation seen{std::string(row.text(0, 0)),
                        std::string(row.text(0, 1)),
                        std::string(row.text(0, 2)),
                        row.int64(0, 3),
                        row.int64(0, 4),
                        milliseconds(row.int64(0, 5))};
  highest_seen_ = std::max(highest_seen_, seen.epoch);
  return std::optional(std::move(seen));
}

Result<LeaseObservation> PostgresLeaseStore::observe(Deadline deadline) {
  SN_ASSIGN(Transaction transaction, begin(deadline));
  SN_ASSIGN(std::optional<LeaseObservation> seen, read(deadline));
  if (!seen) return not_registered();
  return std::move(*seen);
}

}  // namespace syncnode::postgres
