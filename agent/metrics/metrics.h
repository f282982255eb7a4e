// Metrics: what a node measures, in the names of docs/TECHNICAL_REFERENCE.md ("Metrics"), as Prometheus reads
// it. Counters and their labels exist from the start at 0, so that rates work; a gauge whose value is not
// known is absent, never 0; the series of a client vanish with the client. Refuses to measure: its callers
// do. Thread-safe, and quick enough for any thread; text() costs a scrape.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncnode::metrics {

// What one client's last run came to; an empty one is not known.
struct ClientFigures {
  std::optional<double> lag_seconds;  // from the source's last commit to the copy's
  std::optional<int64_t> quarantined_values, held_rows;
};

class Metrics {
 public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Leadership.
  void election_attempt();  // this node asked for a lease
  void election_success();  // it was granted
  void election_failure();  // the asking failed; somebody else's lease is no failure
  void set_leader(bool leader);
  void set_epoch(int64_t epoch);
  void set_lease_left(std::optional<double> seconds);  // nothing: no lease is known
  void set_database_up(std::optional<bool> up);        // nothing: not tried yet

  // Runs. Statuses are those a job of sync_jobs ends with; strategies those of conflict_log. Another word is
  // counted under "other": a figure in the wrong drawer is better than none.
  void operation(std::string_view status, double seconds, int64_t rows);
  // A verify that ended: "equal", "differs", or as a job that could not compare; with the rows its sync
  // shipped.
  void verification(std::string_view result, int64_t rows);
  // By what a run found the changes in its source ("unchanged", "log", "trail", "journals", "checksums",
  // "none"), and how many tables it did not look at, looked at in part, compared as a whole.
  void captured(std::string_view evidence, int64_t unchanged, int64_t in_part, int64_t whole);
  void unchanged();  // a client that was due did not change since its last run, so none was made
  void conflicts_detected(int64_t count = 1);
  void conflict_resolved(std::string_view strategy, int64_t count = 1);
  void conflict_alarm();  // a client had more of them in an hour than its policy allows
  void set_jobs(int64_t running, int64_t waiting);

  // The cache of state.
  void cache_hit();
  void cache_miss();
  void cache_eviction();

  // Clients. What is not known vanishes.
  void set_client(const std::string& client, const ClientFigures& figures);
  void set_lag(const std::string& client, std::optional<double> seconds);
  void set_failing(const std::string& client, bool failing);
  void set_starved(const std::string& client, bool starved);
  // What our last reading of it could do to its application; the longest since the start are kept besides.
  void read(const std::string& client, double transaction_seconds, double shared_seconds, int64_t log_growth);
  void keep_clients(const std::vector<std::string>& clients);  // all others are gone; also their number
  void forget_clients();  // a node that does not lead knows nothing of them

  std::string text() const;  // text format 0.0.4, families and series in a stable order

 private:
  struct Series;
  const std::unique_ptr<Series> series_;
};

}  // namespace syncnode::metrics
