#include "deploy/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/env_file.h"

namespace syncnode::deploy {
namespace {

Error refused(std::string message, std::string hint) {
  return {ErrorCode::kFailedPrecondition, std::move(message), std::move(hint)};
}

std::optional<std::string> existing(const FileState& file) {
  return file.exists ? std::optional(file.text) : std::nullopt;
}

// What a link leads to is not read, and a rename would put a file of our own in its place.
Status check_links(const Found& found) {
  const auto& [a, b] = found.node_environments;
  for (const auto& [name, file] :
       {std::pair(".env", &found.environment), std::pair("node-a.env", &a), std::pair("node-b.env", &b)}) {
    if (!file->link_target.empty()) {
      return refused(fmt::format("'/etc/sync-node/{}' is a link to '{}'", name, file->link_target),
                     "move it away, or the file itself there, then deploy again");
    }
  }
  return {};
}

// What would make two machines one host, or take a password from a host that lives.
Status check_machine(const Wanted& wanted, const Found& found) {
  const auto& host = found.host;
  if (!host.other_cluster.empty()) {
    return refused(
        fmt::format("this machine is host '{}' of the project already", host.other_cluster),
        fmt::format(
            "deploy it under that name, or sync-nodectl deregister {} first; a copy of another machine "
            "needs a machine-id of its own: rm /etc/machine-id, then systemd-machine-id-setup",
            host.other_cluster));
  }
  const bool asks_whose = wanted.task != Task::kPrepare;
  if (asks_whose && host.machine == Machine::kOther && !wanted.adopt) {
    return refused(fmt::format("host '{}' is another machine", wanted.host_name),
                   wanted.task == Task::kDeploy
                       ? "choose another --host-name; if this machine replaces the other one: --adopt"
                       : "prepare this one under another name; if it replaces the other one: "
                         "sync-nodectl deploy prepare --adopt");
  }
  const bool stranger = wanted.password_is_new && !wanted.rotate && !wanted.adopt && host.registered;
  if (wanted.task == Task::kDeploy && stranger && host.machine != Machine::kOurs && !host.leader.empty()) {
    return refused(fmt::format("'{}' leads '{}' now, and this machine has no password of that host",
                               host.leader, wanted.host_name),
                   "choose another --host-name; if this is that host: --adopt");
  }
  // A file that holds the new password already is this very run's.
  if (wanted.task == Task::kPrepare && stranger &&
      !found.secret.holds(secret_text(wanted, host.login), 0600)) {
    return refused(
        fmt::format("host '{}' is there already, and its password is not in the file", wanted.host_name),
        "--rotate-password gives it a new one; the host works on only after it was enrolled with it");
  }
  return {};
}

class Planner {
 public:
  Planner(const Wanted& wanted, const Found& found) : wanted_(wanted), found_(found) {}

  std::vector<Step> steps() {
    const bool on_host = wanted_.task != Task::kPrepare;
    schema();
    // Whoever prepares a host has its password in the file alone: it is there before anything else is.
    if (wanted_.task == Task::kPrepare) secret_file("write the host's file, mode 600");
    const bool adopts = is_adoption(wanted_, found_.host);
    if (!adopts) host();
    if (on_host && must_be_marked()) add(Action::kMark, "note that the nodes have to be restarted");
    if (wanted_.task == Task::kDeploy) secret_file("write admin/.credentials, mode 600");
    password();
    // Killed before that note, the machine is still another's, and an adoption is begun anew.
    if (adopts) {
      sessions(true);
      host();
    }
    if (on_host) files();
    if (on_host && wanted_.docker && !found_.docker_done) add(Action::kDocker, "run docker-ipv6 enable");
    if (on_host && wanted_.units) units();
    // Nodes that run come back with the new password before the sessions of the old one end.
    if (!adopts) sessions(false);
    return std::move(steps_);
  }

 private:
  void add(Action action, std::string what) { steps_.push_back({action, std::move(what)}); }

  void schema() {
    if (found_.schema < found_.schema_needed)
      add(Action::kSchema,
          fmt::format("bring the schema from {} to {}", found_.schema, found_.schema_needed));
  }

  void host() {
    if (wanted_.task == Task::kEnroll) {
      if (found_.host.machine == Machine::kNone) add(Action::kMachine, "note that this machine is the host");
      return;
    }
    const bool note_machine = !wanted_.machine.empty() && found_.host.machine != Machine::kOurs;
    const bool forget_machine =
        wanted_.machine.empty() && wanted_.adopt && found_.host.machine != Machine::kNone;
    if (!found_.host.registered) {
      add(Action::kHost,
          found_.host.login.empty()
              ? fmt::format("register host '{}' with a login role", wanted_.host_name)
              : fmt::format("register host '{}' with login role '{}'", wanted_.host_name, found_.host.login));
    } else if (note_machine) {
      add(Action::kHost, fmt::format("note that this machine is host '{}'", wanted_.host_name));
    } else if (forget_machine) {
      add(Action::kHost, fmt::format("forget which machine host '{}' was", wanted_.host_name));
    }
  }

  std::string secret() const { return secret_text(wanted_, found_.host.login); }
  std::string environment() const {
    const auto url = config::to_url(host_url(wanted_, found_.host.login));
    return environment_text(existing(found_.environment), url, wanted_.host_name);
  }
  std::string node_environment(size_t node) const {
    return node_environment_text(existing(found_.node_environments[node]), static_cast<char>('a' + node));
  }

  // Whoever runs has read what is about to change. A mode is no change to them.
  bool must_be_marked() const {
    if (found_.restart_pending) return false;
    const auto& [a, b] = found_.node_environments;
    const bool runs =
        wanted_.units ? found_.units[0].active || found_.units[1].active : found_.environment.exists;
    const bool changes = !found_.password_works || existing(found_.environment) != environment() ||
                         existing(a) != node_environment(0) || existing(b) != node_environment(1);
    return runs && changes;
  }

  void secret_file(const char* what) {
    if (!found_.secret.holds(secret(), 0600)) add(Action::kSecret, what);
  }

  void password() {
    if (found_.password_works) return;
    add(Action::kPassword, found_.host.login.empty()
                               ? std::string("give the login role its password")
                               : fmt::format("give role '{}' its password", found_.host.login));
  }

  // A new password ends no session: whoever got in with the one before would stay in.
  // Its nodes are named as the other machine's: a lease is no sign that one of these leads.
  void sessions(bool adopts) {
    const bool one_before = !found_.password_works && found_.host.registered;
    const bool led = adopts && !found_.host.leader.empty();
    if (one_before || led || found_.former_sessions > 0)
      add(Action::kSessions, adopts ? "end the sessions and the lease of the machine before"
                                    : "end the role's sessions that began before it had this password");
  }

  void files() {
    if (wanted_.task == Task::kDeploy && found_.link.link_target != kLinkTarget)
      add(Action::kLink, "link .credentials to admin/.credentials");
    if (!found_.environment.holds(environment(), 0600)) add(Action::kEnvironment, "write .env, mode 600");
    const auto& nodes = found_.node_environments;
    if (!nodes[0].holds(node_environment(0), 0640) || !nodes[1].holds(node_environment(1), 0640))
      add(Action::kNodeEnvironments, "write node-a.env and node-b.env, mode 640");
  }

  void units() {
    const auto& [a, b] = found_.units;
    if (!a.enabled || !b.enabled) add(Action::kEnable, "enable sync-node@a and sync-node@b");
    if (!a.active || !b.active) {
      add(Action::kStart, a.active   ? "start sync-node@b"
                          : b.active ? "start sync-node@a"
                                     : "start sync-node@a and sync-node@b");
    }
    if (found_.restart_pending || (steps_have(Action::kMark)))
      add(Action::kRestart, "restart the nodes one by one, the leader last");
  }

  bool steps_have(Action action) const {
    return std::any_of(steps_.begin(), steps_.end(),
                       [action](const Step& step) { return step.action == action; });
  }

  const Wanted& wanted_;
  const Found& found_;
  std::vector<Step> steps_;
};

}  // namespace

std::string_view to_string(Action action) {
  constexpr std::array<std::string_view, 14> kNames{
      "schema",  "host",  "restart_mark", "credentials",       "password",
      "machine", "link",  "environment",  "node_environments", "docker_ipv6",
      "enable",  "start", "restart",      "sessions"};
  return kNames.at(static_cast<size_t>(action));
}

bool is_adoption(const Wanted& wanted, const HostFacts& host) {
  return wanted.adopt && host.registered && host.machine != Machine::kOurs;
}

Result<std::vector<Step>> plan(const Wanted& wanted, const Found& found) {
  SN_TRY(check_machine(wanted, found));
  if (wanted.task == Task::kDeploy && found.link.exists && found.link.link_target.empty()) {
    return refused("'/etc/sync-node/.credentials' is a file, where a link to admin/.credentials belongs",
                   "move it away, then deploy again");
  }
  SN_TRY(check_links(found));
  return Planner(wanted, found).steps();
}

config::DatabaseUrl host_url(const Wanted& wanted, const std::string& login) {
  if (wanted.task == Task::kEnroll) return wanted.database;
  return url_for(wanted.database, login, wanted.password);
}

std::string secret_text(const Wanted& wanted, const std::string& login) {
  const auto own = host_url(wanted, login);
  if (wanted.task == Task::kDeploy) {
    return credentials_text({wanted.project.ref, wanted.project.region, wanted.password,
                             config::to_url(wanted.database), config::to_url(own)});
  }
  // The host may have IPv6 where this workstation has none, and the other way round.
  const auto& project = wanted.project;
  const bool both = project.is_supabase() && project.region != kSelfHosted;
  const auto first = both ? direct_url(project, login, wanted.password, wanted.database) : own;
  std::string text = fmt::format(
      "# The credential of one host, for: sync-nodectl deploy --enroll FILE. Remove it when that was done.\n"
      "HOST_NAME={}\nSUPABASE_PROJECT_REF={}\nSUPABASE_REGION={}\nSUPABASE_URL={}\n",
      env_value(wanted.host_name), env_value(project.ref), env_value(project.region),
      env_value(config::to_url(first)));
  if (both) {
    const auto pooler = pooler_url(project, login, wanted.password, wanted.database);
    text += fmt::format("SUPABASE_POOLER_URL={}\n", env_value(config::to_url(pooler)));
  }
  return text;
}

Result<Enrollment> parse_enrollment(std::string_view text, const std::string& name) {
  config::Problems problems;
  Enrollment enrollment;
  std::array<std::string, 2> urls;
  for (auto& entry : config::parse_env(text, name, problems)) {
    std::string* place = entry.key == "HOST_NAME"              ? &enrollment.host_name
                         : entry.key == "SUPABASE_PROJECT_REF" ? &enrollment.project.ref
                         : entry.key == "SUPABASE_REGION"      ? &enrollment.project.region
                         : entry.key == "SUPABASE_URL"         ? &urls[0]
                         : entry.key == "SUPABASE_POOLER_URL"  ? &urls[1]
                                                               : nullptr;
    if (place != nullptr) {
      *place = std::move(entry.value);
    } else {
      problems.add(
          fmt::format("{} line {} sets '{}', which does not belong there", name, entry.line, entry.key),
          "take the file as sync-nodectl deploy prepare made it");
    }
  }
  for (const auto& text_of_url : urls) {
    if (text_of_url.empty()) continue;
    auto url = config::parse_database_url(text_of_url);
    if (!url) {
      problems.add(fmt::format("{}: {}", name, url.error().message), url.error().hint);
    } else if (!url->password || url->login_role().empty()) {
      problems.add(fmt::format("{}: a URL without user or password", name), "prepare the host again");
    } else {
      enrollment.urls.push_back(std::move(*url));
    }
  }
  if (enrollment.host_name.empty() || enrollment.project.ref.empty() || urls[0].empty())
    problems.add(fmt::format("'{}' is not the file of a prepared host", name),
                 "sync-nodectl deploy prepare makes one");
  if (!problems.empty()) return problems.to_error();
  return enrollment;
}

}  // namespace syncnode::deploy
