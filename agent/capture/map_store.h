// MapStore: the page map in the file of the local memory, in chunks, of which only those that changed are
// written. Whatever it holds is of one sync id of the memory, or of no use. Refuses to survive damage: the
// map is then lost and made anew. One run, one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/map_shelf.h"
#include "memory/page_chunks.h"

namespace syncnode::capture {

class MapStore {
 public:
  // `shelf` may be null; `client` is that of the memory there.
  MapStore(memory::Memory& memory, MapShelf* shelf, std::string client)
      : memory_(memory), file_(memory), shelf_(shelf), client_(std::move(client)) {}

  // Nothing: there is no map of the memory's sync id. From the shelf where the file has the same one.
  Result<std::optional<StoredMap>> load();
  Result<std::vector<uint64_t>> load_checksums();

  // Inside a transaction of the memory (Memory::confirm, Memory::discard), which then is of `sync_id`.
  // `before`: what load() gave, if anything; what is the same there is not packed again.
  Status save(const StoredMap& stored, const StoredMap* before, const std::vector<uint64_t>* checksums,
              const std::string& sync_id);
  Status forget();
  // Once the transaction that save() was in has committed: `saved`, for the next run.
  void keep(StoredMap saved);

 private:
  using Key = memory::ChunkKey;
  using Chunks = std::map<Key, std::string>;  // "": as it is in the file
  Result<Chunks> read(int kind);
  std::optional<StoredMap> from_shelf();
  // `chunks` are all there are of these kinds.
  Status write(const Chunks& chunks, const std::set<int>& kinds);
  static void add_tree(Chunks& chunks, const Tree& tree, const Tree* before);

  memory::Memory& memory_;
  memory::PageChunks file_;
  MapShelf* const shelf_;
  const std::string client_;
  std::map<Key, uint64_t> known_;  // what is in the file, hashed
  bool loaded_ = false;            // else what is there is of another sync id
};

}  // namespace syncnode::capture
