#include "daemon/agent.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/host_name.h"
#include "conflict/policy_file.h"
#include "daemon/events.h"
#include "daemon/notify.h"
#include "daemon/settings_reload.h"
#include "http/token.h"
#include "postgres/postgres_lease_store.h"
#include "sync/uuid.h"

namespace syncnode::daemon {
namespace {

using std::chrono::seconds;

constexpr seconds kLoopPatience{20};
constexpr seconds kStopTime{20};  // below the unit's TimeoutStopSec
constexpr seconds kSleepTime{4};  // below logind's InhibitDelayMaxSec
constexpr seconds kLookEvery{5};  // for changes, where no notice comes
constexpr seconds kStepDownHoldOff{30};
// Why the database cannot be used, where the reason changes.
constexpr seconds kSayWhyEvery{10};

std::string letter_of(const config::Settings& settings) {
  return settings.role.substr(settings.role.size() - 1);
}

control::NodeIdentity identity_of(const config::Settings& settings, const std::string& version) {
  control::NodeIdentity identity;
  identity.cluster_name = settings.cluster_name;
  identity.version = version;
  identity.lease = settings.lease_duration;
  identity.cache_ttl = settings.cache_ttl;
  identity.metrics_enabled = settings.enable_metrics;
  return identity;
}

}  // namespace

Agent::Agent(config::Settings settings, conflict::Policy policy, std::string version, NodeLog& log)
    : settings_(std::move(settings), std::move(policy)),
      version_(std::move(version)),
      node_(letter_of(*settings_.get())),
      node_id_("openwebui-sync-node-" + node_),
      nonce_(sync::random_uuid()),
      log_(log),
      metrics_(version_),
      pulse_(kLoopPatience),
      neighbour_(settings_),
      conflicts_(settings_) {}

Agent::~Agent() {
  stop();
}

// ---------------------------------------------------------------------------------------------- start

Status Agent::start() {
  const auto settings = settings_.get();
  SN_TRY(take_lock());
  crew_ = std::make_unique<Crew>(settings_, log_, metrics_, events_, renewals_, [this] {
    if (auto* elector = candidate_.load()) elector->work_ended();
  });
  control_ = std::make_unique<control::NodeControl>(
      identity_of(*settings, version_),
      control::NodeParts{*this, *crew_, neighbour_, conflicts_, metrics_, log_,
                         [this] { return pulse_.stalled(); }},
      postgres::ConnectOptions{settings->database_url, fmt::format("sync-{} control", settings->role)});
  SN_TRY(open_http());
  if (wants_bus()) {
    auto opened = open_bus();
    // Without the bus a node works, but is not ready; that it belongs to somebody else is another matter.
    if (!opened && opened.error().code != ErrorCode::kUnavailable) return opened;
  }
  SN_TRY(lock_->publish({node_id_, nonce_, ::getpid(), http_->port()}));
  SN_TRY(start_elector());
  SN_TRY(watch_peer());
  pulse_.watch("control", [this] { return control_->turns(); });
  pulse_.watch("http", [this] { return http_->turns(); });
  pulse_.watch("lease", [this] { return elector_->turns(); });
  log_.event(events::kStarted, LogLevel::kInfo, "",
             fmt::format("{} of cluster '{}' started, HTTP at {}:{}", node_id_, settings->cluster_name,
                         settings->api_address, http_->port()));
  return {};
}

Status Agent::take_lock() {
  const auto settings = settings_.get();
  SN_ASSIGN(auto lock, peer::NodeLock::take(settings->state_directory, settings->role,
                                            {node_id_, nonce_, ::getpid(), 0}));
  lock_.emplace(std::move(lock));
  return {};
}

Status Agent::open_http() {
  const auto settings = settings_.get();
  http::ServerOptions options;
  options.addresses = {settings->api_address};
  options.port = static_cast<uint16_t>(settings->api_port);
  options.host_names = settings->api_hosts;
  options.certificate_file = settings->api_tls_cert;
  options.key_file = settings->api_tls_key;
  if (auto token = http::load_token(settings->api_token_file)) {
    options.token = std::move(*token);
  } else {
    options.token = sync::random_uuid() + sync::random_uuid();  // which nobody knows
    log_.warning(
        fmt::format("requests that need the bearer token are refused: {}", token.error().to_string()));
  }
  SN_ASSIGN(http_, http::Server::start(std::move(options), *control_, log_));
  return {};
}

Status Agent::open_bus() {
  bus::ServiceOptions options;
  options.node = node_.front();
  const auto address = settings_.get()->bus_address;
  options.address = address == "system" ? "" : address;
  options.peer_changed = [this] {
    if (peer_) peer_->look();
    if (auto* elector = candidate_.load()) elector->wake();
  };
  options.going_away = [this](const std::function<void()>& done) {
    auto* elector = candidate_.load();
    if (elector == nullptr || elector->facts().role == lease::Role::kStandby) return done();
    // The term is given back before the host sleeps; after it, whoever wakes first may lead.
    log_.info("the host is about to sleep or stop: handing over");
    farewell_.wait(done, deadline_in(kSleepTime));
    elector->step_down(kSleepTime);
  };
  auto opened = bus::Service::start(std::move(options), *control_, *this, log_);
  if (!opened) {
    if (!bus_missing_) log_.warning("the D-Bus door is closed: " + opened.error().to_string());
    bus_missing_ = true;
    return std::move(opened).error();
  }
  bus_ = std::move(*opened);
  door_.store(bus_.get());
  events_.relay_to(bus_.get());
  // An election between the look and the word would be overwritten by it.
  bool leads = false;
  do {
    leads = view().is_leader;
    bus_->lead(leads);
  } while (leads != view().is_leader);
  if (bus_missing_) log_.info("the D-Bus door is open");
  bus_missing_ = false;
  return {};
}

Status Agent::start_elector() {
  const auto settings = settings_.get();
  postgres::LeaseIdentity identity;
  identity.cluster_name = settings->cluster_name;
  identity.leader_id = node_id_;
  identity.nonce = nonce_;
  identity.hostname = fmt::format("{}/{}", host_name(), settings->role);
  identity.metadata =
      fmt::format(R"({{"node_id":"{}","version":"{}","api_port":{}}})", node_id_, version_, http_->port());
  identity.listen = true;
  auto store = std::make_unique<postgres::PostgresLeaseStore>(
      postgres::ConnectOptions{settings->database_url, fmt::format("sync-{} lease", settings->role)},
      identity);
  const auto times = lease::ElectionTimes::from(settings->lease_duration, settings->heartbeat_interval);
  SN_ASSIGN(elector_, lease::Elector::start(std::move(store), {settings->cluster_name, node_id_, nonce_},
                                            times, *this));
  candidate_.store(elector_.get());
  // Our own last life is over: we hold its lock.
  if (lock_->previous()) elector_->proven_dead(lock_->previous()->nonce);
  return {};
}

Status Agent::watch_peer() {
  const auto settings = settings_.get();
  peer::PeerCallbacks callbacks;
  callbacks.alive = [this](const peer::NodeFacts& facts) { neighbour_.alive(facts); };
  callbacks.died = [this](const peer::NodeFacts& facts) {
    log_.info(fmt::format("{} (pid {}) is gone", facts.node_id, facts.pid));
    neighbour_.died(facts);
    elector_->proven_dead(facts.nonce);
  };
  SN_ASSIGN(peer_, peer::PeerWatch::start(settings->state_directory, node_ == "a" ? "node-b" : "node-a",
                                          std::move(callbacks)));
  return {};
}

// ---------------------------------------------------------------------------------------------- running

void Agent::tick() {
  const Deadline now = BootClock::now();
  pulse_.look(now);
  farewell_.look(now);
  for (const std::string& loop : pulse_.stalled())
    log_.event(events::kLoopStalled, LogLevel::kError, "", fmt::format("the {} loop stands still", loop));
  if (wants_bus() && bus_ == nullptr) static_cast<void>(open_bus().has_value());  // it said why, once
  report_database();
  const auto facts = elector_->facts();
  for (; attempts_ < facts.attempts; ++attempts_) metrics_.election_attempt();
  for (; successes_ < facts.successes; ++successes_) metrics_.election_success();
  for (; failures_ < facts.failures; ++failures_) metrics_.election_failure();
  if (now >= look_at_ && facts.database_reachable && !facts.hears_notices) {
    look_at_ = now + kLookEvery;
    control_->look_for_changes();
  }
  const auto status = status_line();
  if (status != last_status_) notify_status(status);
  last_status_ = status;
}

void Agent::report_database() {
  const auto reached = contact();
  const bool lost = !reached.reachable && !reached.last_error.empty();
  const Deadline now = BootClock::now();
  // What began as an outage may go on as a wrong password.
  const bool is_other = reached.last_error != lost_why_ && now >= say_why_at_;
  if (lost && (!database_lost_ || is_other)) {
    log_.event(events::kDatabaseLost, LogLevel::kError, "",
               "the database cannot be used: " + reached.last_error);
    lost_why_ = reached.last_error;
    say_why_at_ = now + kSayWhyEvery;
  }
  if (!lost && database_lost_ && reached.reachable)
    log_.event(events::kDatabaseBack, LogLevel::kInfo, "", "the database can be used again");
  database_lost_ = lost || (database_lost_ && !reached.reachable);
}

std::string Agent::status_line() const {
  const auto health = control_->health();
  const auto& leadership = health.leadership;
  std::string line = leadership.is_leader ? fmt::format("leads '{}'", leadership.cluster_name)
                     : leadership.leader_id.empty()
                         ? fmt::format("stands by, nobody leads '{}'", leadership.cluster_name)
                         : fmt::format("stands by, '{}' leads", leadership.leader_id);
  line += fmt::format(", epoch {}", leadership.epoch);
  if (health.clients) line += fmt::format(", {} clients", *health.clients);
  if (health.jobs_running > 0) line += fmt::format(", {} running", health.jobs_running);
  if (health.worst_lag_seconds && *health.worst_lag_seconds >= 1)
    line += fmt::format(", '{}' is {:.0f} s behind", health.worst_lag_client, *health.worst_lag_seconds);
  if (!health.reasons.empty())
    line += fmt::format("; {}: {}", control::to_string(health.status), health.reasons.front());
  return line;
}

Status Agent::reload(const Result<config::Settings>& wanted) {
  const auto refuse = [this](const Error& why) -> Status {
    log_.event(events::kReloadRefused, LogLevel::kError, "",
               "the new settings are refused, the old ones stay: " + why.to_string());
    return why;
  };
  if (!wanted) return refuse(wanted.error());
  const auto now = settings_.get();
  const auto fixed = needs_restart(*now, *wanted);
  if (!fixed.empty()) {
    return refuse({ErrorCode::kFailedPrecondition,
                   fmt::format("{} cannot change while the node runs", fmt::join(fixed, ", ")),
                   "restart the node to apply them"});
  }
  auto policy = conflict::load_policy(*wanted);
  if (!policy) return refuse(policy.error());
  const auto times = lease::ElectionTimes::from(wanted->lease_duration, wanted->heartbeat_interval);
  if (auto retimed = elector_->retime(times); !retimed) return refuse(retimed.error());
  auto token = http::load_token(wanted->api_token_file);
  if (token) {
    if (auto set = http_->set_token(std::move(*token)); !set) return refuse(set.error());
  } else {
    log_.warning("the bearer token stays as it was: " + token.error().to_string());
  }
  log_.set_level(wanted->log_level);
  settings_.set(*wanted, std::move(*policy));
  crew_->clients_changed();
  log_.info("the settings were read again");
  return {};
}

void Agent::stop() {
  if (elector_ == nullptr) return;
  peer_.reset();
  const auto stopped = elector_->stop(deadline_in(kStopTime));
  if (!stopped) log_.warning("the lease was left to run out: " + stopped.error().to_string());
  candidate_.store(nullptr);
  events_.relay_to(nullptr);
  bus_.reset();
  if (http_) http_->stop();
  crew_.reset();
  http_.reset();
  control_.reset();
  elector_.reset();
  log_.event(events::kStopped, LogLevel::kInfo, "", fmt::format("{} stopped", node_id_));
}

// ---------------------------------------------------------------------------------------------- who leads

control::LeadershipView Agent::view() const {
  control::LeadershipView view;
  view.node_id = node_id_;
  view.cluster_name = settings_.get()->cluster_name;
  const auto* elector = candidate_.load();
  if (elector == nullptr) return view;
  const auto facts = elector->facts();
  view.is_leader = facts.leading && elector->may_act();
  view.epoch = facts.epoch;
  if (facts.lease_ends) {
    const auto left = *facts.lease_ends - BootClock::now();
    if (left.count() > 0) {
      view.leader_id = facts.leader_id;
      view.lease_seconds_left = std::chrono::duration<double>(left).count();
      const auto ends = std::chrono::system_clock::now().time_since_epoch() + left;
      view.lease_expires_usec = std::chrono::duration_cast<std::chrono::microseconds>(ends).count();
    }
  }
  return view;
}

std::optional<Term> Agent::term() const {
  const auto* elector = candidate_.load();
  if (elector == nullptr || !elector->may_act()) return std::nullopt;
  return elector->facts().term;
}

void Agent::step_down() {
  if (auto* elector = candidate_.load()) elector->step_down(kStepDownHoldOff);
}

control::Leadership::Contact Agent::contact() const {
  const auto* elector = candidate_.load();
  if (elector == nullptr) return {};
  const auto facts = elector->facts();
  return {facts.database_reachable, facts.kept_waiting, facts.last_contact, facts.last_error};
}

void Agent::elected(const Term& term, std::stop_token term_over) {
  log_.event(events::kElected, LogLevel::kInfo, "",
             fmt::format("{} leads '{}', epoch {}", node_id_, term.cluster_name, term.epoch));
  crew_->lead(term, std::move(term_over));
  if (auto* door = door_.load()) door->lead(true);
}

void Agent::taking() {
  crew_->prepare();
}

void Agent::deposed(const Error& why) {
  log_.event(events::kDeposed, LogLevel::kWarning, "",
             fmt::format("{} leads no more: {}", node_id_, why.message));
  renewals_->passed();
  if (auto* door = door_.load()) door->lead(false);
  if (crew_->is_idle()) {
    if (auto* elector = candidate_.load()) elector->work_ended();
  }
}

void Agent::notice(const std::string& /*payload*/) {
  control_->look_for_changes();
}

void Agent::facts_changed() {
  const auto* elector = candidate_.load();
  // In between the term's work ends, and then the lease is given back.
  if (elector != nullptr && elector->facts().role == lease::Role::kStandby) farewell_.given_back();
  events_.leadership_changed(view());
}

void Agent::renews_at(Deadline when) {
  renewals_->announce(when);
}

void Agent::renewed(std::chrono::nanoseconds took) {
  renewals_->passed();
  log_.debug(fmt::format("the lease was renewed in {:.3f} ms", static_cast<double>(took.count()) / 1e6));
}

void Agent::set_level(LogLevel level) {
  log_.set_level(level);
}

}  // namespace syncnode::daemon
