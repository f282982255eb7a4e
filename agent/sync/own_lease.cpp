#include "sync/own_lease.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/host_name.h"
#include "postgres/fence.h"
#include "postgres/postgres_lease_store.h"
#include "sync/uuid.h"

namespace syncnode::sync {
namespace {

constexpr char kLeaderId[] = "openwebui-sync-oneshot";
constexpr std::chrono::seconds kLeaseCall{5};
constexpr std::chrono::milliseconds kAskAgain{250};

Status pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kAskAgain, [] { return false; });
  if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
  return {};
}

Result<Grant> wait_for_lease(const RunOptions& options, LeaseStore& store, Progress& progress,
                             const std::stop_token& stop) {
  Deadline give_up = deadline_in(options.lease_wait);
  while (true) {
    SN_ASSIGN(auto grant, store.acquire(options.lease, deadline_in(kLeaseCall)));
    if (grant) return std::move(*grant);
    SN_ASSIGN(auto holder, store.observe(deadline_in(kLeaseCall)));
    if (BootClock::now() >= give_up) {
      return Error{
          ErrorCode::kUnavailable,
          fmt::format("'{}' holds the lease of cluster '{}' for {} s more", holder.leader_id,
                      options.cluster_name, std::max<int64_t>(holder.remaining.count() / 1000, 0)),
          "one writer at a time: wait for it, or stop the nodes: systemctl stop sync-node@a sync-node@b"};
    }
    progress.phase("waiting for '" + holder.leader_id + "'");
    SN_TRY(pause(stop));
  }
}

}  // namespace

Result<OwnLease> OwnLease::take(const RunOptions& options, const postgres::ConnectOptions& connect,
                                postgres::Connection& connection, Progress& progress, std::stop_source stop) {
  auto times = lease::KeeperTimes::from(options.lease, options.heartbeat);
  SN_TRY(times.validate());
  SN_ASSIGN(auto host,
            postgres::register_host(connection, options.cluster_name, host_name(), deadline_in(kLeaseCall)));
  postgres::LeaseIdentity identity{options.cluster_name, kLeaderId, host, random_uuid(), 0};
  auto store = std::make_unique<postgres::PostgresLeaseStore>(connect, identity);
  SN_ASSIGN(auto grant, wait_for_lease(options, *store, progress, stop.get_token()));
  SN_ASSIGN(auto keeper, lease::Keeper::start(std::move(store), grant, times, std::move(stop)));
  return OwnLease(std::move(keeper));
}

}  // namespace syncnode::sync
