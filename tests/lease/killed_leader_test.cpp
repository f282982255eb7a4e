// Leaders that die or freeze at the worst moment: how soon the other commits, and that nothing of theirs
// comes late. The lease is 60 s wherever a dead process is proven dead: nobody waits for it.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>

#include "lease/election_node.h"
#include "peer/peer_watch.h"
#include "postgres/private_pooler.h"

namespace syncnode::test {
namespace {

using namespace std::chrono_literals;
using postgres::Transaction;

const lease::ElectionTimes kReference = lease::ElectionTimes::from(60s, 30s);

Deadline soon() {
  return deadline_in(20s);
}

class KilledLeader : public ::testing::Test {
 protected:
  // From the call to the first fenced commit of `node`.
  std::chrono::milliseconds until_first_commit(ElectionNode& node, Deadline since) {
    if (!node.elected_at()) return 1h;
    auto writer = cluster_.connect();
    auto transaction = Transaction::begin(writer, {}, soon());
    EXPECT_TRUE(postgres::register_host(writer, cluster_.cluster.name, "first", soon()));
    EXPECT_TRUE(postgres::fence(writer, node.term(), soon()));
    EXPECT_TRUE(transaction->commit(soon()));
    return std::chrono::duration_cast<std::chrono::milliseconds>(BootClock::now() - since);
  }
  static void wait_until_followed(const ElectionNode& node) {
    while (node.facts().leader_id.empty()) {
    }
  }

  ElectionCluster cluster_;
};

TEST_F(KilledLeader, F01_IsFollowedByAFencedCommitInWellUnderASecond) {
  // I1, I2, I4: SIGKILL while it writes; pidfd, take-over by compare-and-swap, first commit.
  std::string directory = (std::filesystem::temp_directory_path() / "sync-node-killed.XXXXXX").string();
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  std::vector<std::chrono::milliseconds> took;
  for (int i = 0; i < 10; ++i) {
    std::array<int, 2> out{};
    ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    const std::string nonce = ElectionCluster::nonce(1000 + i);
    std::array<std::string, 5> words{LEASE_NODE, directory, cluster_.cluster.url, cluster_.cluster.name,
                                     nonce};
    std::array<char*, 6> argv{};
    for (size_t w = 0; w < words.size(); ++w) argv[w] = words[w].data();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    pid_t pid = -1;
    ASSERT_EQ(::posix_spawn(&pid, LEASE_NODE, &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    char byte = 0;
    ASSERT_EQ(::read(out[0], &byte, 1), 1) << "it did not lead";
    ::close(out[0]);
    auto b = cluster_.node('b', 2000 + i, "", kReference);
    wait_until_followed(*b);
    auto watch = peer::PeerWatch::start(directory, "node-a", {nullptr, [&](const peer::NodeFacts& dead) {
                                                                b->elector().proven_dead(dead.nonce);
                                                              }});
    ASSERT_TRUE(watch);
    // It writes all the time, so any moment is in the middle of something.
    static_cast<void>(b->elected_at(1, 20ms * i));
    const Deadline killed = BootClock::now();
    ::kill(pid, SIGKILL);
    took.push_back(until_first_commit(*b, killed));
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    watch->reset();
    EXPECT_TRUE(b->elector().stop(deadline_in(3s)));
  }
  std::filesystem::remove_all(directory);
  std::sort(took.begin(), took.end());
  std::printf("  SIGKILL to the other's first commit: %ld ms (median of %zu), %ld ms at worst\n",
              static_cast<long>(took[took.size() / 2].count()), took.size(),
              static_cast<long>(took.back().count()));
  EXPECT_LT(took.back(), 1s);
}

TEST_F(KilledLeader, F02_HoldingTheFenceDelaysNobody) {
  // I1, I4: the dead leader's open transaction is ended by the one who follows, not waited for.
  auto a = cluster_.node('a', 1, "", kReference);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2, "", kReference);
  wait_until_followed(*b);
  auto writer = cluster_.connect();
  auto transaction = Transaction::begin(writer, {}, soon());
  ASSERT_TRUE(postgres::register_host(writer, cluster_.cluster.name, "late", soon()));
  ASSERT_TRUE(postgres::fence(writer, a->term(), soon()));
  a->kill();
  const Deadline killed = BootClock::now();
  b->elector().proven_dead(ElectionCluster::nonce(1));
  EXPECT_LT(until_first_commit(*b, killed), 1s);
  EXPECT_FALSE(transaction->commit(soon())) << "a row of the older term came after the new one";
}

TEST_F(KilledLeader, F02_OnlyWritersOfItsTermAreEnded) {
  // I5: the standby's lease connection, a reader and a command that writes only sync_metadata live on.
  auto a = cluster_.node('a', 1, "", kReference);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2, "", kReference);
  auto c = cluster_.node('b', 3, "", kReference);
  wait_until_followed(*b);
  wait_until_followed(*c);
  const pid_t standby = cluster_.backend('b');
  auto reader = cluster_.connect();
  auto command = cluster_.connect();
  auto reading = Transaction::begin(reader, {.repeatable_read = true}, soon());
  ASSERT_TRUE(reader.simple("SELECT * FROM sync_metadata.leader_election", soon()));
  auto writing = Transaction::begin(command, {}, soon());
  ASSERT_TRUE(postgres::register_host(command, cluster_.cluster.name, "command", soon()));
  a->kill();
  b->elector().proven_dead(ElectionCluster::nonce(1));
  ASSERT_TRUE(b->elected_at());
  EXPECT_TRUE(reading->commit(soon()));
  EXPECT_TRUE(writing->commit(soon()));
  EXPECT_EQ(cluster_.server.superuser_psql("SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                                           std::to_string(standby)),
            "1");
}

TEST_F(KilledLeader, F04_StoppedWhileHoldingTheFenceIsNotRobbedAndDoesNotBlock) {
  // I1, I3, I4: silence proves nothing, so the lease runs out first; then its writer is ended and its COMMIT
  // refused.
  auto a = cluster_.store('a', 1);
  const Grant grant = **a->acquire(3s, soon());
  auto writer = cluster_.connect();
  auto transaction = Transaction::begin(writer, {}, soon());
  ASSERT_TRUE(postgres::register_host(writer, cluster_.cluster.name, "late", soon()));
  ASSERT_TRUE(postgres::fence(writer, grant.term, soon()));
  auto b = cluster_.node('b', 2);
  const auto led = b->elected_at();
  ASSERT_TRUE(led);
  EXPECT_GE(*led, grant.expires - 100ms) << "robbed";
  EXPECT_LT(*led, grant.expires + 1s + 900ms);
  EXPECT_FALSE(transaction->commit(soon()));
}

TEST_F(KilledLeader, F04_FrozenInsideCopyDelaysNeitherTheLeaseNorTheWork) {
  // I4: no timeout of the server ends a COPY that waits for its client; the next leader does.
  cluster_.server.admin_psql("CREATE TABLE public.copied (id bigint); GRANT ALL ON public.copied TO " +
                             cluster_.cluster.login);
  auto a = cluster_.node('a', 1, "", kReference);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2, "", kReference);
  wait_until_followed(*b);
  auto writer = cluster_.connect();
  auto transaction = Transaction::begin(writer, {}, soon());
  ASSERT_TRUE(postgres::fence(writer, a->term(), soon())) << "held on purpose: even this must not block";
  ASSERT_TRUE(writer.copy_in_begin("COPY public.copied FROM STDIN", soon()));
  ASSERT_TRUE(writer.copy_in_write("1\n", soon()));
  a->kill();
  const Deadline killed = BootClock::now();
  b->elector().proven_dead(ElectionCluster::nonce(1));
  EXPECT_LT(until_first_commit(*b, killed), 1s);
  EXPECT_EQ(cluster_.server.superuser_psql(
                "SELECT count(*) FROM pg_locks WHERE relation = 'public.copied'::regclass"),
            "0");
  EXPECT_FALSE(writer.copy_in_finish(soon()));
  cluster_.server.admin_psql("DROP TABLE public.copied");
}

TEST_F(KilledLeader, F22_ACrashOfTheServerIsNoEventButAReconnection) {
  // I2, I4, I9: every back end dies and the server recovers; the leader renews on a new connection or is
  // deposed once.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2);
  wait_until_followed(*b);
  // One back end killed is a crash for all of them.
  ASSERT_EQ(::kill(cluster_.backend('a'), SIGKILL), 0);
  const Deadline crashed = BootClock::now();
  const auto leaders = [&] { return int{a->elector().may_act()} + int{b->elector().may_act()}; };
  const auto is_back = [&](const ElectionNode& node) {
    return node.facts().last_contact.value_or(Deadline{}) > crashed;
  };
  for (const Deadline end = deadline_in(20s); BootClock::now() < end;) {
    if (is_back(*a) && is_back(*b) && leaders() == 1) break;
  }
  EXPECT_TRUE(is_back(*a) && is_back(*b));
  EXPECT_EQ(leaders(), 1);
  EXPECT_LE(a->times_elected() + b->times_elected(), 2U);
}

TEST_F(KilledLeader, F23_F40_APoisonedBackEndChangesNothing) {
  // I2: whatever the role or an earlier client left in the session, each lease transaction overrides it.
  const std::string role = "ALTER ROLE " + cluster_.cluster.login;
  cluster_.server.superuser_psql(
      role + " SET synchronous_commit = off; " + role + " SET statement_timeout = 1; " + role +
      " SET default_transaction_read_only = on; " + role + " SET search_path = pg_temp, public; " + role +
      " SET default_transaction_isolation = 'serializable'; " + role + " SET lock_timeout = 1; " + role +
      " SET row_security = off");
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  EXPECT_FALSE(a->deposed_at(1, 1500ms));
  auto poisoned = cluster_.connect();
  auto transaction = Transaction::begin(poisoned, {}, soon());
  EXPECT_EQ(poisoned.query("SELECT current_setting('synchronous_commit')", {}, soon())->text(0, 0), "on");
}

TEST_F(KilledLeader, F39_ThroughATransactionPoolerWithBackEndsSwitched) {
  // I3, I6, I8: no session state is assumed; a node that cannot hear notices knows it, and polls.
  const PrivatePooler pooler("transaction", {cluster_.cluster.url});
  const std::string url = pooler.url(cluster_.cluster.url);
  auto a = cluster_.node('a', 1, url);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2, url);
  wait_until_followed(*b);
  for (int i = 0; i < 5; ++i) {
    cluster_.server.superuser_psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + cluster_.cluster.login +
        "'");
    EXPECT_FALSE(a->deposed_at(1, 400ms));
  }
  EXPECT_TRUE(a->elector().may_act());
  ASSERT_TRUE(a->elector().stop(deadline_in(2s)));
  EXPECT_TRUE(b->elected_at(1, 3s)) << "polling alone finds a released lease";
}

TEST_F(KilledLeader, F45_AnEpochWithoutASuccessorIsAnErrorAndNoLoop) {
  // I2, I8: the row's guard refuses what would overflow; the node says so and asks rarely.
  cluster_.server.superuser_psql(
      "ALTER TABLE sync_metadata.leader_election DISABLE TRIGGER guard_lease; UPDATE "
      "sync_metadata.leader_election SET "
      "epoch = 4611686018427387904 WHERE cluster_name = '" +
      cluster_.cluster.name +
      "'; "
      "ALTER TABLE sync_metadata.leader_election ENABLE TRIGGER guard_lease");
  auto a = cluster_.node('a', 1);
  EXPECT_FALSE(a->elected_at(1, 3s));
  EXPECT_NE(a->facts().last_error.find("out of range"), std::string::npos) << a->facts().last_error;
  EXPECT_LE(a->facts().calls, 4U);
  EXPECT_FALSE(lease::ElectionTimes::from(0s, 30s).validate());
  EXPECT_FALSE(lease::ElectionTimes::from(-5s, 30s).validate());
}

}  // namespace
}  // namespace syncnode::test
