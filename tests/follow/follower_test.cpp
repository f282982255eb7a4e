#include "follow/follower.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <condition_variable>

#include "application.h"
#include "follow/directory_watches.h"

namespace syncnode::follow {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// No timer within the life of a test: what arrives was hinted at.
const FollowerOptions kByHintsAlone{hours(10), hours(10), false};
// Every event is dropped: what arrives was found by the timer.
const FollowerOptions kByTimerAlone{milliseconds(5), milliseconds(5), true};

class Silence final : public Log {
 public:
  void write(LogLevel, std::string_view) override {}
};

// A follower, and what it said.
class Heard {
 public:
  explicit Heard(FollowerOptions options, bool looks = false,
                 std::shared_ptr<const UniqueFd> bell = nullptr) {
    Callbacks callbacks;
    callbacks.changed = [this](const std::string& client) { count(changes_, client); };
    if (looks)
      callbacks.look = [this, bell](const std::string& client, const std::string&) {
        eventfd_t rings = 0;
        if (bell) ::eventfd_read(bell->get(), &rings);
        count(looks_, client);
      };
    if (bell) callbacks.urgent = [bell](const std::string&, const std::string&) { return bell; };
    auto started = Follower::start(std::move(callbacks), log_, options);
    EXPECT_TRUE(started);
    follower_ = std::move(*started);
  }
  void follow(std::vector<Followed> clients) { follower_->follow(std::move(clients)); }
  int changes(const std::string& client = "one") {
    const std::lock_guard lock(mutex_);
    return changes_[client];
  }
  // True when there is word of a client beyond the `seen`-th.
  bool more_than(int seen, const std::string& client = "one") { return waited(changes_, seen, client); }
  int looks() {
    const std::lock_guard lock(mutex_);
    return looks_["one"];
  }
  bool looks_more_than(int seen) { return waited(looks_, seen, "one"); }

 private:
  using Counts = std::map<std::string, int>;
  void count(Counts& counts, const std::string& client) {
    const std::lock_guard lock(mutex_);
    ++counts[client];
    said_.notify_all();
  }
  bool waited(Counts& counts, int seen, const std::string& client) {
    std::unique_lock lock(mutex_);
    return said_.wait_for(lock, seconds(20), [&] { return counts[client] > seen; });
  }

  Silence log_;
  std::mutex mutex_;
  std::condition_variable said_;
  Counts changes_, looks_;
  std::unique_ptr<Follower> follower_;
};

class Following : public testing::TestWithParam<bool> {
 protected:
  Following() : heard_(GetParam() ? kByHintsAlone : kByTimerAlone) {}
  // Ends when there was word since the statement was sent and the word is about its outcome.
  void expect_word_of(Application& application, const std::string& statement) {
    const int seen = heard_.changes();
    application.run(statement);
    EXPECT_TRUE(heard_.more_than(seen)) << statement;
  }
  void follow() {
    heard_.follow({{"one", path_, true}});
    EXPECT_TRUE(heard_.more_than(0)) << "once at first";
  }

  const Directory directory_;
  const std::string path_ = directory_ / "webui.db";
  Heard heard_;
};
INSTANTIATE_TEST_SUITE_P(By, Following, testing::Bool(),
                         [](const auto& hints) { return hints.param ? "HintsAlone" : "TimerAlone"; });

TEST_P(Following, HearsOfCommitsInEveryJournalMode) {
  Application application(path_);
  application.run("CREATE TABLE t(a)");
  application.run("INSERT INTO t VALUES(1)");
  follow();
  for (const char* mode : {"WAL", "DELETE", "WAL", "TRUNCATE", "PERSIST", "WAL"}) {
    application.run(std::string("PRAGMA journal_mode=") + mode);
    for (int i = 0; i < 5; ++i) expect_word_of(application, "UPDATE t SET a = a + 1");
  }
}

TEST_P(Following, HearsTheEndOfATransaction) {
  Application application(path_);
  application.run("PRAGMA journal_mode=WAL");
  application.run("CREATE TABLE t(a)");
  application.run("PRAGMA cache_size=2");
  follow();
  application.run("BEGIN");
  application.run("INSERT INTO t VALUES(randomblob(500000))");
  expect_word_of(application, "COMMIT");
}

TEST_P(Following, HearsOfAnotherFileInItsPlace) {
  const auto make = [](const std::string& path, int value) {
    Application application(path);
    application.run("CREATE TABLE t(a)");
    application.run("INSERT INTO t VALUES(" + std::to_string(value) + ")");
  };
  make(path_, 1);
  follow();
  make(path_ + ".new", 2);
  int seen = heard_.changes();
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_TRUE(heard_.more_than(seen)) << "replaced";
  seen = heard_.changes();
  std::filesystem::remove(path_);
  EXPECT_TRUE(heard_.more_than(seen)) << "removed";
  seen = heard_.changes();
  make(path_, 3);
  EXPECT_TRUE(heard_.more_than(seen)) << "made again";
}

TEST(Follower, FindsADirectoryThatCameBack) {
  const Directory directory;
  const auto volume = directory / "volume";
  const auto commit = [&] {
    std::filesystem::create_directories(volume);
    return std::make_unique<Application>(volume / "webui.db");
  };
  auto application = commit();
  application->run("CREATE TABLE t(a)");
  Heard heard({milliseconds(5), milliseconds(5), false});
  heard.follow({{"one", volume / "webui.db", true}});
  ASSERT_TRUE(heard.more_than(0));
  int seen = heard.changes();
  application->die();
  std::filesystem::rename(volume, directory / "gone");
  EXPECT_TRUE(heard.more_than(seen)) << "gone";
  seen = heard.changes();
  application = commit();
  application->run("CREATE TABLE t(a)");
  EXPECT_TRUE(heard.more_than(seen)) << "back";
  seen = heard.changes();
  application->run("INSERT INTO t VALUES(1)");
  EXPECT_TRUE(heard.more_than(seen)) << "followed on";
}

// What is hinted at while it is forgotten is no word of anybody.
TEST(Follower, FollowsWhomItIsTold) {
  const Directory directory;
  const std::string first = directory / "first.db", second = directory / "second.db";
  Application one(first), two(second);
  one.run("CREATE TABLE t(a)");
  two.run("CREATE TABLE t(a)");
  Heard heard(kByHintsAlone);
  heard.follow({{"one", first, true}, {"two", second, true}});
  ASSERT_TRUE(heard.more_than(0, "one") && heard.more_than(0, "two"));
  heard.follow({{"two", second, true}});
  two.run("INSERT INTO t VALUES(1)");
  ASSERT_TRUE(heard.more_than(1, "two"));
  one.run("INSERT INTO t VALUES(1)");
  two.run("INSERT INTO t VALUES(2)");
  EXPECT_TRUE(heard.more_than(2, "two"));
  EXPECT_EQ(heard.changes("one"), 1);
  heard.follow({{"one", first, true}, {"two", second, true}});
  EXPECT_TRUE(heard.more_than(1, "one")) << "what it missed meanwhile";
}

TEST(Follower, LooksForWhoReadsTheLogAtEveryHintAndByItself) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  Application application(path);
  application.run("PRAGMA journal_mode=WAL");
  application.run("CREATE TABLE t(a)");
  Heard hinted(kByHintsAlone, true);
  hinted.follow({{"one", path, false}});
  EXPECT_TRUE(hinted.looks_more_than(0));
  for (int i = 0; i < 3; ++i) {
    const int seen = hinted.looks();
    application.run("INSERT INTO t VALUES(1)");
    EXPECT_TRUE(hinted.looks_more_than(seen));
  }
  Heard timed(kByTimerAlone, true);
  timed.follow({{"one", path, false}});
  EXPECT_TRUE(timed.looks_more_than(3));
  EXPECT_EQ(hinted.changes() + timed.changes(), 0) << "only live clients are";
}

// No hint and no timer: only what says that a look must not wait.
TEST(Follower, LooksAtOnceForWhoSaysThatItIsUrgent) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  Application application(path);
  application.run("CREATE TABLE t(a)");
  const auto bell = std::make_shared<const UniqueFd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_TRUE(bell->valid());
  Heard heard({hours(10), hours(10), false}, true, bell);
  heard.follow({{"one", path, true}});
  EXPECT_TRUE(heard.more_than(0));
  for (int i = 0; i < 20; ++i) {
    const int seen = heard.looks();
    ::eventfd_write(bell->get(), 1);
    EXPECT_TRUE(heard.looks_more_than(seen));
  }
  EXPECT_EQ(heard.changes(), 1) << "nothing changed";
}

// What an operator raises is used without a restart.
TEST(DirectoryWatches, WatchAgainOnceTheHostHasSomeLeft) {
  const Directory directory;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  DirectoryWatches watches;
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_FALSE(watches.watch(directory.path().string()));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(watches.watch(directory.path().string()));
  EXPECT_GE(watches.fd(), 0);
}

}  // namespace
}  // namespace syncnode::follow
