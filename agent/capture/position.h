// Position: where a snapshot stands in the life of its file, so that a later one can say which pages were
// written in between. Plain value; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "sqlite/file_facts.h"
#include "sqlite/source_pages.h"

namespace syncnode::capture {

struct Position {
  bool live = false;  // there is a log that its application has open
  sqlite::LogView log;
  // The main file. `settled`: old enough that the next write would show in its times.
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;
  int64_t changed = 0;
  bool settled = false;
  // In rollback mode: how many transactions were committed, modulo 2^32.
  std::optional<uint32_t> counter;
  // Nothing of the snapshot was read before that; of this process.
  BootClock::time_point since{};

  void main_is(const sqlite::FileFacts& facts) {
    inode = facts.inode;
    size = facts.size;
    modified = facts.modified;
    changed = facts.changed;
  }
  // Everything is in the main file.
  bool main_alone() const { return !live || log.frames == 0 || !log.in_use; }
  bool same_facts(const Position& later) const {
    return inode == later.inode && size == later.size && modified == later.modified &&
           changed == later.changed;
  }
  // In rollback mode, then and now.
  bool by_journals(const Position& later) const { return counter && later.counter && !live && !later.live; }
  // Nobody wrote to the main file since.
  bool same_main(const Position& later) const { return settled && same_facts(later); }
};

Result<Position> position_of(sqlite::SourcePages& pages);

}  // namespace syncnode::capture
