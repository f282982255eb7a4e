// The differential campaign of page capture: random applications change files of every kind; after each batch
// capture with a diff of what it points to and a diff of all rows look at the same snapshot and must find the
// same. A difference is printed with its seed: SYNC_NODE_SEED=… repeats that world alone.
// With --damaged the files are spoilt between batches, and mended: then either may fail, with an error, but
// what both say is the same (but see is_beside_the_log()), nobody crashes and nobody hangs.
//   SYNC_NODE_BATCHES  how many (default 1,000; SYNC_NODE_LONG=1 or --long: 20,000)
//   SYNC_NODE_SEED     of the one world to play
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "application.h"
#include "capture/source_trail.h"
#include "damage.h"
#include "follower.h"
#include "sqlite/source_pages.h"

namespace syncnode::capture {
namespace {

constexpr int64_t kShort = 1000;
constexpr int64_t kLong = 20000;
constexpr int kBatchesPerWorld = 40;
constexpr std::chrono::milliseconds kPatience{20};

constexpr size_t kLogHeaderBytes = 32;
constexpr size_t kFrameHeaderBytes = 24;

struct Missed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Tally {
  Ways ways;
  int64_t worlds = 0, batches = 0, looks = 0, refused = 0, broken = 0, dropped = 0;
  int64_t damaged = 0, seen_by_both = 0, seen_by_one = 0, excused = 0;
  int64_t inserted = 0, updated = 0, gone = 0;
};

std::filesystem::path new_directory() {
  const bool in_memory = std::filesystem::is_directory("/dev/shm");
  std::string name =
      ((in_memory ? "/dev/shm" : std::filesystem::temp_directory_path()) / "sync-node-capture-XXXXXX")
          .string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no directory for the files");
  return name;
}

class World {
 public:
  World(Writer& writer, std::filesystem::path directory, uint64_t seed, Tally& tally)
      : directory_(std::move(directory)),
        seed_(seed),
        tally_(tally),
        application_(writer, source_directory(), seed),
        trail_(application_.path()),
        by_page_((directory_ / "by-page").string(), seed, &tally.ways, seed % 2 == 0 ? &trail_ : nullptr),
        by_row_((directory_ / "by-row").string(), seed, nullptr, nullptr),
        random_(~seed) {
    // Who looks after each statement opens the journals of all transactions that take more than one.
    trail_.follow_journals();
    application_.on_statement([this] {
      if (seed_ % 4 == 0 ? !one_in(random_, 60) : one_in(random_, 3)) trail_.look();
    });
  }

  void play(int batches, bool damaged) {
    for (int i = 0; i < batches; ++i) {
      application_.batch();
      ++tally_.batches;
      if (one_in(random_, 6)) continue;  // two batches at once
      look();
      for (uint64_t spoilt = damaged ? below(random_, 6) : 0; spoilt > 0; --spoilt) look_at_damage();
      if (one_in(random_, 15)) by_page_.reopen();
    }
  }

  std::string history() const {
    std::string text;
    for (const auto& line : application_.history()) text += line.substr(0, 500) + "\n";
    return text;
  }

 private:
  std::string source_directory() const {
    std::filesystem::create_directory(directory_ / "source");
    return (directory_ / "source").string();
  }

  sqlite::SnapshotOptions snapshot_options() {
    sqlite::SnapshotOptions options;
    options.patience = kPatience;
    options.courtesy = std::chrono::milliseconds(0);
    if (one_in(random_, 2)) options.live_image_bytes = 0;
    if (one_in(random_, 2)) options.image_bytes = 0;
    return options;
  }

  void look() {
    auto snapshot = sqlite::Snapshot::open(application_.path(), snapshot_options());
    if (!snapshot) {  // a transaction is being written, a journal waits for its application
      ++tally_.refused;
      const ErrorCode code = snapshot.error().code;
      const bool expected = code == ErrorCode::kStarved || code == ErrorCode::kFailedPrecondition;
      if (!expected) throw Missed("the snapshot: " + snapshot.error().to_string());
      return;
    }
    auto row_wise = by_row_.look(**snapshot);  // first: the other may keep no more than the pages it needs
    auto page_wise = by_page_.look(**snapshot);
    const auto broke = [](const auto& done) { return !done && done.error().code == ErrorCode::kAborted; };
    if (broke(page_wise) && by_page_.kept())
      throw Missed("needed, and not kept: " + page_wise.error().to_string());
    if (broke(page_wise) || broke(row_wise)) {
      ++tally_.broken;
      check(by_page_.settle(**snapshot, false));
      return check(by_row_.settle(**snapshot, false));
    }
    if (!page_wise) throw Missed("capture: " + page_wise.error().to_string());
    if (!row_wise) throw Missed("all rows: " + row_wise.error().to_string());
    compare(*page_wise, *row_wise);
    const bool remember = !one_in(random_, 12);
    check(by_page_.settle(**snapshot, remember));
    check(by_row_.settle(**snapshot, remember));
    check((*snapshot)->validate());
    if (remember) followed_frames_ = by_page_.capture()->position().log.frames;
    ++tally_.looks;
    if (!remember) ++tally_.dropped;
    for (const auto& [table, difference] : *row_wise) {
      compare_records(table);
      tally_.inserted += difference.inserted;
      tally_.updated += difference.updated;
      tally_.gone += static_cast<int64_t>(difference.gone.size());
    }
  }

  void look_at_damage() {
    const Damage damage(application_.path(), random_);
    ++tally_.damaged;
    std::optional<std::map<std::string, Difference>> found[2];
    Follower* const followers[] = {&by_page_, &by_row_};
    auto snapshot = sqlite::Snapshot::open(application_.path(), snapshot_options());
    if (!snapshot) return;
    bool whole = true;
    for (const int i : {1, 0}) {  // all rows first, as in look()
      auto looked = followers[i]->look(**snapshot);
      if (looked) found[i] = std::move(*looked);
      whole = whole && found[i];
    }
    if (whole && *found[0] != *found[1] && is_beside_the_log(**snapshot, damage)) {
      ++tally_.excused;
      whole = false;
    } else if (whole) {
      compare(*found[0], *found[1], damage.what());
      ++tally_.seen_by_both;
    } else if (found[0] || found[1]) {
      ++tally_.seen_by_one;
    }
    // A log does not show that something was mended beside it.
    const bool remember = whole && one_in(random_, 4) && !by_page_.capture()->position().live &&
                          (*snapshot)->validate().has_value();
    // Each remembers or neither does; a settled one is compared with the whole file afterwards.
    if (remember) followed_frames_ = by_page_.capture()->position().log.frames;
    const Status settled = by_page_.settle(**snapshot, remember);
    check(by_row_.settle(**snapshot, remember && settled));
    if (!settled) check(by_page_.memory().discard());
  }

  // Where the log says which pages were written, others are not looked at: what rots in them, or in the
  // wal-index, is not the application's change and is found by those who read it, verify and full scans.
  bool is_beside_the_log(sqlite::Snapshot& snapshot, const Damage& damage) const {
    const Evidence evidence = by_page_.capture()->evidence();
    if (damage.is_of("-shm")) return true;
    if (evidence != Evidence::kLog && evidence != Evidence::kTrail) return false;
    auto pages = snapshot.pages();
    const size_t frame = kFrameHeaderBytes + (pages ? (*pages)->page_size() : 0);
    return !damage.is_of("-wal") || damage.first() < kLogHeaderBytes + followed_frames_ * frame;
  }

  static void check(const Status& done) {
    if (!done) throw Missed(done.error().to_string());
  }

  void compare(const std::map<std::string, Difference>& page_wise,
               const std::map<std::string, Difference>& row_wise, const std::string& damage = "") const {
    if (page_wise == row_wise) return;
    std::string text = damage + "\n";
    for (const auto& [table, difference] : row_wise) {
      const auto other = page_wise.find(table);
      if (other != page_wise.end() && other->second == difference) continue;
      text += fmt::format("{}: all rows say {}\n", table, difference.to_string());
      if (other != page_wise.end())
        text += fmt::format("{}: capture says {}\n", table, other->second.to_string());
      const Finding& finding = by_page_.capture()->finding(table);
      text += fmt::format("  evidence {}, finding {} {}", static_cast<int>(by_page_.capture()->evidence()),
                          static_cast<int>(finding.what), finding.reason);
      for (const auto& range : finding.ranges.list())
        text += fmt::format(" [{}, {}]", range.first, range.last);
      text += "\n";
    }
    throw Missed(text);
  }

  void compare_records(const std::string& table) {
    auto page_wise = by_page_.records(table);
    auto row_wise = by_row_.records(table);
    if (!page_wise || !row_wise) throw Missed("the memory of " + table + " cannot be read");
    if (*page_wise == *row_wise) return;
    throw Missed(fmt::format("{}: the memories differ: {} records by page, {} by row", table,
                             page_wise->size(), row_wise->size()));
  }

  const std::filesystem::path directory_;
  const uint64_t seed_;
  Tally& tally_;
  Application application_;
  SourceTrail trail_;
  Follower by_page_, by_row_;
  Random random_;
  size_t followed_frames_ = 0;  // of the log, at the last look that is remembered
};

void print(const Tally& tally, double seconds) {
  std::printf(
      "%ld worlds, %ld batches, %ld looks in %.1f s (%.0f batches/s); %ld refused, %ld broken, %ld not "
      "remembered\n%ld rows inserted, %ld updated, %ld gone\n",
      static_cast<long>(tally.worlds), static_cast<long>(tally.batches), static_cast<long>(tally.looks),
      seconds, static_cast<double>(tally.batches) / seconds, static_cast<long>(tally.refused),
      static_cast<long>(tally.broken), static_cast<long>(tally.dropped), static_cast<long>(tally.inserted),
      static_cast<long>(tally.updated), static_cast<long>(tally.gone));
  static constexpr std::pair<Evidence, const char*> kNames[] = {{Evidence::kSame, "the same file"},
                                                                {Evidence::kLog, "log"},
                                                                {Evidence::kTrail, "trail"},
                                                                {Evidence::kJournals, "journals"},
                                                                {Evidence::kChecksums, "checksums"}};
  if (tally.damaged > 0)
    std::printf("%ld damages, both read on in %ld, one alone in %ld; %ld beside the log\n",
                static_cast<long>(tally.damaged), static_cast<long>(tally.seen_by_both),
                static_cast<long>(tally.seen_by_one), static_cast<long>(tally.excused));
  std::printf("evidence:");
  for (const auto& [evidence, name] : kNames) {
    const auto times = tally.ways.evidence.find(evidence);
    std::printf(" %s %ld", name, times == tally.ways.evidence.end() ? 0L : static_cast<long>(times->second));
  }
  std::printf(
      "\ntables: %ld unchanged, %ld in ranges, %ld long rows spared; %ld looks from kept pages alone\n",
      static_cast<long>(tally.ways.unchanged), static_cast<long>(tally.ways.ranges),
      static_cast<long>(tally.ways.spared), static_cast<long>(tally.ways.kept));
  for (const auto& [reason, times] : tally.ways.everything)
    std::printf("  all rows, %ld times: %s\n", static_cast<long>(times), reason.c_str());
}

int campaign(bool is_long, bool damaged) {
  const char* batches_wanted = std::getenv("SYNC_NODE_BATCHES");
  const char* one_seed = std::getenv("SYNC_NODE_SEED");
  const int64_t batches = batches_wanted != nullptr ? std::atoll(batches_wanted) : is_long ? kLong : kShort;
  uint64_t seed = one_seed != nullptr ? std::strtoull(one_seed, nullptr, 10) : 20261126000;
  ::setvbuf(stdout, nullptr, _IOLBF, 0);
  Writer writer;
  Tally tally;
  int missed = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (; tally.batches < batches && missed < 5; ++seed) {
    const auto directory = new_directory();
    ++tally.worlds;
    std::optional<World> world;
    try {
      world.emplace(writer, directory, seed, tally);
      world->play(kBatchesPerWorld, damaged);
    } catch (const std::runtime_error& what) {
      ++missed;
      std::printf("MISS in the world of SYNC_NODE_SEED=%llu:\n%s\n", static_cast<unsigned long long>(seed),
                  what.what());
      if (one_seed != nullptr && world) std::printf("%s", world->history().c_str());
    }
    world.reset();
    writer.kill();
    std::filesystem::remove_all(directory);
    if (one_seed != nullptr) break;
  }
  print(tally, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  if (missed > 0) return 1;
  if (one_seed != nullptr) return 0;
  // A campaign that only fell back proves nothing.
  const bool all_ways =
      tally.ways.evidence[Evidence::kSame] > 0 && tally.ways.evidence[Evidence::kLog] > 0 &&
      tally.ways.evidence[Evidence::kTrail] > 0 && tally.ways.evidence[Evidence::kJournals] > 0 &&
      tally.ways.evidence[Evidence::kChecksums] > 0 && tally.ways.unchanged > 0 && tally.ways.ranges > 0 &&
      tally.ways.kept > 0 && tally.ways.spared > 0 && !tally.ways.everything.empty();
  if (!all_ways) std::printf("not every way was used\n");
  return all_ways ? 0 : 1;
}

}  // namespace
}  // namespace syncnode::capture

int main(int argc, char** argv) {
  using namespace syncnode::capture;
  if (argc > 1 && std::strcmp(argv[1], Writer::kArgument) == 0) return Writer::serve();
  bool is_long = std::getenv("SYNC_NODE_LONG") != nullptr;
  bool damaged = false;
  for (int i = 1; i < argc; ++i) {
    is_long = is_long || std::strcmp(argv[i], "--long") == 0;
    damaged = damaged || std::strcmp(argv[i], "--damaged") == 0;
  }
  return campaign(is_long, damaged);
}
