// SplitLog: the log of the one-shot, as the reference has it: lines "[ISO] INFO: …", errors on standard
// error, all else on standard output. Thread-safe.
#pragma once

#include "base/log.h"

namespace syncnode::oneshot {

class SplitLog final : public Log {
 public:
  explicit SplitLog(LogLevel threshold) : out_(1, threshold), err_(2, threshold) {}
  void write(LogLevel level, std::string_view message) override {
    (level == LogLevel::kError ? err_ : out_).write(level, message);
  }

 private:
  TextLog out_, err_;
};

}  // namespace syncnode::oneshot
