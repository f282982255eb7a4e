// LoadSender: the thread that streams chunks into load tables by COPY while the snapshot is still being read.
// Load tables are not part of the copy until published, so a chunk may be sent before its snapshot is
// validated. Each chunk is one fenced transaction that also records how far the load has come; a lost
// connection loses at most the chunk under way.
//
// Owns its connection and thread; joined by finish() or the destructor. The queue lives on local disk
// (spools), so enqueue() never waits for the network.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.h"
#include "json/json.h"
#include "postgres/pipeline.h"
#include "sync/copy_state.h"
#include "sync/spool.h"

namespace syncnode::sync {

struct LoadTask {
  CopyTable copy;
  std::string load_table;
  json::Json operations = json::Json::array();  // change_schema operations, applied first
  std::optional<Spool> tuples;                  // COPY BINARY tuples without header and trailer
  std::optional<Spool> quarantined;             // serialized rows that have quarantined values
  CopyLoad after;                               // what `_sync_loads` says once this task has committed
  bool discard = false;                         // the operations drop the load: nothing is left to record
};

// A load table cannot get its primary key: it must be discarded and read again from the start.
bool must_load_anew(const Error& error);

class LoadSender {
 public:
  LoadSender(postgres::ConnectOptions options, CopyTarget target, std::string job_id, std::stop_token stop,
             std::function<void(const std::string& table, int64_t rows)> progress);
  ~LoadSender();

  // The first failure of the thread, if any.
  Status enqueue(LoadTask task);
  // On the local disk, not yet in the copy.
  uint64_t waiting_bytes();
  // Waits until everything is in, then ends the thread.
  Status finish();

  // Valid after finish().
  uint64_t bytes_sent() const { return bytes_sent_; }
  uint64_t bytes_received() const { return bytes_received_; }

 private:
  void run();
  Status work();
  Status perform(postgres::Connection& connection, LoadTask& task);
  Status account(postgres::Connection& connection, LoadTask& task);
  Status record(postgres::Pipeline& pipeline, const LoadTask& task);
  Status journal(postgres::Pipeline& pipeline, const LoadTask& task);
  Status copy_tuples(postgres::Connection& connection, LoadTask& task);
  Status send_quarantined(postgres::Pipeline& pipeline, LoadTask& task);
  std::optional<LoadTask> next_task();

  const postgres::ConnectOptions options_;
  const CopyTarget target_;
  const std::string job_id_;
  const std::stop_token stop_;
  const std::function<void(const std::string&, int64_t)> progress_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<LoadTask> queue_;
  bool finishing_ = false;
  bool failed_ = false;
  Status outcome_;
  uint64_t waiting_bytes_ = 0;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  std::thread thread_;
};

}  // namespace syncnode::sync
