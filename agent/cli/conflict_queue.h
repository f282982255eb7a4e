// ConflictQueue: where a command finds conflicts and has them resolved: the database for looking, the leader
// for deciding, or, when no node leads, this process under a lease of its own. One command, main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "control/control.h"
#include "postgres/connection.h"

namespace syncnode::cli {

class ConflictQueue {
 public:
  // Reads settings and connects. The error's place is the caller's to tell.
  static Result<ConflictQueue> open(const config::Settings& settings);

  // Newest first, without their rows.
  Result<std::vector<control::ConflictView>> list(const control::ConflictFilter& filter);
  // With its rows, by id or the beginning of one. kNotFound; kInvalidArgument when several begin so.
  Result<control::ConflictView> find(const std::string& id);

 private:
  explicit ConflictQueue(postgres::Connection connection) : connection_(std::move(connection)) {}

  postgres::Connection connection_;
};

// Carries out decisions.
class Decider {
 public:
  virtual ~Decider() = default;
  virtual Status resolve(const control::Resolution& resolution) = 0;
};
// `client`: whose conflicts they are.
Result<std::unique_ptr<Decider>> find_decider(const NodeOptions& node, const config::Settings& settings,
                                              const std::string& client, const std::string& by);

}  // namespace syncnode::cli
