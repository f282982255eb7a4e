// Every metric moves by its own method and by no other, what is not known is absent, and what is gone
// vanishes.
#include "metrics/metrics.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <thread>

namespace syncnode::metrics {
namespace {

using Series = std::map<std::string, double>;

Series series_of(const Metrics& metrics) {
  Series found;
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#") || line.empty()) continue;
    const size_t blank = line.rfind(' ');
    found[line.substr(0, blank)] = std::stod(line.substr(blank + 1));
  }
  return found;
}

// What differs from before, as (series → by how much); a series that came counts from 0, one that went by
// minus its value and "gone " in front.
Series moved(const Metrics& metrics, const std::function<void()>& action) {
  const Series before = series_of(metrics);
  action();
  const Series after = series_of(metrics);
  Series difference;
  for (const auto& [name, value] : after) {
    const auto was = before.find(name);
    if (was == before.end()) {
      difference["new " + name] = value;
    } else if (was->second != value) {
      difference[name] = value - was->second;
    }
  }
  for (const auto& [name, value] : before) {
    if (!after.contains(name)) difference["gone " + name] = value;
  }
  return difference;
}

constexpr const char* kReference[] = {"sync_leader_election_attempts_total",
                                      "sync_leader_election_successes_total",
                                      "sync_leader_election_failures_total",
                                      "sync_is_leader",
                                      "sync_operations_total",
                                      "sync_operation_duration_seconds",
                                      "sync_rows_synced_total",
                                      "sync_conflicts_detected_total",
                                      "sync_conflicts_resolved_total",
                                      "sync_cache_hits_total",
                                      "sync_cache_misses_total",
                                      "sync_cache_evictions_total"};

TEST(Metrics, AFreshNodeShowsTheReferencesTwelveAndNothingItDoesNotKnow) {
  const Metrics metrics("0.1.0");
  const std::string text = metrics.text();
  for (const char* name : kReference) {
    EXPECT_NE(text.find("# TYPE " + std::string(name) + " "), std::string::npos) << name;
    EXPECT_NE(text.find("\n" + std::string(name)), std::string::npos) << name << " has no sample";
  }
  const Series fresh = series_of(metrics);
  for (const char* unknown : {"sync_epoch", "sync_lease_left_seconds", "sync_database_up", "sync_clients"}) {
    EXPECT_FALSE(fresh.contains(unknown)) << unknown;
  }
  EXPECT_EQ(text.find("client=\""), std::string::npos);
  EXPECT_EQ(fresh.at("sync_is_leader"), 0);
  EXPECT_EQ(fresh.at("sync_build_info{version=\"0.1.0\"}"), 1);
  EXPECT_GT(fresh.at("sync_start_time_seconds"), 1.7e9);
  for (const char* status :
       {"success", "failed", "held", "conflicts", "cancelled", "fenced", "starved", "other"}) {
    EXPECT_EQ(fresh.at("sync_operations_total{status=\"" + std::string(status) + "\"}"), 0);
  }
  for (const char* strategy : {"newest_wins", "source_wins", "target_wins", "merge", "manual", "other"}) {
    EXPECT_EQ(fresh.at("sync_conflicts_resolved_total{strategy=\"" + std::string(strategy) + "\"}"), 0);
  }
}

TEST(Metrics, EachMovesByItsOwnMethod) {
  Metrics m("0.1.0");
  const std::vector<std::pair<std::function<void()>, Series>> steps{
      {[&] { m.election_attempt(); }, {{"sync_leader_election_attempts_total", 1}}},
      {[&] { m.election_success(); }, {{"sync_leader_election_successes_total", 1}}},
      {[&] { m.election_failure(); }, {{"sync_leader_election_failures_total", 1}}},
      {[&] { m.set_leader(true); }, {{"sync_is_leader", 1}}},
      {[&] { m.set_epoch(7); }, {{"new sync_epoch", 7}}},
      {[&] { m.set_epoch(9); }, {{"sync_epoch", 2}}},
      {[&] { m.set_lease_left(41.5); }, {{"new sync_lease_left_seconds", 41.5}}},
      {[&] { m.set_lease_left(std::nullopt); }, {{"gone sync_lease_left_seconds", 41.5}}},
      {[&] { m.set_lease_left(std::nullopt); }, {}},
      {[&] { m.set_lease_left(3); }, {{"new sync_lease_left_seconds", 3}}},
      {[&] { m.set_database_up(false); }, {{"new sync_database_up", 0}}},
      {[&] { m.set_database_up(true); }, {{"sync_database_up", 1}}},
      {[&] { m.verification("differs", 2); },
       {{"sync_verifications_total{result=\"differs\"}", 1}, {"sync_rows_synced_total", 2}}},
      {[&] { m.conflicts_detected(3); }, {{"sync_conflicts_detected_total", 3}}},
      {[&] { m.conflict_resolved("merge"); }, {{"sync_conflicts_resolved_total{strategy=\"merge\"}", 1}}},
      {[&] { m.conflict_resolved("unheard of"); },
       {{"sync_conflicts_resolved_total{strategy=\"other\"}", 1}}},
      {[&] { m.set_jobs(2, 5); }, {{"sync_jobs_running", 2}, {"sync_jobs_waiting", 5}}},
      {[&] { m.cache_hit(); }, {{"sync_cache_hits_total", 1}}},
      {[&] { m.cache_miss(); }, {{"sync_cache_misses_total", 1}}},
      {[&] { m.cache_eviction(); }, {{"sync_cache_evictions_total", 1}}},
      {[&] {
         m.set_client("acme", {0.25, 3, 4});
       },
       {{"new sync_client_lag_seconds{client=\"acme\"}", 0.25},
        {"new sync_client_quarantined_values{client=\"acme\"}", 3},
        {"new sync_client_held_rows{client=\"acme\"}", 4}}},
      {[&] {
         m.set_client("acme", {std::nullopt, 0, 4});
       },
       {{"gone sync_client_lag_seconds{client=\"acme\"}", 0.25},
        {"sync_client_quarantined_values{client=\"acme\"}", -3}}},
      {[&] { m.set_lag("acme", 9); }, {{"new sync_client_lag_seconds{client=\"acme\"}", 9}}},
      {[&] { m.set_failing("acme", true); }, {{"new sync_client_failing{client=\"acme\"}", 1}}},
      {[&] { m.set_failing("acme", false); }, {{"sync_client_failing{client=\"acme\"}", -1}}},
      {[&] { m.set_starved("acme", true); }, {{"new sync_client_starved{client=\"acme\"}", 1}}},
      {[&] { m.set_starved("acme", false); }, {{"sync_client_starved{client=\"acme\"}", -1}}},
      {[&] { m.captured("log", 3, 2, 1); },
       {{"sync_captured_tables_total{read=\"nothing\"}", 3},
        {"sync_captured_tables_total{read=\"part\"}", 2},
        {"sync_captured_tables_total{read=\"whole\"}", 1},
        {"sync_captures_total{evidence=\"log\"}", 1}}},
      {[&] { m.unchanged(); }, {{"sync_unchanged_checks_total", 1}}},
      {[&] { m.read("acme", 0.5, 0.03125, 4096); },
       {{"new sync_client_wal_growth_bytes{client=\"acme\"}", 4096},
        {"new sync_read_transaction_seconds{client=\"acme\"}", 0.5},
        {"new sync_read_transaction_longest_seconds{client=\"acme\"}", 0.5},
        {"new sync_shared_hold_seconds{client=\"acme\"}", 0.03125},
        {"new sync_shared_hold_longest_seconds{client=\"acme\"}", 0.03125}}},
      {[&] { m.read("acme", 0.25, 0.0625, 1024); },
       {{"sync_read_transaction_seconds{client=\"acme\"}", -0.25},
        {"sync_shared_hold_seconds{client=\"acme\"}", 0.03125},
        {"sync_shared_hold_longest_seconds{client=\"acme\"}", 0.03125}}},
      {[&] {
         m.keep_clients({"acme", "beta"});
       },
       {{"new sync_clients", 2}}},
  };
  for (size_t i = 0; i < steps.size(); ++i)
    EXPECT_EQ(moved(m, steps[i].first), steps[i].second) << "step " << i;
}

TEST(Metrics, ARunMovesItsStatusItsDurationAndItsRows) {
  Metrics m("0.1.0");
  const Series run = moved(m, [&] { m.operation("held", 0.3, 12); });
  EXPECT_EQ(run.at("sync_operations_total{status=\"held\"}"), 1);
  EXPECT_EQ(run.at("sync_rows_synced_total"), 12);
  EXPECT_EQ(run.at("sync_operation_duration_seconds_count"), 1);
  EXPECT_EQ(run.at("sync_operation_duration_seconds_sum"), 0.3);
  EXPECT_EQ(run.at("sync_operation_duration_seconds_bucket{le=\"0.5\"}"), 1);
  EXPECT_FALSE(run.contains("sync_operation_duration_seconds_bucket{le=\"0.25\"}"));
  const Series odd = moved(m, [&] { m.operation("unheard of", 1, -1); });
  EXPECT_EQ(odd.at("sync_operations_total{status=\"other\"}"), 1);
  EXPECT_FALSE(odd.contains("sync_rows_synced_total"));
}

TEST(Metrics, TheSeriesOfAClientVanishWithIt) {
  Metrics m("0.1.0");
  for (const char* client : {"acme", "beta"}) {
    m.set_client(client, {1, 1, 1});
    m.set_failing(client, true);
    m.set_starved(client, true);
    m.read(client, 1, 1, 1);
  }
  m.keep_clients({"beta"});
  const std::string text = m.text();
  EXPECT_EQ(text.find("acme"), std::string::npos);
  EXPECT_NE(text.find("sync_client_wal_growth_bytes{client=\"beta\"} 1"), std::string::npos) << text;
  EXPECT_EQ(series_of(m).at("sync_clients"), 1);
  m.forget_clients();
  EXPECT_EQ(m.text().find("client="), std::string::npos);
}

TEST(Metrics, NamesOfClientsAreEscaped) {
  Metrics m("0.1.0");
  m.set_lag("a\"b\\c\n", 1);
  EXPECT_NE(m.text().find(R"(sync_client_lag_seconds{client="a\"b\\c\n"} 1)"), std::string::npos) << m.text();
}

TEST(Metrics, TheOrderIsTheSameEveryTime) {
  Metrics m("0.1.0");
  for (int i = 20; i-- > 0;) m.set_lag("client " + std::to_string(i), i);
  const std::string text = m.text();
  EXPECT_LT(text.find("client 0"), text.find("client 1"));
  EXPECT_LT(text.find("client 18"), text.find("client 19"));
}

TEST(Metrics, MayBeMovedAndReadFromManyThreads) {
  Metrics m("0.1.0");
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&m, thread] {
      for (int i = 0; i < 300; ++i) {
        const std::string client = "client " + std::to_string((i + thread) % 5);
        m.operation("success", 0.1, 1);
        m.set_client(client, {1, 2, 3});
        m.set_lease_left(i % 2 == 0 ? std::optional(1.0) : std::nullopt);
        m.keep_clients({client});
        if (i % 10 == 0) {
          EXPECT_FALSE(m.text().empty());
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(series_of(m).at("sync_operations_total{status=\"success\"}"), 900);
}

}  // namespace
}  // namespace syncnode::metrics
