// Which pages may differ between a snapshot and an earlier one: from the log where it goes back that far,
// from what was seen of logs and journals in between (Trail), from checksums of the main file where neither
// does. May say too much, never too little (docs/capture.md). Inside the snapshot, one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "capture/checksums.h"
#include "capture/position.h"

namespace syncnode::capture {

enum class Evidence { kNone, kSame, kLog, kTrail, kJournals, kChecksums };

struct ChangedPages {
  Evidence evidence = Evidence::kSame;
  std::vector<uint32_t> pages;   // kChecksums: unused, the scan tells
  std::optional<MainScan> scan;  // kChecksums
};

// What somebody saw of the logs, or of the rollback journals, between two positions of one client; nothing
// when he missed something.
class Trail {
 public:
  virtual ~Trail() = default;
  virtual void look() = 0;
  // There is a snapshot of this position, and it may be asked about from there on.
  virtual void met(const Position& /*now*/) {}
  virtual std::optional<std::vector<uint32_t>> between(const Position& earlier, const Position& later) = 0;
  // Where the file stands now or stood just before, to ask from there on without a snapshot; nothing where
  // that cannot be told.
  virtual std::optional<Position> here() { return std::nullopt; }
  // Readable when a look would see something that is soon gone; null where a look now and then is enough.
  virtual std::shared_ptr<const UniqueFd> wake() const { return nullptr; }
  // Nobody will ask about what lies before this any more.
  virtual void forget(const Position& before) = 0;
};

// From the main file's times, the log or the trail; nothing when they do not tell.
Result<std::optional<ChangedPages>> pages_told(sqlite::SourcePages& pages, const Position& earlier,
                                               const Position& now, Trail* trail);

}  // namespace syncnode::capture
