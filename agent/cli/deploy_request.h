// What a deploy was asked for, settled: options first, then what an earlier deploy left on the host, then
// questions on a terminal. Without a terminal everything that is missing is named at once. Refuses passwords
// on the command line. One thread.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "deploy/plan.h"

namespace syncnode::cli {

struct DeployOptions {
  deploy::Task task = deploy::Task::kDeploy;
  std::string project_ref, region, host_name;
  std::string password_file;  // --admin-password-file
  AdminOptions admin;         // a PostgreSQL of one's own
  std::string enroll_file, out_file;
  std::string root, programs;
  bool rotate = false, adopt = false, docker = false, no_start = false, cloud_metadata = false;
  bool yes = false, dry_run = false, as_json = false;
};

struct DeployRequest {
  deploy::Wanted wanted;                  // but for the way to the database
  std::vector<config::DatabaseUrl> ways;  // to be tried in this order
  std::string secret_path;
};

Result<DeployRequest> settle_request(const DeployOptions& options, const deploy::HostFiles& files,
                                     Console& console);

}  // namespace syncnode::cli
