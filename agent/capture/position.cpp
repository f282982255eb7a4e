#include "capture/position.h"

namespace syncnode::capture {

Result<Position> position_of(sqlite::SourcePages& pages) {
  Position position;
  position.live = pages.log_state() == sqlite::LogState::kLive;
  if (position.live) position.log = pages.log();
  SN_ASSIGN(const auto facts, pages.main_facts());
  position.inode = facts.inode;
  position.size = facts.size;
  position.modified = facts.modified;
  position.changed = facts.changed;
  position.settled = sqlite::unsettled_for(facts) == std::chrono::nanoseconds(0);
  return position;
}

}  // namespace syncnode::capture
