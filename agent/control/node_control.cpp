#include "control/node_control.h"

#include <fmt/format.h>

#include <utility>

#include "control/records.h"
#include "control/requests.h"

namespace syncnode::control {
namespace {

StateView view_of(const std::string& key, const state::StateAnswer& answer) {
  return {key, answer.record.value, answer.cached, answer.record.version, answer.record.updated_at};
}

std::string_view in_words(JobKind kind) {
  if (kind == JobKind::kVerify) return "verify";
  return kind == JobKind::kFullSync ? "full sync" : "sync";
}

std::function<void(state::CacheEvent)> counting_into(metrics::Metrics& metrics) {
  return [&metrics](state::CacheEvent event) {
    switch (event) {
      case state::CacheEvent::kHit:
        return metrics.cache_hit();
      case state::CacheEvent::kMiss:
        return metrics.cache_miss();
      case state::CacheEvent::kEviction:
        return metrics.cache_eviction();
    }
  };
}

state::CacheLimits limits_for(std::chrono::seconds ttl) {
  state::CacheLimits limits;
  limits.ttl = ttl;
  return limits;
}

// What the leader's workers know better than the database, where nothing is written of an unchanged client.
void add_checks(std::vector<DeploymentView>& views, const std::optional<std::vector<ClientFacts>>& clients) {
  if (!clients) return;
  for (const ClientFacts& client : *clients) {
    for (DeploymentView& view : views) {
      if (view.client_name == client.name) view.checked_seconds = client.checked_seconds;
    }
  }
}

}  // namespace

NodeControl::NodeControl(NodeIdentity identity, NodeParts parts, postgres::ConnectOptions connect)
    : identity_(std::move(identity)),
      parts_(std::move(parts)),
      started_(BootClock::now()),
      cache_(limits_for(identity_.cache_ttl), counting_into(parts_.metrics)),
      store_([this](Deadline) -> Result<postgres::Connection*> { return connection_; },
             identity_.cluster_name),
      state_(store_, cache_),
      feed_(identity_.cluster_name, cache_),
      desk_(std::move(connect)) {}

Error NodeControl::may_not(const char* what) {
  return {ErrorCode::kPermissionDenied, fmt::format("you may not {}", what),
          "over HTTP give the bearer token; over D-Bus ask the administrator (polkit)"};
}

Result<Term> NodeControl::term_to_act() const {
  if (auto term = parts_.leadership.term()) return std::move(*term);
  const auto view = parts_.leadership.view();
  if (view.leader_id.empty() || view.leader_id == view.node_id) {
    return Error{ErrorCode::kFenced, "no node leads at the moment", "try again in a moment"};
  }
  return Error{ErrorCode::kFenced, fmt::format("this node does not lead; '{}' does", view.leader_id),
               "ask the leader"};
}

// ---------------------------------------------------------------------------------------------- open to
// everybody

HealthView NodeControl::health() const {
  const auto lease = identity_.lease;
  HealthView view = judge({parts_.leadership.view(), parts_.leadership.contact(), parts_.jobs.clients(),
                           parts_.stalled(), lease, started_, BootClock::now()});
  view.version = identity_.version;
  view.jobs_running = static_cast<int>(parts_.jobs.running());
  view.jobs_waiting = static_cast<int>(parts_.jobs.waiting());
  return view;
}

std::string NodeControl::metrics() const {
  if (!identity_.metrics_enabled) return "";
  auto& metrics = parts_.metrics;
  const auto view = parts_.leadership.view();
  metrics.set_leader(view.is_leader);
  metrics.set_epoch(view.epoch);
  metrics.set_lease_left(view.lease_seconds_left);
  const auto contact = parts_.leadership.contact();
  const bool tried = contact.last.has_value() || !contact.last_error.empty();
  metrics.set_database_up(tried ? std::optional(contact.reachable) : std::nullopt);
  metrics.set_jobs(static_cast<int64_t>(parts_.jobs.running()), static_cast<int64_t>(parts_.jobs.waiting()));
  if (const auto clients = parts_.jobs.clients()) {
    std::vector<std::string> names;
    for (const ClientFacts& client : *clients) {
      names.push_back(client.name);
      metrics.set_lag(client.name, client.lag_seconds);
      metrics.set_failing(client.name, client.failing);
      metrics.set_starved(client.name, client.starved);
    }
    metrics.keep_clients(names);
  } else {
    metrics.forget_clients();
  }
  return metrics.text();
}

void NodeControl::cluster(Done<std::vector<ClusterHostView>> done) {
  ask<std::vector<ClusterHostView>>(std::move(done),
                                    [this](postgres::Connection& connection, Deadline deadline) {
                                      return read_cluster(connection, identity_.cluster_name, deadline);
                                    });
}

// ---------------------------------------------------------------------------------------------- reading

void NodeControl::deployments(const Caller& caller, Done<std::vector<DeploymentView>> done) {
  if (!caller.may_read) return done(may_not("see the clients"));
  ask<std::vector<DeploymentView>>(
      std::move(done), [this](postgres::Connection& connection, Deadline deadline) {
        auto views = read_deployments(connection, identity_.cluster_name, deadline);
        if (views) add_checks(*views, parts_.jobs.clients());
        return views;
      });
}

void NodeControl::job(const Caller& caller, std::string job_id, Done<JobView> done) {
  if (!caller.may_read) return done(may_not("see the jobs"));
  if (auto checked = check_uuid("job", job_id); !checked) return done(std::move(checked).error());
  ask<JobView>(std::move(done),
               [job_id = std::move(job_id)](postgres::Connection& connection, Deadline deadline) {
                 return read_job(connection, job_id, deadline);
               });
}

void NodeControl::jobs(const Caller& caller, std::string client_name, int64_t limit,
                       Done<std::vector<JobView>> done) {
  if (!caller.may_read) return done(may_not("see the jobs"));
  if (auto checked = check_limit(limit); !checked) return done(std::move(checked).error());
  ask<std::vector<JobView>>(std::move(done), [client = std::move(client_name), limit](
                                                 postgres::Connection& connection, Deadline deadline) {
    return read_jobs(connection, client, limit, deadline);
  });
}

// ---------------------------------------------------------------------------------------------- changing

void NodeControl::trigger(const Caller& caller, TriggerRequest request, Done<std::string> done) {
  if (!caller.may_change) return done(may_not("start a sync"));
  const auto kind = check_trigger(request);
  if (!kind) return done(kind.error());
  auto term = term_to_act();
  if (!term) return done(std::move(term).error());
  ask<std::string>(std::move(done), [this, term = std::move(*term), client = std::move(request.client_name),
                                     kind = *kind,
                                     by = caller.name](postgres::Connection& connection, Deadline deadline) {
    auto job_id = queue_job(connection, term, client, kind, by, deadline);
    if (job_id) {
      parts_.log.info(fmt::format("{} asked for a {} of '{}': job {}", by, in_words(kind), client, *job_id));
      parts_.jobs.requested({client, *job_id, kind, by});
    }
    return job_id;
  });
}

void NodeControl::cancel(const Caller& caller, std::string job_id, Done<void> done) {
  if (!caller.may_change) return done(may_not("cancel a job"));
  if (auto checked = check_uuid("job", job_id); !checked) return done(std::move(checked).error());
  auto term = term_to_act();
  if (!term) return done(std::move(term).error());
  ask<void>(std::move(done),
            [this, term = std::move(*term), job_id = std::move(job_id), by = caller.name](
                postgres::Connection& connection, Deadline deadline) -> Status {
              const bool known = parts_.jobs.cancel(job_id);
              SN_ASSIGN(const bool waited, cancel_waiting_job(connection, term, job_id, by, deadline));
              if (known || waited) {
                parts_.log.info(fmt::format("{} cancelled job {}", by, job_id));
                return {};
              }
              SN_ASSIGN(const JobView job, read_job(connection, job_id, deadline));
              return Error{ErrorCode::kFailedPrecondition,
                           fmt::format("job {} is over: {}", job_id, job.status), ""};
            });
}

void NodeControl::set_enabled(const Caller& caller, std::string client_name, bool enabled, Done<void> done) {
  if (!caller.may_change) return done(may_not("pause or resume a client"));
  if (auto checked = check_client_name(client_name); !checked) return done(std::move(checked).error());
  auto term = term_to_act();
  if (!term) return done(std::move(term).error());
  ask<void>(std::move(done),
            [this, client = std::move(client_name), enabled, by = caller.name](
                postgres::Connection& connection, Deadline deadline) -> Status {
              SN_ASSIGN(const Term now, term_to_act());
              SN_TRY(set_client_enabled(connection, now, client, enabled, deadline));
              state_.invalidate("deployment." + client);
              parts_.log.info(fmt::format("{} {} client '{}'", by, enabled ? "resumed" : "paused", client));
              parts_.jobs.clients_changed();
              return {};
            });
}

void NodeControl::step_down(const Caller& caller, Done<void> done) {
  if (!caller.may_change) return done(may_not("change who leads"));
  auto term = term_to_act();
  if (!term) return done(std::move(term).error());
  parts_.log.info(fmt::format("{} asked this node to step down", caller.name));
  parts_.leadership.step_down();
  done(Status());
}

// ---------------------------------------------------------------------------------------------- state

void NodeControl::get_state(const Caller& caller, std::string key, Done<StateView> done) {
  if (!caller.may_read) return done(may_not("see the state"));
  if (auto cached = state_.peek(key)) return done(view_of(key, *cached));
  ask<StateView>(std::move(done),
                 [this, key = std::move(key)](postgres::Connection&, Deadline deadline) -> Result<StateView> {
                   SN_ASSIGN(const auto answer, state_.get(key, deadline));
                   return view_of(key, answer);
                 });
}

void NodeControl::set_state(const Caller& caller, StateWrite write, Done<StateView> done) {
  if (!caller.may_change) return done(may_not("change the state"));
  ask<StateView>(std::move(done),
                 [this, caller, write = std::move(write)](postgres::Connection&, Deadline deadline) {
                   return write_state(caller, write, deadline);
                 });
}

Result<StateView> NodeControl::write_state(const Caller& caller, const StateWrite& write, Deadline deadline) {
  auto term = term_to_act();
  if (!term) {
    if (caller.forwarded) return std::move(term).error();  // two followers would send it round for ever
    auto written = parts_.other.set_state(caller.name, write.key, write.value, write.if_version, deadline);
    if (written) state_.invalidate(write.key);
    return written;
  }
  SN_ASSIGN(const auto answer,
            state_.put(*term, {write.key, write.value, caller.name, write.if_version}, deadline));
  parts_.log.info(fmt::format("{} set '{}' to version {}", caller.name, write.key, answer.record.version));
  if (write.key.rfind("deployment.", 0) == 0) parts_.jobs.clients_changed();
  return view_of(write.key, answer);
}

void NodeControl::look_for_changes() {
  // One look is enough for any number of notices that come before it begins.
  if (looking_.exchange(true)) return;
  auto posted = desk_.post([this](Result<postgres::Connection*> connection, Deadline deadline) {
    looking_ = false;
    if (!connection) return;  // what is cached stays valid for its time at most
    const auto changed = feed_.poll(**connection, deadline);
    if (changed && *changed > 0) parts_.jobs.clients_changed();
  });
  if (!posted) looking_ = false;
}

}  // namespace syncnode::control
