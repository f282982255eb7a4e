// OwnLease: the cluster's lease, taken for one run and kept while it lasts: what the one-shot and the
// operator's commands work under. Refuses to start beside another holder: it waits a while, then says who it
// is. Owns the keeper's threads; made and destroyed on the run's thread, after the work has ended.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "lease/keeper.h"
#include "postgres/connection.h"
#include "sync/run.h"

namespace syncnode::sync {

class OwnLease {
 public:
  // `stop` is requested when the term is lost. kUnavailable while another node or run leads; kCancelled.
  static Result<OwnLease> take(const RunOptions& options, const postgres::ConnectOptions& connect,
                               postgres::Connection& connection, Progress& progress, std::stop_source stop);

  const Term& term() const { return keeper_->term(); }
  // Why the term was lost; nothing while it is held.
  std::optional<Error> loss() const { return keeper_->loss(); }

 private:
  explicit OwnLease(std::unique_ptr<lease::Keeper> keeper) : keeper_(std::move(keeper)) {}

  std::unique_ptr<lease::Keeper> keeper_;
};

}  // namespace syncnode::sync
