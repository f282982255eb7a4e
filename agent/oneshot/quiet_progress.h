// QuietProgress: for runs whose log says enough. Thread-safe: it does nothing.
#pragma once

#include "sync/run.h"

namespace syncnode::oneshot {

class QuietProgress final : public sync::Progress {
 public:
  void phase(std::string_view) override {}
  void table(std::string_view, int64_t, int64_t) override {}
};

}  // namespace syncnode::oneshot
