// The one-shot: one sync of one client under a lease of its own, for scripts and cron. Exit codes 0, 1 and 2
// only.
#pragma once

#include <string>
#include <vector>

namespace syncnode::oneshot {

enum class ExitCode { kSuccess = 0, kFatal = 1, kNeedsPerson = 2 };

// Main thread; `words` are those behind the program's name.
ExitCode run_oneshot(const std::vector<std::string>& words);

}  // namespace syncnode::oneshot
