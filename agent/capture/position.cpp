#include "capture/position.h"

namespace syncnode::capture {

Result<Position> position_of(sqlite::SourcePages& pages) {
  Position position;
  position.live = pages.log_state() == sqlite::LogState::kLive;
  if (position.live) position.log = pages.log();
  const sqlite::MainState& main = pages.main();
  if (!main.facts.exists) return Error{ErrorCode::kAborted, "nothing is known of the main file", ""};
  position.main_is(main.facts);
  position.settled = main.settled;
  position.counter = main.counter;
  position.since = main.since;
  return position;
}

}  // namespace syncnode::capture
