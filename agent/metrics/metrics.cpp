#include "metrics/metrics.h"

#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <sstream>

#include "metrics/series.h"

namespace syncnode::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

// From a check that finds nothing to a first load of hours.
const Histogram::BucketBoundaries kSeconds{0.005, 0.025, 0.1, 0.25, 0.5, 1,    2.5,  5,
                                           10,    30,    60,  300,  600, 1800, 3600, 14400};

double now_since_1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

std::optional<double> as_double(const std::optional<int64_t>& count) {
  if (!count) return std::nullopt;
  return static_cast<double>(*count);
}

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Counter& counter(Registry& registry, const char* name, const char* help) {
  return counters(registry, name, help).Add({});
}

Family<Gauge>& gauge(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Histogram& histogram(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, kSeconds);
}

}  // namespace

// tests/architecture/docs_match_test.py reads kind and name of each line here.
struct Metrics::Series {
  Registry all;

  Counter& attempts =
      counter(all, "sync_leader_election_attempts_total", "Times this node asked for the lease.");
  Counter& successes = counter(all, "sync_leader_election_successes_total", "Times it was granted.");
  Counter& failures = counter(all, "sync_leader_election_failures_total",
                              "Times the asking failed; a lease of somebody else is no failure.");
  Gauge& is_leader = gauge(all, "sync_is_leader", "1 while this node holds the lease.").Add({});
  OptionalGauge epoch{gauge(all, "sync_epoch", "Epoch of the newest term this node knows of.")};
  OptionalGauge lease_left{gauge(all, "sync_lease_left_seconds",
                                 "Seconds until the current lease ends, as far as this node knows.")};
  OptionalGauge database_up{
      gauge(all, "sync_database_up", "1 when the last attempt to use the database succeeded.")};

  WordCounters operations{
      counters(all, "sync_operations_total", "Runs that ended, by how they ended."),
      "status",
      {"success", "failed", "held", "conflicts", "cancelled", "fenced", "starved", "other"}};
  Histogram& duration = histogram(all, "sync_operation_duration_seconds", "How long runs took.");
  Counter& rows = counter(all, "sync_rows_synced_total", "Rows inserted, updated and removed in copies.");
  Counter& unchanged = counter(all, "sync_unchanged_checks_total",
                               "Clients that were due and found unchanged, without a run or a statement.");
  WordCounters captures{
      counters(all, "sync_captures_total", "Readings of sources, by what told which pages had changed."),
      "evidence",
      {"unchanged", "log", "trail", "journals", "checksums", "none", "other"}};
  WordCounters compared{counters(all, "sync_captured_tables_total",
                                 "Tables of these readings, by how much of them had to be read."),
                        "read",
                        {"nothing", "part", "whole", "other"}};
  WordCounters verifications{
      counters(all, "sync_verifications_total", "Verifies that ended, by what they found."),
      "result",
      {"equal", "differs", "failed", "cancelled", "fenced", "starved", "other"}};
  Counter& detected =
      counter(all, "sync_conflicts_detected_total", "Rows found changed on both sides since the last sync.");
  WordCounters resolved{counters(all, "sync_conflicts_resolved_total", "Conflicts resolved, by strategy."),
                        "strategy",
                        {"newest_wins", "source_wins", "target_wins", "merge", "manual", "other"}};
  Counter& alarms =
      counter(all, "sync_conflict_alarms_total",
              "Runs after which a client had more conflicts in an hour than its policy allows.");
  Gauge& running = gauge(all, "sync_jobs_running", "Runs under way on this node.").Add({});
  Gauge& waiting =
      gauge(all, "sync_jobs_waiting", "Runs that are due or asked for and wait for a worker.").Add({});

  Counter& hits = counter(all, "sync_cache_hits_total", "Reads of state answered by the cache.");
  Counter& misses = counter(all, "sync_cache_misses_total", "Reads of state that had to ask the database.");
  Counter& evictions = counter(all, "sync_cache_evictions_total",
                               "Values that left the cache for room or because their time was over.");

  OptionalGauge clients{gauge(all, "sync_clients", "Clients this node is responsible for.")};
  ClientGauges lag{gauge(all, "sync_client_lag_seconds",
                         "From the last commit of the client's database to that of its copy.")};
  ClientGauges quarantined{gauge(all, "sync_client_quarantined_values",
                                 "Values kept beside the copy because its types cannot hold them.")};
  ClientGauges held{gauge(all, "sync_client_held_rows", "Deletes that wait for a person's decision.")};
  ClientGauges failing{gauge(all, "sync_client_failing", "1 when the last sync of the client failed.")};
  ClientGauges starved{gauge(all, "sync_client_starved",
                             "1 when the last run gave up because no consistent snapshot was to be had "
                             "without delaying the application.")};
  ClientGauges wal_growth{
      gauge(all, "sync_client_wal_growth_bytes",
            "The most the client's write-ahead log grew during one read, since the start.")};
  ClientGauges transaction{
      gauge(all, "sync_read_transaction_seconds", "How long the last read of the client's database took.")};
  ClientGauges longest_transaction{gauge(all, "sync_read_transaction_longest_seconds",
                                         "How long the longest read of it took, since the start.")};
  ClientGauges shared{
      gauge(all, "sync_shared_hold_seconds",
            "The longest time the last read of a client's database kept its writers waiting.")};
  ClientGauges longest_shared{
      gauge(all, "sync_shared_hold_longest_seconds",
            "The longest time any read of it kept its writers waiting, since the start.")};

  Gauge& started = gauge(all, "sync_start_time_seconds", "When this node started, in seconds since 1970.")
                       .Add({}, now_since_1970());
  Family<Gauge>& build = gauge(all, "sync_build_info", "1, labelled with the version of the program.");

  std::array<ClientGauges*, 10> by_client{&lag,     &quarantined,   &held,        &failing,
                                          &starved, &wal_growth,    &transaction, &longest_transaction,
                                          &shared,  &longest_shared};
};

Metrics::Metrics(std::string_view version) : series_(std::make_unique<Series>()) {
  series_->build.Add({{"version", std::string(version)}}, 1);
}

Metrics::~Metrics() = default;

void Metrics::election_attempt() {
  series_->attempts.Increment();
}

void Metrics::election_success() {
  series_->successes.Increment();
}

void Metrics::election_failure() {
  series_->failures.Increment();
}

void Metrics::set_leader(bool leader) {
  series_->is_leader.Set(leader ? 1 : 0);
}

void Metrics::set_epoch(int64_t epoch) {
  series_->epoch.set(static_cast<double>(epoch));
}

void Metrics::set_lease_left(std::optional<double> seconds) {
  series_->lease_left.set(seconds);
}

void Metrics::set_database_up(std::optional<bool> up) {
  series_->database_up.set(up ? std::optional(*up ? 1.0 : 0.0) : std::nullopt);
}

void Metrics::operation(std::string_view status, double seconds, int64_t rows) {
  series_->operations.increment(status);
  series_->duration.Observe(seconds);
  series_->rows.Increment(static_cast<double>(std::max<int64_t>(rows, 0)));
}

void Metrics::verification(std::string_view result, int64_t rows) {
  series_->verifications.increment(result);
  series_->rows.Increment(static_cast<double>(std::max<int64_t>(rows, 0)));
}

void Metrics::captured(std::string_view evidence, int64_t unchanged, int64_t in_part, int64_t whole) {
  series_->captures.increment(evidence);
  series_->compared.increment("nothing", static_cast<double>(unchanged));
  series_->compared.increment("part", static_cast<double>(in_part));
  series_->compared.increment("whole", static_cast<double>(whole));
}

void Metrics::unchanged() {
  series_->unchanged.Increment();
}

void Metrics::conflicts_detected(int64_t count) {
  series_->detected.Increment(static_cast<double>(std::max<int64_t>(count, 0)));
}

void Metrics::conflict_resolved(std::string_view strategy, int64_t count) {
  series_->resolved.increment(strategy, static_cast<double>(std::max<int64_t>(count, 0)));
}

void Metrics::conflict_alarm() {
  series_->alarms.Increment();
}

void Metrics::set_jobs(int64_t running, int64_t waiting) {
  series_->running.Set(static_cast<double>(running));
  series_->waiting.Set(static_cast<double>(waiting));
}

void Metrics::cache_hit() {
  series_->hits.Increment();
}

void Metrics::cache_miss() {
  series_->misses.Increment();
}

void Metrics::cache_eviction() {
  series_->evictions.Increment();
}

void Metrics::set_client(const std::string& client, const ClientFigures& figures) {
  series_->lag.set(client, figures.lag_seconds);
  series_->quarantined.set(client, as_double(figures.quarantined_values));
  series_->held.set(client, as_double(figures.held_rows));
}

void Metrics::set_lag(const std::string& client, std::optional<double> seconds) {
  series_->lag.set(client, seconds);
}

void Metrics::set_failing(const std::string& client, bool failing) {
  series_->failing.set(client, failing ? 1 : 0);
}

void Metrics::set_starved(const std::string& client, bool starved) {
  series_->starved.set(client, starved ? 1 : 0);
}

void Metrics::read(const std::string& client, double transaction_seconds, double shared_seconds,
                   int64_t log_growth) {
  series_->transaction.set(client, transaction_seconds);
  series_->longest_transaction.raise(client, transaction_seconds);
  series_->shared.set(client, shared_seconds);
  series_->longest_shared.raise(client, shared_seconds);
  series_->wal_growth.raise(client, static_cast<double>(log_growth));
}

void Metrics::keep_clients(const std::vector<std::string>& clients) {
  const std::set<std::string> kept(clients.begin(), clients.end());
  for (ClientGauges* gauges : series_->by_client) gauges->keep_only(kept);
  series_->clients.set(static_cast<double>(kept.size()));
}

void Metrics::forget_clients() {
  for (ClientGauges* gauges : series_->by_client) gauges->keep_only({});
  series_->clients.set(std::nullopt);
}

std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> families = series_->all.Collect();
  const auto less_labels = [](const prometheus::ClientMetric& a, const prometheus::ClientMetric& b) {
    return a.label < b.label;
  };
  for (auto& family : families) std::sort(family.metric.begin(), family.metric.end(), less_labels);
  std::ostringstream out;
  out.imbue(std::locale::classic());
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace syncnode::metrics
