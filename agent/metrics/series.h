// Series: the shapes of the metrics over prometheus-cpp: a gauge that may be absent, gauges by client that
// vanish, counters by a fixed set of words. Refuses to know what they mean (metrics.cpp). The shapes by
// client and the absent gauge lock themselves; the rest is atomic in the library.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace syncnode::metrics {

// A gauge without a value is no series.
class OptionalGauge {
 public:
  explicit OptionalGauge(prometheus::Family<prometheus::Gauge>& family) : family_(family) {}
  void set(std::optional<double> value);

 private:
  prometheus::Family<prometheus::Gauge>& family_;
  std::mutex mutex_;
  prometheus::Gauge* gauge_ = nullptr;
};

class ClientGauges {
 public:
  explicit ClientGauges(prometheus::Family<prometheus::Gauge>& family) : family_(family) {}
  void set(const std::string& client, std::optional<double> value);
  void raise(const std::string& client, double value);  // unless it is higher
  void keep_only(const std::set<std::string>& clients);

 private:
  void remove(std::map<std::string, prometheus::Gauge*>::iterator gauge);

  prometheus::Family<prometheus::Gauge>& family_;
  std::mutex mutex_;
  std::map<std::string, prometheus::Gauge*> gauges_;
};

// One counter for each word, all there from the start; words not in the set count as the last one.
class WordCounters {
 public:
  WordCounters(prometheus::Family<prometheus::Counter>& family, const std::string& label,
               std::initializer_list<const char*> words);
  void increment(std::string_view word, double by = 1);

 private:
  std::map<std::string, prometheus::Counter*, std::less<>> counters_;
  prometheus::Counter* other_ = nullptr;
};

}  // namespace syncnode::metrics
