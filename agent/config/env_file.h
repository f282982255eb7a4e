// Env files: KEY=VALUE lines, comments, optional quotes. The grammar is the part on which the shell, systemd
// and this program agree, so one file serves all three; whatever they would read differently is refused with
// its line.
//
//   line    := blank | '#' comment | ['export '] KEY '=' value [blanks '#' comment]
//   value   := bare | 'any byte but a quote' | "bytes, with \" \\ \$ \` escaped"
//   bare    := no blanks, quotes, backslashes, nor $ ` & ; | < > ( )
//
// Refuses to expand variables, to join lines, and to know which keys exist. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"

namespace syncnode::config {

struct EnvEntry {
  std::string key, value;
  int line = 0;  // 1-based
};

// `file_name` is for the problems only. Entries of lines that are wrong are left out.
std::vector<EnvEntry> parse_env(std::string_view text, std::string_view file_name, Problems& problems);

}  // namespace syncnode::config
