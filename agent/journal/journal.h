// One message to systemd's journal, with its fields ("NAME=value"; a value may hold line breaks). Refuses to
// be a log: who has nothing else to write to checks the answer. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"

namespace syncnode::journal {

int priority_of(LogLevel level);  // syslog(3)'s number, the value of PRIORITY

bool send(std::vector<std::string> fields);  // false: the journal does not take it

}  // namespace syncnode::journal
