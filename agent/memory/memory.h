// Memory: what was shipped, per client, in a SQLite file of our own. It is only ever a cache of the copy:
// bound to the copy by a sync id, it is either right or known to be stale, and then one recheck by hashes
// makes it right again.
//
// Two steps: a run writes its changes as *pending* under a fresh sync id; after PostgreSQL was seen to hold
// that id the pending changes become current. Every write first checks, in the same SQLite transaction, that
// this run still owns the pending id, so a process that was frozen meanwhile can change nothing (kAborted).
//
// Owned by one run, one thread. Other processes may open the same file; transactions are short.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "memory/block.h"
#include "sqlite/database.h"

namespace syncnode::memory {

// The records of one table of the copy.
struct Image {
  int64_t id = 0;
  int64_t rows = 0;
  bool key_is_position = false;
};

// A row that is in the copy but not in the source: its delete was held, or rejected for good.
struct KeptRecord {
  Record record;
  bool rejected = false;
};

// Of a row with the columns key, position, quarantined, hash, rejected.
KeptRecord read_kept_record(const sqlite::Statement& row);

struct PendingBlock {
  int64_t image_id = 0;
  int64_t first_position = 0;
  int64_t rows = 0;  // 0: the old block of this position goes
  std::string data;
};

// What a table's memory becomes when the pending sync id is confirmed.
struct PendingTable {
  std::string table;           // source name
  std::optional<Image> image;  // nothing: the table is forgotten
};

// A table on its way into a load table of the copy; survives a crash so that loads resume.
struct LoadMark {
  std::string table;
  std::string load_table;
  std::string load_id;
  Image image;
  std::string shape;  // how the load table looks, as its writer described it
};

class Memory {
 public:
  // `directory` exists. A file that is damaged, of another format or deployment, or locked for two seconds by
  // another process is put aside (unlinked) and a new one begun: then fresh() is true.
  static Result<std::unique_ptr<Memory>> open(const std::string& directory, const std::string& deployment_id);
  // Only one that is there with nothing pending and nobody in its way, of whichever deployment; nullptr for
  // all else, and nothing is waited for or put aside. For whoever learns meanwhile whose it must be.
  static std::unique_ptr<Memory> open_settled(const std::string& directory);
  static Status remove(const std::string& directory);

  bool fresh() const { return sync_id_.empty(); }
  const std::string& deployment_id() const { return deployment_id_; }
  uint64_t seed() const { return seed_; }
  const std::string& sync_id() const { return sync_id_; }
  // A change set was begun and neither confirmed nor discarded: sync_id() is not what the copy holds.
  bool generation_unknown() const { return !pending_sync_id_.empty(); }
  const std::string& pending_sync_id() const { return pending_sync_id_; }

  Result<std::optional<Image>> image(const std::string& table);
  Result<std::vector<std::string>> tables();
  // `visit` asks for no kept records itself.
  Status for_each_kept(const std::string& table, const std::function<Status(const KeptRecord&)>& visit);

  // Starts a pending change set; an older one and images nobody refers to are dropped.
  Status begin(const std::string& sync_id);
  Result<int64_t> new_image_id();
  Status write_blocks(const std::vector<PendingBlock>& blocks, bool new_image);
  // The kept records of the table begin empty and grow by write_kept().
  Status write_table(const PendingTable& table);
  Status write_kept(const std::string& table, const std::vector<KeptRecord>& kept);
  // Drops the blocks that begin after `position` (a load's rows whose chunk never committed).
  Status trim_image(int64_t image_id, int64_t position);
  Status mark_load(const LoadMark& mark);
  Status forget_load(const std::string& table);
  Result<std::vector<LoadMark>> loads();

  // PostgreSQL was seen to hold the pending id. `also` is done in the same transaction: what others keep here
  // of the pages of that snapshot (table page_chunk).
  Status confirm(const std::function<Status()>& also = {});
  // The pending change set is the copy as `sync_id` left it, read back whole. It was begun under an id that
  // no copy holds: what a run that was killed had of it must never be confirmed.
  // Its records are no snapshot's: what is kept of pages goes.
  Status confirm_rebuilt(const std::string& sync_id);
  Status discard(const std::function<Status()>& also = {});

  sqlite::Database& database() { return database_; }

 private:
  // A statement that is asked once a table or more often, prepared once; reset when this goes, and asked
  // again no earlier.
  class Asked {
   public:
    explicit Asked(sqlite::Statement& statement) : statement_(&statement) {}
    Asked(Asked&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
    Asked& operator=(Asked&&) = delete;
    ~Asked() {
      if (statement_ != nullptr) statement_->reset();
    }
    sqlite::Statement* operator->() const { return statement_; }
    sqlite::Statement& operator*() const { return *statement_; }

   private:
    sqlite::Statement* statement_;
  };
  Result<Asked> ask(std::string_view sql);

  Memory() = default;
  Status apply(const std::string& sync_id, const std::function<Status()>& also);
  Status initialize(const std::string& deployment_id);
  Status set_up();
  Status recall();
  Status in_transaction(const std::string& owner, const std::function<Status()>& body);
  // A change set is in the file twice until it is settled: what it leaves behind must not stay for good.
  void give_back_pages();
  Result<std::string> meta(std::string_view key);
  Status put_meta(const std::string& key, const std::string& value);

  sqlite::Database database_;
  std::map<std::string_view, sqlite::Statement> statements_;  // by their text, a literal
  std::string format_;                                        // "" of a new one
  std::string deployment_id_;
  std::string sync_id_;
  std::string pending_sync_id_;
  std::string owned_;  // the pending id this run began
  uint64_t seed_ = 0;
};

}  // namespace syncnode::memory
