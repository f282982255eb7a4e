// MapShelf: page maps in memory, from one run of a client to its next in this process: reading one from its
// file costs as much as the source is large, however little changed. Holds so many bytes and no more, those
// that were put last; refuses to be trusted: who takes a map asks whether the file still has the same
// (capture/map_store). Thread-safe: runs of several clients share it.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "capture/page_map.h"
#include "capture/position.h"
#include "memory/page_chunks.h"

namespace syncnode::capture {

struct StoredMap {
  PageMap map;
  Position position;
  std::vector<bool> stale;  // by unit: its checksum is of an older snapshot
};

struct KeptMap {
  StoredMap stored;
  std::map<memory::ChunkKey, uint64_t> known;  // what is in the file, hashed
  size_t bytes() const;                        // of memory, about
};

class MapShelf {
 public:
  explicit MapShelf(size_t most_bytes = size_t{16} << 20) : most_bytes_(most_bytes) {}

  // `client`: whatever tells one client's memory from another's.
  std::optional<KeptMap> take(const std::string& client);
  void put(const std::string& client, KeptMap map);  // one that is too large for the shelf is dropped
  void clear();

 private:
  struct Entry {
    std::string client;
    size_t bytes = 0;
    KeptMap map;
  };
  const size_t most_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last that was put first
  size_t bytes_ = 0;
};

}  // namespace syncnode::capture
