#include "sync/load_sender.h"

#include "codec/bytes.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "sync/job_journal.h"
#include "sync/merge.h"
#include "sync/shipment.h"

namespace syncnode::sync {
namespace {

using postgres::Param;

constexpr size_t kSendBytes = size_t{256} << 10;
constexpr std::chrono::minutes kChunkWait{10};
constexpr std::chrono::hours kIndexWait{1};  // a primary key over a large load; nothing else waits for it

// "PGCOPY\n\377\r\n\0", flags, no header extension (PostgreSQL documentation, COPY, "Binary Format").
std::string_view copy_header() {
  return {"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
}
std::string_view copy_trailer() {
  return {"\377\377", 2};
}

constexpr char kLoadAnew[] = "the load begins anew";

// Rows of a resumed load come from two snapshots: a row that moved in between may have come twice.
Error load_anew(const std::string& table) {
  return {ErrorCode::kAborted, "the load of table '" + table + "' holds a key twice", kLoadAnew};
}

uint64_t weight(const LoadTask& task) {
  return (task.tuples ? task.tuples->size() : 0) + (task.quarantined ? task.quarantined->size() : 0);
}

}  // namespace

bool must_load_anew(const Error& error) {
  return error.hint == kLoadAnew;
}

LoadSender::LoadSender(postgres::ConnectOptions options, CopyTarget target, std::string job_id,
                       std::stop_token stop, std::function<void(const std::string&, int64_t)> progress)
    : options_(std::move(options)),
      target_(std::move(target)),
      job_id_(std::move(job_id)),
      stop_(std::move(stop)),
      progress_(std::move(progress)),
      thread_([this] { run(); }) {}

LoadSender::~LoadSender() {
  {
    std::lock_guard lock(mutex_);
    finishing_ = true;
    queue_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status LoadSender::enqueue(LoadTask task) {
  std::lock_guard lock(mutex_);
  if (failed_) return outcome_;
  waiting_bytes_ += weight(task);
  queue_.push_back(std::move(task));
  changed_.notify_all();
  return {};
}

uint64_t LoadSender::waiting_bytes() {
  std::lock_guard lock(mutex_);
  return waiting_bytes_;
}

Status LoadSender::finish() {
  {
    std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  return outcome_;
}

void LoadSender::run() {
  Status done = work();
  std::lock_guard lock(mutex_);
  failed_ = !done.has_value();
  outcome_ = std::move(done);
  queue_.clear();
}

std::optional<LoadTask> LoadSender::next_task() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop_, [this] { return finishing_ || !queue_.empty(); });
  if (queue_.empty() || stop_.stop_requested()) return std::nullopt;
  LoadTask task = std::move(queue_.front());
  queue_.pop_front();
  return task;
}

Status LoadSender::work() {
  auto first = next_task();
  if (!first) return {};
  SN_ASSIGN(auto connection, postgres::Connection::open(options_, deadline_in(kStatementWait), stop_));
  for (auto task = std::move(first); task; task = next_task()) {
    uint64_t bytes = weight(*task);
    SN_TRY(perform(connection, *task));
    {
      std::lock_guard lock(mutex_);
      waiting_bytes_ -= bytes;
    }
    progress_(task->copy.name, task->after.rows);
  }
  bytes_sent_ = connection.bytes_sent();
  bytes_received_ = connection.bytes_received();
  if (stop_.stop_requested()) return Error{ErrorCode::kCancelled, "the load was stopped", ""};
  return {};
}

Status LoadSender::perform(postgres::Connection& connection, LoadTask& task) {
  postgres::TransactionOptions options;
  options.statement_timeout = kIndexWait;
  // A server that crashes loses a chunk together with what says that it is there: the load goes on from the
  // one before. The transaction that publishes waits for the disk, and everything before it is there then.
  options.wait_for_disk = false;
  SN_ASSIGN(auto transaction, begin_fenced(connection, target_, options));
  if (!task.operations.empty()) {
    Status changed = change_schema(connection, target_, task.operations, deadline_in(kIndexWait));
    if (!changed && connection.last_sqlstate() == "23505") return load_anew(task.copy.name);
    SN_TRY(std::move(changed));
  }
  if (task.tuples) SN_TRY(copy_tuples(connection, task));
  if (task.quarantined || !task.discard) SN_TRY(account(connection, task));
  return commit_fenced(target_, transaction);
}

// What is beside the tuples, in one exchange.
Status LoadSender::account(postgres::Connection& connection, LoadTask& task) {
  postgres::Pipeline pipeline(connection);
  SN_TRY(pipeline.guard());
  if (task.quarantined) SN_TRY(send_quarantined(pipeline, task));
  const size_t recorded = pipeline.count();
  if (!task.discard) SN_TRY(record(pipeline, task));
  if (!task.discard) SN_TRY(journal(pipeline, task));
  SN_ASSIGN(const auto answers, pipeline.finish());
  if (task.discard || answers[recorded].affected() == 1) return {};
  return Error{ErrorCode::kAborted, "another run loads '" + task.after.load_table + "'",
               "the next run decides which load goes on"};
}

Status LoadSender::record(postgres::Pipeline& pipeline, const LoadTask& task) {
  SN_ASSIGN(auto sql, postgres::fill(sql::record_load, {{"schema", target_.quoted_schema()}}));
  const CopyLoad& after = task.after;
  std::string chunks = std::to_string(after.chunks);
  std::string rows = std::to_string(after.rows);
  std::string position = std::to_string(after.last_position);
  std::string table = wire_name(after.table);
  return pipeline.add(
      sql,
      {Param::text(after.load_table), Param::text(table), Param::text(after.load_id), Param::text(chunks),
       Param::text(rows), Param::text(position), Param::text(after.complete ? "true" : "false")},
      kStatementWait);
}

// Seen by others as soon as the chunk is.
Status LoadSender::journal(postgres::Pipeline& pipeline, const LoadTask& task) {
  if (task.after.rows == 0) return {};
  TableOutcome outcome;
  outcome.name = task.after.table;
  outcome.rows = task.after.complete ? task.after.rows : -1;
  outcome.inserted = task.after.rows;
  return record_progress(pipeline, job_id_, {{outcome, task.after.rows, "running"}});
}

Status LoadSender::copy_tuples(postgres::Connection& connection, LoadTask& task) {
  SN_ASSIGN(auto sql, postgres::fill(sql::load_chunk, {{"table", target_.quoted_table(task.load_table)},
                                                       {"columns", quoted_columns(task.copy)}}));
  Deadline deadline = deadline_in(kChunkWait);
  SN_TRY(connection.copy_in_begin(sql, deadline));
  SN_TRY(connection.copy_in_write(copy_header(), deadline));
  SN_TRY(task.tuples->rewind());
  while (true) {
    SN_ASSIGN(auto bytes, task.tuples->read(kSendBytes));
    if (bytes.empty()) break;
    SN_TRY(connection.copy_in_write(bytes, deadline));
  }
  SN_TRY(connection.copy_in_write(copy_trailer(), deadline));
  SN_ASSIGN([[maybe_unused]] int64_t rows, connection.copy_in_finish(deadline));
  return {};
}

Status LoadSender::send_quarantined(postgres::Pipeline& pipeline, LoadTask& task) {
  SN_ASSIGN(auto writer, QuarantineWriter::create(pipeline, target_, task.load_table));
  SN_TRY(task.quarantined->rewind());
  RecordReader reader(*task.quarantined);
  std::string_view record;
  EncodedRow row;
  while (true) {
    SN_ASSIGN(bool more, reader.next(record));
    if (!more) return writer.flush();
    SN_TRY(deserialize(record, row));
    for (const auto& value : row.quarantined) {
      SN_TRY(writer.add(row.key, task.copy.columns[value.column].target, value));
    }
  }
}

}  // namespace syncnode::sync
