// LoadRounds: the book of a first load that is read in many short snapshots instead of a long one, so that
// the application's log begins anew as often as without us. Each row of such a load is of the snapshot it was
// read in; the book says which of them may have changed since, so that the last snapshot needs to look at
// those alone. May say too much, never too little (docs/capture.md). Refuses to open or close a snapshot. One
// run, one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/key_ranges.h"

namespace syncnode::sync {

class LoadRounds {
 public:
  // The table's load begins in this snapshot. `resumed`: an earlier run has read some of its rows.
  void begin(const std::string& table, bool resumed) { loads_[table] = {std::nullopt, resumed, {}}; }
  // So far, and after the last row, it was read.
  void reached(const std::string& table, int64_t position) { loads_[table].reached = position; }
  void finished(const std::string& table);
  bool has(const std::string& table) const { return loads_.count(table) > 0; }

  // A later snapshot is open, and `capture` went on to it from the one before.
  void turned(const capture::Capture& capture);
  int64_t turns() const { return turns_; }
  // The application was seen to write while it was read.
  void found_busy() { busy_ = true; }
  bool is_busy() const { return busy_; }
  // Rollback mode: it cannot write while it is read, and what was read is worth nothing once it has. Then
  // nothing is read but copies, and a snapshot that broke before they were made gives way to the next one.
  void found_locked() { busy_ = locked_ = true; }
  bool is_locked() const { return locked_; }
  // How much is copied of one snapshot: half of it, down to some pages, where a host was too slow for a whole
  // one within a hold, and more again, little by little, where it was not.
  size_t part_bytes() const { return part_bytes_; }
  void was_too_slow() { part_bytes_ = std::max(part_bytes_ / 2, kLeastPart); }
  void was_in_time() { part_bytes_ = std::min(part_bytes_ + part_bytes_ / 8, kPart); }
  // What comes is the last snapshot.
  void comes_to_an_end() { last_ = true; }
  bool is_last() const { return last_; }

  // Where rows that were read may have changed since; null: anywhere.
  const capture::KeyRanges* changed(const std::string& table);
  // There is a table of which that is so.
  bool has_lost() const;
  // By number, the pages in which rows go on that were found since the first turn: of one that was found
  // again also those it had before.
  const std::vector<bool>& overflow() const { return overflow_; }

 private:
  struct Load {
    std::optional<int64_t> reached;  // nothing: no row yet
    bool lost = false;
    capture::KeyRanges changed;
  };
  std::map<std::string, Load> loads_;
  int64_t turns_ = 0;
  bool busy_ = false, locked_ = false, last_ = false;
  // Copied in some ten milliseconds, and read in many more.
  static constexpr size_t kPart = size_t{12} << 20, kLeastPart = size_t{128} << 10;
  size_t part_bytes_ = kPart;
  std::vector<bool> overflow_;
};

}  // namespace syncnode::sync
