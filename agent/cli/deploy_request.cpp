#include "cli/deploy_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/host_name.h"
#include "config/credentials.h"
#include "config/settings.h"
#include "config/small_file.h"

namespace syncnode::cli {
namespace {

using config::DatabaseUrl;
using deploy::kSelfHosted;
using deploy::Project;
using deploy::Task;

// What an earlier deploy left: on the host, or in the file for a host.
struct Stored {
  std::string host_name, password;
  Project project;
  std::optional<DatabaseUrl> admin;
};

Error usage(std::string message, std::string hint) {
  return {ErrorCode::kInvalidArgument, std::move(message), std::move(hint)};
}

// One line; everything in it but its end belongs to the password.
Result<std::string> password_of_file(const std::string& path) {
  SN_ASSIGN(auto text, config::read_small_file(path));
  SN_TRY(config::check_private(path, config::Readers::kOwner));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (!text.empty() && text.find_first_of(std::string_view("\n\0", 2)) == std::string::npos) return text;
  return usage(fmt::format("'{}' does not hold one password", path),
               "write the password, and nothing else, on one line");
}

Result<Stored> stored_on_host(const deploy::HostFiles& files) {
  Stored stored;
  SN_ASSIGN(const auto environment, deploy::look_at(files.environment()));
  if (environment.exists) stored.host_name = deploy::value_in(environment.text, "HOST_NAME").value_or("");
  SN_ASSIGN(const auto secret, deploy::look_at(files.credentials()));
  if (!secret.exists) return stored;
  SN_ASSIGN(auto credentials, config::parse_credentials(secret.text, files.credentials()));
  SN_ASSIGN(auto admin, config::parse_database_url(credentials.admin_url));
  stored.admin = deploy::with_tls(std::move(admin));
  stored.password = credentials.sync_service_password;
  stored.project = {credentials.supabase_project_ref, credentials.supabase_region};
  return stored;
}

Result<Stored> stored_in_file(const std::string& path) {
  Stored stored;
  SN_ASSIGN(const auto file, deploy::look_at(path));
  if (!file.exists) return stored;
  SN_ASSIGN(auto enrollment, deploy::parse_enrollment(file.text, path));
  stored.host_name = enrollment.host_name;
  stored.project = enrollment.project;
  stored.password = enrollment.urls.front().password.value_or("");
  return stored;
}

class Settling {
 public:
  Settling(const DeployOptions& options, Stored stored, Console& console)
      : options_(options), stored_(std::move(stored)), console_(console) {}

  Result<DeployRequest> request() {
    SN_TRY(find_project());
    SN_TRY(find_host_name());
    SN_TRY(find_password());
    if (!missing_.empty()) return all_missing();
    SN_TRY(check_words());
    DeployRequest request;
    request.ways = ways();
    for (const auto& way : request.ways) {
      if (way.database.empty())
        return usage("the admin's URL names no database", "end it with the database: …:5432/postgres");
    }
    auto& wanted = request.wanted;
    wanted.project = project_;
    wanted.host_name = host_name_;
    // Killed before .env was there, a first deploy goes on with the password it had made.
    const bool another = !stored_.host_name.empty() && stored_.host_name != host_name_;
    if (options_.task == Task::kPrepare) SN_TRY(check_file());
    // The machine that is replaced has the password, too.
    wanted.password = options_.rotate || options_.adopt || another ? "" : stored_.password;
    return request;
  }

 private:
  Status find_project() {
    if (!options_.admin.url.empty() || !options_.admin.url_file.empty()) {
      SN_ASSIGN(const auto text, config::find_admin_url({options_.admin.url, options_.admin.url_file, ""}));
      return take_url(text);
    }
    project_ = {options_.project_ref, options_.region};
    const bool same = stored_.admin && (project_.ref.empty() || project_.ref == stored_.project.ref);
    if (same) {
      given_ = stored_.admin;
      is_stored_ = true;
      project_.ref = stored_.project.ref;
      if (project_.region.empty()) project_.region = stored_.project.region;
      return {};
    }
    if (project_.ref.empty() && console_.can_ask()) {
      const auto answer = console_.ask_text(
          "Supabase project reference (or the postgresql:// URL of another admin, without password)", "");
      if (answer.find("://") != std::string::npos) {
        asked_for_url_ = true;
        SN_ASSIGN(const auto text, config::find_admin_url({answer, "", ""}));
        return take_url(text);
      }
      project_.ref = answer;
    }
    if (project_.region.empty() && console_.can_ask())
      project_.region = console_.ask_text("region, as in REGION.pooler.supabase.com", "aws-0-us-east-1");
    if (project_.ref.empty()) missing_.emplace_back("--project-ref REF (or --admin-url-file FILE)");
    if (project_.region.empty()) missing_.emplace_back("--region REGION");
    return {};
  }

  Status take_url(const std::string& text) {
    SN_ASSIGN(auto url, config::parse_database_url(text));
    given_ = deploy::with_tls(std::move(url));
    project_ = deploy::project_of(*given_);
    if (!options_.project_ref.empty()) project_.ref = options_.project_ref;
    if (!options_.region.empty()) project_.region = options_.region;
    return {};
  }

  Status find_host_name() {
    host_name_ = options_.host_name.empty() ? stored_.host_name : options_.host_name;
    // A guess that nobody confirmed would be another host to everybody else.
    if (host_name_.empty() && console_.can_ask())
      host_name_ = console_.ask_text("name of this host in the project", syncnode::host_name());
    if (host_name_.empty())
      missing_.emplace_back(options_.task == Task::kPrepare ? "--host NAME" : "--host-name NAME");
    return {};
  }

  Status find_password() {
    const bool needs_one = !given_ || asked_for_url_;
    if (!options_.password_file.empty()) {
      SN_ASSIGN(password_, password_of_file(options_.password_file));
    } else if (needs_one && missing_.empty() && console_.can_ask()) {
      SN_ASSIGN(auto typed, console_.ask_secret(asked_for_url_ ? "its password (empty: none)"
                                                               : "password of the project's postgres role"));
      if (!typed.empty()) password_ = std::move(typed);
    }
    if (!given_ && !password_) missing_.emplace_back("--admin-password-file FILE");
    return {};
  }

  Error all_missing() const {
    std::string all;
    for (const auto& one : missing_) all += (all.empty() ? "" : ", ") + one;
    return usage(fmt::format("without a terminal to ask on, this is missing: {}", all),
                 "sync-nodectl deploy --help");
  }

  Status check_words() const {
    if (!config::is_cluster_name(host_name_))
      return usage(fmt::format("'{}' is not a host name", host_name_),
                   "use 1 to 100 letters, digits, '.', '_' and '-'");
    for (const auto& [what, word] :
         {std::pair("project reference", project_.ref), std::pair("region", project_.region)}) {
      if (!deploy::is_project_word(word)) {
        return usage(
            fmt::format("'{}' is not a {}", word, what),
            "copy it from the project's connection page: db.REF.supabase.co, REGION.pooler.supabase.com");
      }
    }
    return {};
  }

  // It may be the only place where the password of a host is.
  Status check_file() const {
    const bool same = stored_.host_name == host_name_ && stored_.project.ref == project_.ref;
    if (stored_.host_name.empty() || same) return {};
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("'{}' holds the credential of host '{}' of project '{}'", options_.out_file,
                             stored_.host_name, stored_.project.ref),
                 "choose another --out; or remove that file, when its host is enrolled"};
  }

  // What worked last time comes first, so that a passing trouble does not change the way.
  std::vector<DatabaseUrl> ways() const {
    std::vector<DatabaseUrl> ways;
    if (given_) {
      ways.push_back(*given_);
      if (password_) ways[0].password = password_;
      if (!is_stored_ || !project_.is_supabase()) return ways;
    }
    const std::string password = password_.value_or(given_ ? given_->password.value_or("") : "");
    const std::string role = given_ ? given_->login_role() : "postgres";
    const DatabaseUrl before = given_.value_or(DatabaseUrl());
    std::vector<DatabaseUrl> both{deploy::direct_url(project_, role, password, before)};
    if (project_.region != kSelfHosted) both.push_back(deploy::pooler_url(project_, role, password, before));
    for (const auto& one : both) {
      const auto is_same = [&](const DatabaseUrl& way) { return config::to_url(way) == config::to_url(one); };
      if (std::none_of(ways.begin(), ways.end(), is_same)) ways.push_back(one);
    }
    return ways;
  }

  const DeployOptions& options_;
  const Stored stored_;
  Console& console_;
  Project project_;
  std::optional<DatabaseUrl> given_;
  bool is_stored_ = false, asked_for_url_ = false;
  std::string host_name_;
  std::optional<std::string> password_;
  std::vector<std::string> missing_;
};

Result<DeployRequest> enrollment_request(const DeployOptions& options, const deploy::HostFiles& files) {
  SN_ASSIGN(const auto text, config::read_small_file(options.enroll_file));
  SN_TRY(config::check_private(options.enroll_file, config::Readers::kOwner));
  SN_ASSIGN(auto enrollment, deploy::parse_enrollment(text, options.enroll_file));
  DeployRequest request;
  request.wanted.host_name = enrollment.host_name;
  request.wanted.project = enrollment.project;
  request.ways = std::move(enrollment.urls);
  SN_ASSIGN(const auto environment, deploy::look_at(files.environment()));
  const auto used = deploy::value_in(environment.text, "SUPABASE_URL");
  std::stable_partition(request.ways.begin(), request.ways.end(),
                        [&](const auto& way) { return config::to_url(way) == used; });
  return request;
}

Result<DeployRequest> settle(const DeployOptions& options, const deploy::HostFiles& files, Console& console) {
  if (options.task == Task::kEnroll) return enrollment_request(options, files);
  if (options.password_file == "-" && options.admin.url_file == "-")
    return usage("--admin-password-file and --admin-url-file both read standard input",
                 "give one of them a file");
  SN_ASSIGN(auto stored,
            options.task == Task::kDeploy ? stored_on_host(files) : stored_in_file(options.out_file));
  return Settling(options, std::move(stored), console).request();
}

}  // namespace

Result<DeployRequest> settle_request(const DeployOptions& options, const deploy::HostFiles& files,
                                     Console& console) {
  SN_ASSIGN(auto request, settle(options, files, console));
  auto& wanted = request.wanted;
  wanted.task = options.task;
  wanted.rotate = options.rotate;
  wanted.adopt = options.adopt;
  wanted.docker = options.docker;
  wanted.units = !options.no_start && (files.is_live() || !options.programs.empty());
  request.secret_path = options.task == Task::kDeploy ? files.credentials() : options.out_file;
  if (options.task != Task::kPrepare) {
    SN_ASSIGN(wanted.machine, deploy::machine_of(files.machine_id()));
  }
  if (options.task != Task::kEnroll && wanted.password.empty()) {
    SN_ASSIGN(wanted.password, deploy::generated_password());
    wanted.password_is_new = true;
  }
  return request;
}

}  // namespace syncnode::cli
