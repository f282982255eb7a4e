#include "memory/memory.h"

#include <cstdlib>

namespace syncnode::memory {
namespace {

// Unused pages that may stay for the next change set: a share of the file, and some.
constexpr int64_t kSpareShare = 128;
constexpr int64_t kSparePages = 24;

// None of these may look at every block: their number grows with the source, that of the pending ones with
// what changed. Hence the walk from one image to the next, and rows that stay where they are: of a block that
// keeps its size SQLite then writes the pages that differ.
constexpr char kClearPending[] = R"(
  DELETE FROM pending_block;
  DELETE FROM pending_kept;
  DELETE FROM pending_table;
  DELETE FROM meta WHERE key = 'pending_sync_id';
  WITH RECURSIVE there(id) AS (
    SELECT min(image_id) FROM block
    UNION ALL
    SELECT (SELECT min(image_id) FROM block WHERE image_id > id) FROM there WHERE id IS NOT NULL)
  DELETE FROM block WHERE image_id IN (
    SELECT id FROM there WHERE id IS NOT NULL EXCEPT SELECT image_id FROM image EXCEPT SELECT image_id FROM load);
)";

constexpr char kApplyPending[] = R"(
  DELETE FROM block WHERE (image_id, first_position) IN (
    SELECT image_id, first_position FROM pending_block WHERE rows = 0);
  INSERT INTO block SELECT image_id, first_position, rows, data FROM pending_block WHERE rows > 0
    ON CONFLICT(image_id, first_position) DO UPDATE SET rows = excluded.rows, data = excluded.data;
  DELETE FROM kept WHERE source IN (SELECT source FROM pending_table);
  INSERT INTO kept SELECT * FROM pending_kept;
  DELETE FROM image WHERE source IN (SELECT source FROM pending_table);
  INSERT INTO image SELECT source, image_id, rows, key_is_position FROM pending_table WHERE image_id IS NOT NULL;
  DELETE FROM load WHERE image_id IN (SELECT image_id FROM image);
  INSERT OR REPLACE INTO meta SELECT 'sync_id', value FROM meta WHERE key = 'pending_sync_id';
)";

Result<int64_t> read_number(sqlite::Database& database, std::string_view sql) {
  SN_ASSIGN(auto statement, database.prepare(sql));
  SN_ASSIGN(bool found, statement.step());
  return found ? statement.column_int64(0) : 0;
}

}  // namespace

KeptRecord read_kept_record(const sqlite::Statement& row) {
  KeptRecord kept;
  kept.record.key = row.column_bytes(0);
  kept.record.position = row.column_int64(1);
  kept.record.quarantined = row.column_int64(2) != 0;
  kept.record.hash = read_stored_hash(row.column_bytes(3));
  kept.rejected = row.column_int64(4) != 0;
  return kept;
}

Result<Memory::Asked> Memory::ask(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    SN_ASSIGN(auto statement, database_.prepare(sql));
    found = statements_.emplace(sql, std::move(statement)).first;
  }
  return Asked(found->second);
}

Result<std::string> Memory::meta(std::string_view key) {
  SN_ASSIGN(const auto statement, ask("SELECT value FROM meta WHERE key = ?1"));
  statement->bind_text(1, key);
  SN_ASSIGN(bool found, statement->step());
  return found ? std::string(statement->column_bytes(0)) : std::string();
}

Status Memory::put_meta(const std::string& key, const std::string& value) {
  SN_ASSIGN(auto statement, database_.prepare("INSERT OR REPLACE INTO meta VALUES(?1, ?2)"));
  statement.bind_text(1, key);
  statement.bind_text(2, value);
  return statement.run();
}

// `owner` is the pending id that must still be in force; empty: whatever it is.
Status Memory::in_transaction(const std::string& owner, const std::function<Status()>& body) {
  SN_TRY(database_.execute("BEGIN IMMEDIATE"));
  auto attempt = [&]() -> Status {
    if (!owner.empty()) {
      SN_ASSIGN(std::string pending, meta("pending_sync_id"));
      if (pending != owner) {
        return Error{ErrorCode::kAborted, "another run took over the local memory",
                     "the next run starts from its result"};
      }
    }
    SN_TRY(body());
    return database_.execute("COMMIT");
  };
  Status done = attempt();
  if (!done) {
    // The first failure is the one to report, ignoring.
    [[maybe_unused]] auto rolled_back = database_.execute("ROLLBACK");
  }
  return done;
}

Result<std::optional<Image>> Memory::image(const std::string& table) {
  SN_ASSIGN(const auto statement, ask("SELECT image_id, rows, key_is_position FROM image WHERE source = ?1"));
  statement->bind_text(1, table);
  SN_ASSIGN(bool found, statement->step());
  if (!found) return std::optional<Image>();
  return std::optional<Image>(
      Image{statement->column_int64(0), statement->column_int64(1), statement->column_int64(2) != 0});
}

Result<std::vector<std::string>> Memory::tables() {
  SN_ASSIGN(auto statement, database_.prepare("SELECT source FROM image ORDER BY source"));
  std::vector<std::string> names;
  while (true) {
    SN_ASSIGN(bool more, statement.step());
    if (!more) return names;
    names.emplace_back(statement.column_bytes(0));
  }
}

Status Memory::for_each_kept(const std::string& table,
                             const std::function<Status(const KeptRecord&)>& visit) {
  SN_ASSIGN(const auto statement, ask("SELECT key, position, quarantined, hash, rejected FROM kept "
                                      "WHERE source = ?1 ORDER BY key"));
  statement->bind_text(1, table);
  while (true) {
    SN_ASSIGN(bool more, statement->step());
    if (!more) return {};
    SN_TRY(visit(read_kept_record(*statement)));
  }
}

Status Memory::begin(const std::string& sync_id) {
  SN_TRY(in_transaction("", [&]() -> Status {
    SN_TRY(database_.execute(kClearPending));
    return put_meta("pending_sync_id", sync_id);
  }));
  owned_ = pending_sync_id_ = sync_id;
  return {};
}

Result<int64_t> Memory::new_image_id() {
  int64_t id = 0;
  SN_TRY(in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(std::string last, meta("last_image_id"));
    id = std::strtoll(last.c_str(), nullptr, 10) + 1;
    return put_meta("last_image_id", std::to_string(id));
  }));
  return id;
}

Status Memory::write_blocks(const std::vector<PendingBlock>& blocks, bool new_image) {
  if (blocks.empty()) return {};
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto insert,
              database_.prepare(new_image ? "INSERT OR REPLACE INTO block VALUES(?1, ?2, ?3, ?4)"
                                          : "INSERT OR REPLACE INTO pending_block VALUES(?1, ?2, ?3, ?4)"));
    for (const auto& block : blocks) {
      insert.bind(1, block.image_id);
      insert.bind(2, block.first_position);
      insert.bind(3, block.rows);
      insert.bind_borrowed_blob(4, block.data);
      SN_TRY(insert.run());
    }
    return {};
  });
}

Status Memory::write_table(const PendingTable& table) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto insert, database_.prepare("INSERT OR REPLACE INTO pending_table VALUES(?1, ?2, ?3, ?4)"));
    insert.bind_text(1, table.table);
    if (table.image) {
      insert.bind(2, table.image->id);
    } else {
      insert.bind_null(2);
    }
    insert.bind(3, table.image ? table.image->rows : 0);
    insert.bind(4, table.image && table.image->key_is_position ? 1 : 0);
    return insert.run();
  });
}

Status Memory::write_kept(const std::string& table, const std::vector<KeptRecord>& kept_records) {
  if (kept_records.empty()) return {};
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto keep,
              database_.prepare("INSERT OR REPLACE INTO pending_kept VALUES(?1, ?2, ?3, ?4, ?5, ?6)"));
    for (const auto& kept : kept_records) {
      std::string hash;
      append_stored_hash(hash, kept.record.hash);
      keep.bind_text(1, table);
      keep.bind_blob(2, kept.record.key);
      keep.bind(3, kept.record.position);
      keep.bind(4, kept.record.quarantined ? 1 : 0);
      keep.bind_blob(5, hash);
      keep.bind(6, kept.rejected ? 1 : 0);
      SN_TRY(keep.run());
    }
    return {};
  });
}

Status Memory::trim_image(int64_t image_id, int64_t position) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto statement,
              database_.prepare("DELETE FROM block WHERE image_id = ?1 AND first_position > ?2"));
    statement.bind(1, image_id);
    statement.bind(2, position);
    return statement.run();
  });
}

Status Memory::mark_load(const LoadMark& mark) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto insert,
              database_.prepare("INSERT OR REPLACE INTO load VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    insert.bind_text(1, mark.table);
    insert.bind_text(2, mark.load_table);
    insert.bind_text(3, mark.load_id);
    insert.bind(4, mark.image.id);
    insert.bind(5, mark.image.rows);
    insert.bind(6, mark.image.key_is_position ? 1 : 0);
    insert.bind_text(7, mark.shape);
    return insert.run();
  });
}

Status Memory::forget_load(const std::string& table) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto statement, database_.prepare("DELETE FROM load WHERE source = ?1"));
    statement.bind_text(1, table);
    return statement.run();
  });
}

Result<std::vector<LoadMark>> Memory::loads() {
  SN_ASSIGN(auto statement,
            database_.prepare(
                "SELECT source, load_table, load_id, image_id, rows, key_is_position, shape FROM load"));
  std::vector<LoadMark> marks;
  while (true) {
    SN_ASSIGN(bool more, statement.step());
    if (!more) return marks;
    marks.push_back(
        {std::string(statement.column_bytes(0)), std::string(statement.column_bytes(1)),
         std::string(statement.column_bytes(2)),
         Image{statement.column_int64(3), statement.column_int64(4), statement.column_int64(5) != 0},
         std::string(statement.column_bytes(6))});
  }
}

Status Memory::confirm(const std::function<Status()>& also) {
  return apply(owned_, also);  // begun under the very id that the copy holds
}

Status Memory::confirm_rebuilt(const std::string& sync_id) {
  return apply(sync_id, [this] { return database_.execute("DELETE FROM page_chunk"); });
}

Status Memory::apply(const std::string& sync_id, const std::function<Status()>& also) {
  SN_TRY(in_transaction(owned_, [&]() -> Status {
    SN_TRY(database_.execute(kApplyPending));
    SN_TRY(put_meta("sync_id", sync_id));
    if (also) SN_TRY(also());
    return database_.execute(kClearPending);
  }));
  sync_id_ = sync_id;
  pending_sync_id_.clear();
  give_back_pages();
  return {};
}

Status Memory::discard(const std::function<Status()>& also) {
  SN_TRY(in_transaction(owned_, [&]() -> Status {
    if (also) SN_TRY(also());
    return database_.execute(kClearPending);
  }));
  pending_sync_id_.clear();
  give_back_pages();
  return {};
}

void Memory::give_back_pages() {
  auto shrink = [&]() -> Status {
    SN_ASSIGN(int64_t pages, read_number(database_, "PRAGMA page_count"));
    SN_ASSIGN(int64_t spare, read_number(database_, "PRAGMA freelist_count"));
    if (spare <= kSparePages + pages / kSpareShare) return {};
    return database_.execute("PRAGMA incremental_vacuum");
  };
  // The change set is settled either way; pages that stay are used by the next one, ignoring.
  [[maybe_unused]] auto shrunk = shrink();
}

}  // namespace syncnode::memory
