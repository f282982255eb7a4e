#include "journal/journal.h"

#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

namespace syncnode::journal {

int priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return LOG_DEBUG;
    case LogLevel::kInfo:
      return LOG_INFO;
    case LogLevel::kWarning:
      return LOG_WARNING;
    case LogLevel::kError:
      return LOG_ERR;
  }
  return LOG_ERR;
}

bool send(std::vector<std::string> fields) {
  std::vector<iovec> pieces;
  pieces.reserve(fields.size());
  for (std::string& field : fields) pieces.push_back({field.data(), field.size()});
  return ::sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size())) >= 0;
}

}  // namespace syncnode::journal
