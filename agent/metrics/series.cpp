#include "metrics/series.h"

namespace syncnode::metrics {

void OptionalGauge::set(std::optional<double> value) {
  const std::lock_guard lock(mutex_);
  if (value) {
    if (gauge_ == nullptr) gauge_ = &family_.Add({});
    gauge_->Set(*value);
  } else if (gauge_ != nullptr) {
    family_.Remove(gauge_);
    gauge_ = nullptr;
  }
}

void ClientGauges::set(const std::string& client, std::optional<double> value) {
  const std::lock_guard lock(mutex_);
  const auto found = gauges_.find(client);
  if (!value) {
    if (found != gauges_.end()) remove(found);
    return;
  }
  if (found != gauges_.end()) {
    found->second->Set(*value);
  } else {
    gauges_.emplace(client, &family_.Add({{"client", client}}, *value));
  }
}

void ClientGauges::raise(const std::string& client, double value) {
  const std::lock_guard lock(mutex_);
  const auto found = gauges_.find(client);
  if (found == gauges_.end()) {
    gauges_.emplace(client, &family_.Add({{"client", client}}, value));
  } else if (found->second->Value() < value) {
    found->second->Set(value);
  }
}

void ClientGauges::keep_only(const std::set<std::string>& clients) {
  const std::lock_guard lock(mutex_);
  for (auto gauge = gauges_.begin(); gauge != gauges_.end();) {
    const auto here = gauge++;
    if (!clients.contains(here->first)) remove(here);
  }
}

void ClientGauges::remove(std::map<std::string, prometheus::Gauge*>::iterator gauge) {
  family_.Remove(gauge->second);
  gauges_.erase(gauge);
}

WordCounters::WordCounters(prometheus::Family<prometheus::Counter>& family, const std::string& label,
                           std::initializer_list<const char*> words) {
  for (const char* word : words) {
    other_ = &family.Add({{label, word}});
    counters_.emplace(word, other_);
  }
}

void WordCounters::increment(std::string_view word, double by) {
  const auto found = counters_.find(word);
  (found == counters_.end() ? other_ : found->second)->Increment(by);
}

}  // namespace syncnode::metrics
