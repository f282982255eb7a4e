// Deployment: looks at a host and its project, and does one step of a plan. Owns the connection to the
// database. Refuses to plan, to ask and to print. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "deploy/host_files.h"
#include "deploy/plan.h"
#include "deploy/programs.h"
#include "postgres/connection.h"

namespace syncnode::deploy {

class Deployment {
 public:
  // `secret_path`: where the host's password is kept; .credentials, or the file for the host.
  Deployment(Wanted wanted, HostFiles files, Programs programs, std::string secret_path,
             postgres::Connection connection);

  const Wanted& wanted() const { return wanted_; }
  postgres::Connection& connection() { return connection_; }

  Result<Found> look();
  Status run(const Step& step, const Found& found);

  // Steps until none is left. `done` hears of each that was done, with what a program said.
  using Heard = std::function<void(const Step&, const std::string& said)>;
  Result<Found> finish(const Heard& done);

 private:
  Status look_at_database(Found& found);
  Status look_at_files(Found& found);
  Status look_at_units(Found& found);
  Result<bool> password_works(const HostFacts& host);
  postgres::Connection& as_host() { return as_host_ ? *as_host_ : connection_; }
  Status give_password(const std::string& login);
  Status end_sessions(const HostFacts& host);
  Status write_node_environments(const Found& found);
  Status start(const Found& found);
  Status restart();

  Wanted wanted_;
  HostFiles files_;
  Programs programs_;
  std::string secret_path_;
  postgres::Connection connection_;
  std::optional<postgres::Connection> as_host_;  // but in kEnroll, where connection_ is the host's
  bool docker_done_ = false;
  std::optional<Error> login_failure_;
  std::string said_;  // by the program of the last step
};

}  // namespace syncnode::deploy
