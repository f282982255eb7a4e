// read_probe: reads a client's file as sync-node does and prints what it saw, for the tests of law L1.
// usage: read_probe [--pause-after ROWS] [--image-bytes N] [--patience MS] FILE STATE_DIRECTORY
// Output lines: "mode wal|rollback", "table NAME", "row HEX", "paused" (then waits for a line on standard
// input), "skipped NAME", "harm LONGEST_HOLD_US BYTES", and last "valid" or "error CODE MESSAGE". Exit 0, or
// 1 on error.
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "base/hex.h"
#include "host/privileges.h"
#include "host/source_path.h"
#include "sqlite/snapshot.h"

namespace {

using namespace syncnode;

struct Arguments {
  long pause_after = -1;
  sqlite::SnapshotOptions options;
  std::string file;
  std::string state_directory;
};

Arguments parse(int count, char** words) {
  Arguments arguments;
  std::vector<std::string> plain;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--pause-after")
      arguments.pause_after = std::stol(words[++i]);
    else if (word == "--image-bytes")
      arguments.options.image_bytes = std::stoll(words[++i]);
    else if (word == "--patience")
      arguments.options.patience = std::chrono::milliseconds(std::stol(words[++i]));
    else
      plain.push_back(word);
  }
  if (plain.size() != 2) {
    std::cerr
        << "usage: read_probe [--pause-after ROWS] [--image-bytes N] [--patience MS] FILE STATE_DIRECTORY\n";
    std::exit(64);
  }
  arguments.file = plain[0];
  arguments.state_directory = plain[1];
  return arguments;
}

std::string encode(const ValueView& value) {
  std::string bytes(1, static_cast<char>('0' + static_cast<int>(value.storage_class)));
  if (value.storage_class == StorageClass::kInteger) bytes += std::to_string(value.integer);
  if (value.storage_class == StorageClass::kReal) {
    bytes.append(reinterpret_cast<const char*>(&value.real), sizeof value.real);
  }
  bytes += value.bytes;
  return to_hex(bytes);
}

void pause_here() {
  std::cout << "paused" << std::endl;
  std::string line;
  std::getline(std::cin, line);
}

Status dump(sqlite::Snapshot& snapshot, long pause_after) {
  SN_ASSIGN(const SourceSchema schema, snapshot.read_schema());
  long rows_seen = 0;
  if (pause_after == 0) pause_here();
  for (const SourceTable& table : schema.tables) {
    std::cout << "table " << table.name << "\n";
    SN_ASSIGN(auto rows, snapshot.prepare("SELECT * FROM " + sqlite::quote_identifier(table.name)));
    for (;;) {
      SN_ASSIGN(const bool row, rows.step());
      if (!row) break;
      std::cout << "row";
      for (int i = 0; i < rows.column_count(); ++i) std::cout << ' ' << encode(rows.column(i));
      std::cout << '\n';
      if (++rows_seen == pause_after) pause_here();
      SN_TRY(snapshot.breathe());
    }
  }
  for (const SkippedTable& table : schema.skipped) std::cout << "skipped " << table.name << "\n";
  return snapshot.validate();
}

Status run(const Arguments& arguments) {
  SN_TRY(host::drop_to_reader(arguments.state_directory));
  SN_ASSIGN(const std::string path, host::check_source_path(arguments.file));
  SN_TRY(host::check_cannot_write(path));
  SN_ASSIGN(auto snapshot, sqlite::Snapshot::open(path, arguments.options));
  std::cout << "mode " << (snapshot->journal_mode() == sqlite::JournalMode::kWal ? "wal" : "rollback")
            << "\n";
  auto outcome = dump(*snapshot, arguments.pause_after);
  const auto harm = snapshot->harm();
  const auto hold = std::chrono::duration_cast<std::chrono::microseconds>(harm.longest_shared_hold).count();
  std::cout << "harm " << hold << ' ' << harm.bytes_read << "\n";
  return outcome;
}

}  // namespace

int main(int count, char** words) {
  std::ios::sync_with_stdio(false);
  auto outcome = run(parse(count, words));
  if (!outcome) {
    std::cout << "error " << to_string(outcome.error().code) << ": " << outcome.error().to_string()
              << std::endl;
    return 1;
  }
  std::cout << "valid" << std::endl;
  return 0;
}
