// Runs another program of this host and waits for its end: by an absolute path, without a shell, with an
// environment of its own (PATH of the system, LC_ALL=C) and nothing on its standard input. Refuses to hand on
// descriptors, blocked signals, or the terminal's Ctrl-C. Any thread; blocks until `deadline`.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::process {

struct Finished {
  int exit_code = 0;   // 128 + N when signal N ended it
  std::string output;  // standard output and standard error, at most 1 MiB
};

// `words[0]` is the program. kNotFound: it is not there. kDeadlineExceeded: it was killed at the deadline.
Result<Finished> run(const std::vector<std::string>& words, Deadline deadline);

// In the foreground: with this program's streams, environment and terminal, for as long as it takes. Its exit
// code.
Result<int> run_in_foreground(const std::vector<std::string>& words);

}  // namespace syncnode::process
