#include "memory/page_chunks.h"

namespace syncnode::memory {
namespace {

void bind(sqlite::Statement& statement, const ChunkKey& key) {
  statement.bind(1, key.kind);
  statement.bind(2, key.tree);
  statement.bind(3, key.first);
}

}  // namespace

Status PageChunks::for_each(int kind, const std::function<Status(const ChunkKey&, std::string_view)>& visit) {
  SN_ASSIGN(auto select,
            memory_.database().prepare(
                "SELECT tree, first, data FROM page_chunk WHERE kind = ?1 ORDER BY tree, first"));
  select.bind(1, kind);
  while (true) {
    SN_ASSIGN(const bool more, select.step());
    if (!more) return {};
    SN_TRY(visit({kind, select.column_int64(0), select.column_int64(1)}, select.column_bytes(2)));
  }
}

Status PageChunks::put(const ChunkKey& key, std::string_view bytes) {
  SN_ASSIGN(auto statement,
            memory_.database().prepare("INSERT OR REPLACE INTO page_chunk VALUES(?1, ?2, ?3, ?4)"));
  bind(statement, key);
  statement.bind_borrowed_blob(4, bytes);
  return statement.run();
}

Status PageChunks::remove(const ChunkKey& key) {
  SN_ASSIGN(auto statement, memory_.database().prepare(
                                "DELETE FROM page_chunk WHERE kind = ?1 AND tree = ?2 AND first = ?3"));
  bind(statement, key);
  return statement.run();
}

Status PageChunks::clear() {
  return memory_.database().execute("DELETE FROM page_chunk");
}

}  // namespace syncnode::memory
