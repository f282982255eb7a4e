// PageChunks: what capture keeps in the file of the local memory, as bytes by (kind, tree, first). Refuses to
// know what they mean. One thread, that of the Memory; whoever writes is inside a transaction of it
// (Memory::confirm, Memory::discard).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "memory/memory.h"

namespace syncnode::memory {

struct ChunkKey {
  int kind = 0;
  int64_t tree = 0;
  int64_t first = 0;
  auto operator<=>(const ChunkKey&) const = default;
};

class PageChunks {
 public:
  explicit PageChunks(Memory& memory) : memory_(memory) {}

  // All of one kind, in order; the bytes are borrowed.
  Status for_each(int kind, const std::function<Status(const ChunkKey&, std::string_view)>& visit);
  Status put(const ChunkKey& key, std::string_view bytes);
  Status remove(const ChunkKey& key);
  Status clear();

 private:
  Memory& memory_;
};

}  // namespace syncnode::memory
