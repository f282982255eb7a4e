// StopSignals: turns the first SIGINT or SIGTERM into a stop request; a second one ends the process at once,
// for a person who will not wait. Construct it in main() before any other thread starts, so that all inherit
// the blocked signals. Owns one thread, which blocks on a signalfd and ends with the object. Refuses to run
// code in a handler.
#pragma once

#include <stop_token>
#include <thread>

#include "base/unique_fd.h"

namespace syncnode {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void watch();

  std::stop_source source_;
  UniqueFd signals_;  // signalfd
  UniqueFd finish_;   // eventfd: the destructor asks the thread to end
  std::thread thread_;
};

}  // namespace syncnode
