#include "postgres/postgres_lease_store.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "lease/times.h"
#include "postgres/fill.h"
#include "sql/queries.h"

namespace syncnode::postgres {
namespace {

using std::chrono::milliseconds;

// Shorter than any sensible renewal interval: a statement the client gave up on must not extend a lease
// later.
constexpr TransactionOptions kShort{.statement_timeout = milliseconds(2000),
                                    .lock_timeout = milliseconds(1000),
                                    .idle_timeout = milliseconds(3000)};

// The server must not go on for long with what the caller gave up on.
TransactionOptions bounded(Deadline deadline) {
  TransactionOptions options = kShort;
  const milliseconds left{std::max(1, poll_milliseconds(deadline))};
  options.statement_timeout = std::min(options.statement_timeout, left);
  options.lock_timeout = std::min(options.lock_timeout, left);
  return options;
}

Param maybe(const std::string& text) {
  return text.empty() ? Param::null() : Param::text(text);
}

// A renewal need not wait for the disk, where others may be writing a lot, while the row as it is on the disk
// covers all the time its holder would act on the new one: whatever a server that crashes forgets of those
// that did not wait, it takes nothing away. Taking a lease always waits.
bool covers(Deadline row_on_disk, std::chrono::seconds lease) {
  return row_on_disk - BootClock::now() >= lease::step_down_after(lease);
}

// The statement was understood and refused for good: a server that does not say where its log is, or not to
// us.
bool refuses(const Error& error) {
  return error.code == ErrorCode::kPermissionDenied || error.code == ErrorCode::kFailedPrecondition;
}

const char* boolean(bool value) {
  return value ? "true" : "false";
}

Error term_over(const Term& term) {
  return {ErrorCode::kFenced,
          fmt::format("the term of '{}' with epoch {} in cluster '{}' is over", term.leader_id, term.epoch,
                      term.cluster_name),
          "another node leads or may lead now; stop writing"};
}

}  // namespace

PostgresLeaseStore::PostgresLeaseStore(ConnectOptions options, LeaseIdentity identity)
    : options_(std::move(options)),
      identity_(std::move(identity)),
      host_id_(identity_.host_id),
      highest_seen_(identity_.seen_epoch),
      hearing_(options_, identity_.cluster_name + "\nprobe " + identity_.nonce) {}

Error PostgresLeaseStore::not_registered() const {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("cluster '{}' is not registered for this login", identity_.cluster_name),
          "check CLUSTER_NAME and the login of the database URL; 'sync-nodectl deploy' registers a cluster"};
}

Status PostgresLeaseStore::connect(Deadline deadline) {
  auto fresh = Connection::open(options_, deadline);
  if (!fresh) {
    kept_waiting_ = was_kept_waiting(fresh.error());
    return std::move(fresh).error();
  }
  connection_.emplace(std::move(*fresh));
  hearing_.connected(*connection_);
  return {};
}

Result<Transaction> PostgresLeaseStore::begin(Deadline deadline) {
  kept_waiting_ = false;
  hearing_.about_to_ask();
  if (connection_ && connection_->usable()) {
    auto begun = Transaction::begin(*connection_, bounded(deadline), deadline);
    // A connection that died while idle says nothing about the server: nothing was asked yet, so ask on a new
    // one.
    if (begun || connection_->usable() || begun.error().code != ErrorCode::kUnavailable) return begun;
  }
  SN_TRY(connect(deadline));
  return Transaction::begin(*connection_, bounded(deadline), deadline);
}

Result<std::optional<Grant>> PostgresLeaseStore::acquire(std::chrono::seconds lease, Deadline deadline) {
  return take(sql::lease_acquire, nullptr, lease, deadline);
}

Result<std::optional<Grant>> PostgresLeaseStore::acquire_released(std::chrono::seconds lease,
                                                                  Deadline deadline) {
  SN_TRY(know_host(deadline));
  const std::string cluster = Connection::quote_literal(identity_.cluster_name);
  const std::string leader = Connection::quote_literal(identity_.leader_id);
  const std::string host = host_id_.empty() ? "NULL" : Connection::quote_literal(host_id_);
  const std::string nonce = Connection::quote_literal(identity_.nonce);
  SN_ASSIGN(const std::string statement,
            fill(sql::lease_acquire_released, {{"cluster", cluster},
                                               {"leader", leader},
                                               {"host", host},
                                               {"nonce", nonce},
                                               {"lease", std::to_string(lease.count())},
                                               {"seen", std::to_string(highest_seen_)}}));
  Deadline sent;
  // Who gave a lease back had ended its work before: there are no older writers to end.
  SN_ASSIGN(const Rows row, exchange(statement, sent, deadline));
  if (row.count() == 0) {
    SN_TRY(observe(deadline));
    return std::optional<Grant>();
  }
  return granted(row, sent);
}

// A transaction of one statement in one exchange.
Result<Rows> PostgresLeaseStore::exchange(const std::string& statement, Deadline& sent, Deadline deadline) {
  kept_waiting_ = false;
  hearing_.about_to_ask();
  if (!connection_ || !connection_->alive()) SN_TRY(connect(deadline));
  sent = BootClock::now();
  SN_ASSIGN(Transaction::Outcome done,
            Transaction::once(*connection_, bounded(deadline), statement, "", deadline));
  return std::move(done.rows);
}

Result<std::optional<Grant>> PostgresLeaseStore::take_over(const LeaseObservation& dead,
                                                           std::chrono::seconds lease, Deadline deadline) {
  return take(sql::lease_take_over, &dead, lease, deadline);
}

// Inside the transaction that takes the lease.
Status PostgresLeaseStore::end_older_writers(const LeaseObservation* dead, Deadline deadline) {
  const std::string epoch = dead == nullptr ? "" : std::to_string(dead->epoch);
  const std::string nonce = dead == nullptr ? "" : dead->nonce;
  SN_ASSIGN(const Rows ended,
            connection_->query(sql::terminate_older_backends,
                               {Param::text(identity_.cluster_name), maybe(epoch), maybe(nonce)}, deadline));
  return {};
}

Result<std::optional<Grant>> PostgresLeaseStore::take(const char* statement, const LeaseObservation* dead,
                                                      std::chrono::seconds lease, Deadline deadline) {
  SN_TRY(know_host(deadline));
  SN_ASSIGN(Transaction transaction, begin(deadline));
  SN_TRY(end_older_writers(dead, deadline));
  const std::string dead_epoch = dead == nullptr ? "" : std::to_string(dead->epoch);
  const std::string seconds = std::to_string(lease.count());
  const std::string seen = std::to_string(highest_seen_);
  std::vector<Param> params{Param::text(identity_.cluster_name),
                            Param::text(identity_.leader_id),
                            maybe(host_id_),
                            Param::text(identity_.nonce),
                            Param::text(seconds),
                            Param::text(seen)};
  if (dead != nullptr) {
    params.insert(params.end(), {Param::text(dead->leader_id), maybe(dead->leader_host_id),
                                 Param::text(dead_epoch), Param::text(dead->nonce)});
  }
  const Deadline sent = BootClock::now();
  SN_ASSIGN(const Rows row, connection_->query(statement, params, deadline));
  if (row.count() == 0) {
    SN_ASSIGN(const std::optional<LeaseObservation> holder, read(deadline));
    if (!holder) return not_registered();
    return std::optional<Grant>();
  }
  SN_TRY(transaction.commit(deadline));
  return granted(row, sent);
}

// What the committed row says, asked at `sent`.
std::optional<Grant> PostgresLeaseStore::granted(const Rows& row, Deadline sent) {
  const Grant grant{{identity_.cluster_name, identity_.leader_id, identity_.nonce, row.int64(0, 0)},
                    sent + milliseconds(row.int64(0, 1))};
  highest_seen_ = std::max(highest_seen_, grant.term.epoch);
  durable_until_ = grant.expires;
  last_renewal_.reset();
  // It waited for a lock longer than the lease is long: the row names us, but nothing was gained.
  if (grant.expires <= BootClock::now()) return std::optional<Grant>();
  return std::optional(grant);
}

Result<std::string> PostgresLeaseStore::extension(const Term& term, std::chrono::seconds lease) const {
  const std::string cluster = Connection::quote_literal(term.cluster_name);
  const std::string leader = Connection::quote_literal(term.leader_id);
  const std::string nonce = Connection::quote_literal(term.nonce);
  const std::string epoch = std::to_string(term.epoch);
  const std::string seconds = std::to_string(lease.count());
  if (!last_renewal_) {
    return fill(
        sql::lease_renew,
        {{"cluster", cluster}, {"leader", leader}, {"nonce", nonce}, {"epoch", epoch}, {"lease", seconds}});
  }
  return fill(sql::lease_renew_told,
              {{"cluster", cluster},
               {"leader", leader},
               {"nonce", nonce},
               {"epoch", epoch},
               {"lease", seconds},
               {"renew_seq", std::to_string(last_renewal_->renew_seq)},
               {"position", Connection::quote_literal(last_renewal_->log_end)},
               {"covered", boolean(covers(durable_until_, lease))},
               {"covered_if_reached", boolean(covers(last_renewal_->expires, lease))}});
}

// One exchange; what it tells of the disk is noted. `sent`: when it was sent.
Result<Rows> PostgresLeaseStore::extend(const Term& term, std::chrono::seconds lease, Deadline& sent,
                                        Deadline deadline) {
  SN_ASSIGN(const std::string statement, extension(term, lease));
  TransactionOptions options = bounded(deadline);
  options.wait_for_disk = !covers(durable_until_, lease);
  const std::optional<Renewal> before = std::exchange(last_renewal_, std::nullopt);
  sent = BootClock::now();
  SN_ASSIGN(Transaction::Outcome done, Transaction::once(*connection_, options, statement,
                                                         tells_log_ ? sql::log_position : "", deadline));
  const Rows& row = done.rows;
  if (row.count() == 0) return std::move(done.rows);
  const Deadline expires = sent + milliseconds(row.int64(0, 1));
  const bool waited = before ? row.text(0, 4) == "on" : options.wait_for_disk;
  if (before && row.boolean(0, 3)) durable_until_ = std::max(durable_until_, before->expires);
  if (waited) durable_until_ = expires;
  if (!waited && done.after && done.after->count() == 1) {
    last_renewal_ = Renewal{row.int64(0, 2), std::string(done.after->text(0, 0)), expires};
  }
  return std::move(done.rows);
}

Result<Grant> PostgresLeaseStore::renew(const Term& term, std::chrono::seconds lease, Deadline deadline) {
  kept_waiting_ = false;
  hearing_.about_to_ask();
  const bool fresh = !connection_ || !connection_->usable();
  if (fresh) SN_TRY(connect(deadline));
  Deadline sent;
  auto row = extend(term, lease, sent, deadline);
  // The connection may have died while idle. Renewing twice is as good as once.
  if (!row && !fresh && !connection_->usable() && BootClock::now() < deadline) {
    SN_TRY(connect(deadline));
    row = extend(term, lease, sent, deadline);
  }
  if (!row && tells_log_ && refuses(row.error())) {
    tells_log_ = false;
    row = extend(term, lease, sent, deadline);
  }
  if (!row) return std::move(row).error();
  if (row->count() == 0) return term_over(term);
  const Deadline expires = sent + milliseconds(row->int64(0, 1));
  if (expires <= BootClock::now()) return term_over(term);
  return Grant{term, expires};
}

Status PostgresLeaseStore::release(const Term& term, Deadline deadline) {
  const std::string cluster = Connection::quote_literal(term.cluster_name);
  const std::string leader = Connection::quote_literal(term.leader_id);
  const std::string nonce = Connection::quote_literal(term.nonce);
  SN_ASSIGN(const std::string statement, fill(sql::lease_release, {{"cluster", cluster},
                                                                   {"leader", leader},
                                                                   {"nonce", nonce},
                                                                   {"epoch", std::to_string(term.epoch)}}));
  Deadline sent;
  SN_TRY(exchange(statement, sent, deadline));
  return {};
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
                        milliseconds(row.int64(0, 5)),
                        row.boolean(0, 6)};
  highest_seen_ = std::max(highest_seen_, seen.epoch);
  return std::optional(std::move(seen));
}

Result<LeaseObservation> PostgresLeaseStore::observe(Deadline deadline) {
  SN_ASSIGN(Transaction transaction, begin(deadline));
  SN_ASSIGN(std::optional<LeaseObservation> seen, read(deadline));
  if (!seen) return not_registered();
  return std::move(*seen);
}

Status PostgresLeaseStore::know_host(Deadline deadline) {
  if (identity_.hostname.empty() || !host_id_.empty()) return {};
  return beat(deadline);
}

Status PostgresLeaseStore::beat(Deadline deadline) {
  if (identity_.hostname.empty()) return {};
  SN_ASSIGN(Transaction transaction, begin(deadline));
  SN_ASSIGN(const Rows row,
            connection_->query(sql::host_beat,
                               {Param::text(identity_.hostname), Param::text(identity_.cluster_name),
                                metadata_told_ ? Param::null() : maybe(identity_.metadata)},
                               deadline));
  const std::string id(row.text(0, 0));
  SN_TRY(transaction.commit(deadline));
  host_id_ = id;
  metadata_told_ = true;
  return {};
}

void PostgresLeaseStore::rest() {
  if (connection_ && connection_->usable() && !connection_->is_direct()) connection_->close();
}

Result<std::vector<std::string>> PostgresLeaseStore::wait(Deadline deadline, int wake_fd) {
  const std::string own = identity_.cluster_name + "\n";
  while (connection_ && connection_->usable()) {
    const Deadline until = identity_.listen ? hearing_.advance(*connection_, deadline) : deadline;
    if (!connection_->usable()) break;
    // Without LISTEN nothing comes, but the end of the connection is seen all the same.
    SN_ASSIGN(const auto payloads, connection_->notices(until, wake_fd));
    std::vector<std::string> ours;
    for (const std::string& payload : payloads) {
      if (!hearing_.takes(payload) && payload.starts_with(own)) ours.push_back(payload.substr(own.size()));
    }
    // What is said to other clusters must not keep the caller from what it does in time.
    const Deadline now = BootClock::now();
    const bool woken = payloads.empty() && now < until;
    if (!ours.empty() || woken || now >= deadline) return ours;
  }
  pollfd woken{wake_fd, POLLIN, 0};
  while (::poll(&woken, 1, poll_milliseconds(deadline)) == 0 && BootClock::now() < deadline) {
  }
  return std::vector<std::string>();
}

}  // namespace syncnode::postgres
