#include "deploy/deployment.h"

#include <fmt/format.h>

#include <set>

#include "base/pause.h"
#include "deploy/route.h"
#include "postgres/schema_migrator.h"
#include "sql/migrations.h"

namespace syncnode::deploy {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::minutes kMigrations{5};
// A lease somebody died with has to run out first.
constexpr std::chrono::seconds kElection{90};
// A pooler may remember for a while that a password was wrong.
constexpr std::chrono::seconds kPoolerMemory{20};
constexpr std::chrono::milliseconds kBetweenLogins{500};

}  // namespace

Deployment::Deployment(Wanted wanted, HostFiles files, Programs programs, std::string secret_path,
                       postgres::Connection connection)
    : wanted_(std::move(wanted)),
      files_(std::move(files)),
      programs_(std::move(programs)),
      secret_path_(std::move(secret_path)),
      connection_(std::move(connection)) {}

// ------------------------------------------------------------------------------------------------ looking

Result<Found> Deployment::look() {
  Found found;
  SN_TRY(look_at_files(found));
  SN_TRY(look_at_database(found));
  SN_TRY(look_at_units(found));
  found.docker_done = docker_done_;
  return found;
}

Status Deployment::look_at_database(Found& found) {
  found.schema_needed = newest_schema();
  if (wanted_.task == Task::kEnroll) {
    SN_TRY(postgres::require_schema(connection_, sql::kMigrations, deadline_in(kPatience)));
    found.schema = found.schema_needed;
    SN_ASSIGN(found.host,
              own_facts(connection_, wanted_.database.login_role(), wanted_.host_name, wanted_.machine));
    found.password_works = true;
    SN_ASSIGN(found.former_sessions, former_sessions(as_host()));
    return {};
  }
  SN_ASSIGN(found.schema, postgres::schema_version(connection_, deadline_in(kPatience)));
  if (found.schema > found.schema_needed)
    return postgres::require_schema(connection_, sql::kMigrations, deadline_in(kPatience));
  if (found.schema > 0) {
    SN_ASSIGN(found.host, host_facts(connection_, found.schema, wanted_.host_name, wanted_.machine));
  }
  SN_ASSIGN(found.password_works, password_works(found.host));
  if (found.password_works && found.schema == found.schema_needed) {
    SN_ASSIGN(found.former_sessions, former_sessions(as_host()));
  }
  return {};
}

// Not tried where it cannot work: servers count the failures of strangers.
Result<bool> Deployment::password_works(const HostFacts& host) {
  if (as_host_ && as_host_->alive()) return true;
  if (!host.registered || wanted_.password_is_new) return false;
  auto opened = postgres::Connection::open(
      {config::to_url(host_url(wanted_, host.login)), "sync-nodectl deploy"}, deadline_in(kPatience));
  if (opened) {
    as_host_.emplace(std::move(*opened));
    return true;
  }
  login_failure_ = opened.error();
  if (opened.error().code == ErrorCode::kUnavailable || opened.error().code == ErrorCode::kDeadlineExceeded)
    return std::move(opened).error();
  return false;
}

Status Deployment::look_at_files(Found& found) {
  SN_ASSIGN(found.secret, look_at(secret_path_));
  if (wanted_.task == Task::kPrepare) return {};
  SN_ASSIGN(found.link, look_at(files_.link()));
  SN_ASSIGN(found.environment, look_at(files_.environment()));
  SN_ASSIGN(found.node_environments[0], look_at(files_.node_environment('a')));
  SN_ASSIGN(found.node_environments[1], look_at(files_.node_environment('b')));
  SN_ASSIGN(const FileState mark, look_at(files_.restart_mark()));
  found.restart_pending = mark.exists;
  return {};
}

Status Deployment::look_at_units(Found& found) {
  if (wanted_.task == Task::kPrepare || !wanted_.units) return {};
  for (size_t node = 0; node < found.units.size(); ++node) {
    const char letter = static_cast<char>('a' + node);
    SN_ASSIGN(found.units[node].enabled, programs_.enabled(letter));
    SN_ASSIGN(found.units[node].active, programs_.active(letter));
  }
  return {};
}

// ------------------------------------------------------------------------------------------------ doing

Result<Found> Deployment::finish(const Heard& done) {
  std::set<Action> tried;
  while (true) {
    SN_ASSIGN(Found found, look());
    SN_ASSIGN(const auto steps, plan(wanted_, found));
    if (steps.empty()) return found;
    const Step& next = steps.front();
    if (!tried.insert(next.action).second) {
      Error error{ErrorCode::kInternal, fmt::format("'{}' was done and is still to be done", next.what),
                  "deploy again"};
      if (next.action == Action::kPassword && login_failure_)
        return std::move(*login_failure_).with_context(error.message);
      return error;
    }
    said_.clear();
    auto status = run(next, found);
    if (!status) return std::move(status).error().with_context(next.what);
    done(next, said_);
  }
}

Status Deployment::run(const Step& step, const Found& found) {
  const std::string& login = found.host.login;
  switch (step.action) {
    case Action::kSchema: {
      auto applied = postgres::apply_migrations(connection_, sql::kMigrations, deadline_in(kMigrations));
      return applied ? Status() : std::move(applied).error();
    }
    case Action::kHost:
      return prepare_host(connection_, wanted_.host_name, wanted_.machine, wanted_.adopt);
    case Action::kMark:
      return write_atomically(files_.restart_mark(),
                              "sync-nodectl deploy restarts both nodes, then removes this file.\n", 0600);
    case Action::kSecret:
      return write_atomically(secret_path_, secret_text(wanted_, login), 0600);
    case Action::kPassword:
      return give_password(login);
    case Action::kMachine:
      return enroll(connection_, wanted_.machine);
    case Action::kLink:
      return make_link(files_.link());
    case Action::kEnvironment: {
      const auto old = found.environment.exists ? std::optional(found.environment.text) : std::nullopt;
      return write_atomically(
          files_.environment(),
          environment_text(old, config::to_url(host_url(wanted_, login)), wanted_.host_name), 0600);
    }
    case Action::kNodeEnvironments:
      return write_node_environments(found);
    case Action::kDocker: {
      SN_ASSIGN(said_, programs_.enable_docker_ipv6());
      docker_done_ = true;
      return {};
    }
    case Action::kEnable:
      return programs_.enable();
    case Action::kStart:
      return start(found);
    case Action::kRestart:
      return restart();
    case Action::kSessions:
      return end_sessions(found.host);
  }
  return {};
}

Status Deployment::give_password(const std::string& login) {
  SN_TRY(set_password(connection_, wanted_.host_name, login, wanted_.password));
  wanted_.password_is_new = false;
  const Deadline deadline =
      deadline_in(way_of(wanted_.database) == Way::kPooler ? kPoolerMemory : std::chrono::seconds(0));
  while (true) {
    SN_ASSIGN(const bool works, password_works({login, true, {}, {}, {}, 0, 0}));
    if (works || BootClock::now() >= deadline) return {};
    pause(kBetweenLogins, {});
  }
}

Status Deployment::end_sessions(const HostFacts& host) {
  SN_TRY(end_former_sessions(as_host()));
  return is_adoption(wanted_, host) ? end_lease(as_host()) : Status();
}

Status Deployment::write_node_environments(const Found& found) {
  for (size_t node = 0; node < found.node_environments.size(); ++node) {
    const char letter = static_cast<char>('a' + node);
    const FileState& file = found.node_environments[node];
    const auto old = file.exists ? std::optional(file.text) : std::nullopt;
    const auto text = node_environment_text(old, letter);
    if (!file.holds(text, 0640)) SN_TRY(write_atomically(files_.node_environment(letter), text, 0640));
  }
  return {};
}

Status Deployment::start(const Found& found) {
  for (size_t node = 0; node < found.units.size(); ++node) {
    if (!found.units[node].active) SN_TRY(programs_.start(static_cast<char>('a' + node)));
  }
  return {};
}

// The standby first: when it does not come back, the leader goes on as it is.
Status Deployment::restart() {
  SN_ASSIGN(const auto leader, leader_of(connection_, wanted_.host_name));
  const bool a_leads = leader && leader->id.ends_with("-a");
  for (const char node : a_leads ? std::array{'b', 'a'} : std::array{'a', 'b'}) {
    SN_TRY(programs_.restart(node));
    SN_TRY(wait_for_leader(connection_, wanted_.host_name, deadline_in(kElection)));
  }
  return remove_file(files_.restart_mark());
}

}  // namespace syncnode::deploy
