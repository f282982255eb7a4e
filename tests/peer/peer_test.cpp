// The lock and the watch against real processes: killed, stopped, forked, replaced and foreign ones.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>

#include "base/clock.h"
#include "peer/node_lock.h"
#include "peer/peer_watch.h"

namespace syncnode::peer {
namespace {

using namespace std::chrono_literals;

class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    std::array<int, 2> in{}, out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    arguments.insert(arguments.begin(), PEER_NODE);
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const int failed = ::posix_spawn(&pid_, PEER_NODE, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    input_.reset(in[1]);
    output_.reset(out[0]);
    if (failed != 0) throw std::runtime_error("cannot run " PEER_NODE);
    for (char byte = 0; ::read(output_.get(), &byte, 1) == 1 && byte != '\n';) said_ += byte;
  }
  ~Process() { end(SIGKILL); }
  void end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }
  void signal(int signal) const { ::kill(pid_, signal); }
  pid_t pid() const { return pid_; }
  const std::string& said() const { return said_; }

 private:
  pid_t pid_ = -1;
  UniqueFd input_, output_;
  std::string said_;
};

// Remembers what the watch said and lets a test wait for it.
class Seen {
 public:
  PeerCallbacks callbacks() {
    return {[this](const NodeFacts& facts) { add(alive_, facts); },
            [this](const NodeFacts& facts) { add(died_, facts); }};
  }
  bool alive(const std::string& nonce, std::chrono::milliseconds wait = 10s) {
    return has(alive_, nonce, wait);
  }
  bool died(const std::string& nonce, std::chrono::milliseconds wait = 10s) {
    return has(died_, nonce, wait);
  }

 private:
  void add(std::vector<NodeFacts>& list, const NodeFacts& facts) {
    const std::lock_guard lock(mutex_);
    list.push_back(facts);
    changed_.notify_all();
  }
  bool has(const std::vector<NodeFacts>& list, const std::string& nonce, std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, wait, [&] {
      return std::any_of(list.begin(), list.end(),
                         [&](const NodeFacts& facts) { return facts.nonce == nonce; });
    });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<NodeFacts> alive_, died_;
};

class PeerTest : public ::testing::Test {
 protected:
  PeerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sync-node-peer.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<PeerWatch> watch(const std::string& directory) {
    auto started = PeerWatch::start(directory, "node-b", seen_.callbacks());
    if (!started) throw std::runtime_error(started.error().to_string());
    return std::move(*started);
  }

  // By another hand than the holder's, into the same file.
  void write_line(NodeFacts facts) const {
    const std::string path = lock_path(directory_, "node-b");
    const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
    struct stat status {};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    facts.inode = status.st_ino;
    const std::string line = to_line(facts);
    ASSERT_EQ(::write(file.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }

  std::string directory_;
  Seen seen_;
};

TEST_F(PeerTest, AKilledPeerIsProvenDeadWithinMilliseconds) {
  const auto watching = watch(directory_);
  std::vector<double> took;
  for (int i = 0; i < 20; ++i) {
    const std::string nonce = "nonce-" + std::to_string(i);
    Process peer({directory_, "node-b", nonce});
    ASSERT_TRUE(seen_.alive(nonce));
    const auto killed = BootClock::now();
    peer.signal(SIGKILL);
    ASSERT_TRUE(seen_.died(nonce));
    took.push_back(std::chrono::duration<double, std::milli>(BootClock::now() - killed).count());
  }
  std::sort(took.begin(), took.end());
  std::printf("  SIGKILL noticed after %.2f ms (median of %zu), %.2f ms at worst\n", took[took.size() / 2],
              took.size(), took.back());
  EXPECT_LT(took[took.size() / 2], 100);
}

TEST_F(PeerTest, F03_AStoppedPeerIsAlive) {
  const auto watching = watch(directory_);
  Process peer({directory_, "node-b", "nonce"});
  ASSERT_TRUE(seen_.alive("nonce"));
  peer.signal(SIGSTOP);
  watching->look();
  EXPECT_FALSE(seen_.died("nonce", 500ms));
  peer.signal(SIGCONT);
  peer.end(SIGKILL);
  EXPECT_TRUE(seen_.died("nonce"));
}

// I4: whenever it dies, before the look, between the look at the lock and the pidfd, or after both.
TEST_F(PeerTest, F35_APeerThatDiesWhileItIsLookedForIsFound) {
  std::minstd_rand random(35);
  for (int round = 0; round < 100; ++round) {
    const std::string nonce = "nonce-" + std::to_string(round);
    Process peer({directory_, "node-b", nonce});
    ASSERT_EQ(peer.said().rfind("ready", 0), 0U) << peer.said();
    const auto dies_at = BootClock::now() + std::chrono::microseconds(random() % 1500);
    std::thread killer([&] {
      while (BootClock::now() < dies_at) {  // busy: a sleep would end too late
      }
      peer.signal(SIGKILL);
    });
    const auto watching = watch(directory_);
    killer.join();
    // Sooner than by the slow look, which finds everything.
    ASSERT_TRUE(seen_.died(nonce, 1900ms)) << "round " << round;
  }
}

TEST_F(PeerTest, F36_AChildThatInheritedTheLockFileDoesNotKeepItsParentAlive) {
  const auto watching = watch(directory_);
  Process peer({directory_, "node-b", "nonce", "child"});
  ASSERT_TRUE(seen_.alive("nonce"));
  const pid_t child = std::stoi(peer.said().substr(6));
  peer.end(SIGKILL);
  EXPECT_TRUE(seen_.died("nonce"));
  EXPECT_EQ(::kill(child, 0), 0) << "the child must have outlived it";
  const Process next({directory_, "node-b", "next"});
  EXPECT_EQ(next.said(), "ready 0 nonce") << "the lock is free, and tells who held it";
  ::kill(child, SIGKILL);
}

TEST_F(PeerTest, ASecondNodeOfTheSameNameIsRefusedWithThePidOfTheFirst) {
  const Process first({directory_, "node-b", "first"});
  ASSERT_EQ(first.said(), "ready 0 -");
  const Process second({directory_, "node-b", "second"});
  EXPECT_NE(second.said().find("held by the process " + std::to_string(first.pid())), std::string::npos)
      << second.said();
  const Process other({directory_, "node-a", "other"});
  EXPECT_EQ(other.said(), "ready 0 -");
}

TEST_F(PeerTest, ALockFileWithoutAHolderIsNobody) {
  // The pid of a living process, as after a crash and the reuse of its pid: it does not hold the lock.
  write_line({"b", "stale", ::getppid(), 1, 0});
  const auto watching = watch(directory_);
  EXPECT_TRUE(seen_.died("stale")) << "dead before we looked";
  EXPECT_FALSE(seen_.alive("stale", 300ms));
  const Process peer({directory_, "node-b", "fresh"});
  EXPECT_TRUE(seen_.alive("fresh"));
}

TEST_F(PeerTest, ACopiedStateDirectoryProvesNobodyDead) {
  const std::string copy = directory_ + "/copy";
  const Process peer({directory_, "node-b", "living"});
  std::filesystem::create_directory(copy);
  std::filesystem::copy_file(lock_path(directory_, "node-b"), lock_path(copy, "node-b"));
  const auto watching = watch(copy);
  EXPECT_FALSE(seen_.died("living", 500ms));
  const Process next({copy, "node-b", "next"});
  EXPECT_EQ(next.said(), "ready 0 -") << "what it found is no predecessor of its own";
}

TEST_F(PeerTest, AnEarlierLineUnderANewHolderIsNotBelieved) {
  Process peer({directory_, "node-b", "nonce"});
  // As if the holder had not written yet: what stands there is another process'.
  write_line({"b", "stale", ::getppid(), 1, 0});
  const auto watching = watch(directory_);
  EXPECT_FALSE(seen_.alive("stale", 300ms));
  write_line({"b", "fresh", peer.pid(), 1, 0});
  EXPECT_TRUE(seen_.alive("fresh"));
}

TEST_F(PeerTest, AReplacedLockFileHidesNobodysDeath) {
  const auto watching = watch(directory_);
  Process old_peer({directory_, "node-b", "old"});
  ASSERT_TRUE(seen_.alive("old"));
  std::filesystem::remove(lock_path(directory_, "node-b"));
  Process new_peer({directory_, "node-b", "new"});
  ASSERT_TRUE(seen_.alive("new"));
  old_peer.end(SIGKILL);
  EXPECT_TRUE(seen_.died("old"));
  EXPECT_FALSE(seen_.died("new", 200ms));
  new_peer.end(SIGKILL);
  EXPECT_TRUE(seen_.died("new"));
}

TEST_F(PeerTest, ADirectoryThatComesLateIsWatched) {
  const std::string later = directory_ + "/later";
  const auto watching = watch(later);
  std::filesystem::create_directory(later);
  const Process peer({later, "node-b", "nonce"});
  EXPECT_TRUE(seen_.alive("nonce"));
}

TEST_F(PeerTest, F34_AFileOthersMayWriteProvesNothing) {
  const auto watching = watch(directory_);
  Process peer({directory_, "node-b", "nonce"});
  ASSERT_TRUE(seen_.alive("nonce"));
  peer.end(SIGKILL);
  ASSERT_TRUE(seen_.died("nonce"));
  ASSERT_EQ(::chmod(lock_path(directory_, "node-b").c_str(), 0666), 0);
  const Process foreign({directory_, "node-b", "foreign"});
  EXPECT_FALSE(seen_.alive("foreign", 300ms));
}

TEST_F(PeerTest, F34_AHolderOfAnotherUserIsNobody) {
  if (::geteuid() != 0) return;  // only root can be two users; ./dev test runs as root in the test host
  const pid_t foreign = ::fork();
  if (foreign == 0) {
    // The file is ours, the descriptor was open before: so the lock is really held by another user.
    const int file = ::open(lock_path(directory_, "node-b").c_str(), O_RDWR | O_CREAT, 0640);
    if (::setuid(65534) != 0) ::_exit(1);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    const std::string line = to_line({"b", "foreign", ::getpid(), 1, 1});
    if (::fcntl(file, F_SETLK, &lock) != 0 || ::write(file, line.data(), line.size()) < 0) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  const auto watching = watch(directory_);
  EXPECT_FALSE(seen_.alive("foreign", 500ms));
  ::kill(foreign, SIGKILL);
  int status = 0;
  ::waitpid(foreign, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it could not take the lock";
}

TEST(NodeFacts, ALineIsReadBackAndHalfALineIsNot) {
  const NodeFacts facts{"openwebui-sync-node-a", "0f5c", 4711, 9443, 77};
  const std::string line = to_line(facts);
  EXPECT_EQ(from_line(line), facts);
  for (size_t cut = 0; cut < line.size(); ++cut) EXPECT_FALSE(from_line(line.substr(0, cut))) << cut;
  EXPECT_FALSE(from_line(line + line));
  EXPECT_FALSE(from_line("node_id=a nonce=b pid=x api_port=1 inode=1 end\n"));
}

}  // namespace
}  // namespace syncnode::peer
