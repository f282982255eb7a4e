#include "schedule/scheduler.h"

#include <gtest/gtest.h>

#include <random>

namespace syncnode::schedule {
namespace {

using std::chrono::seconds;

const Deadline kStart = Deadline(seconds(100'000));

Client client(const std::string& name, int due_in, int interval = 300) {
  return {name, "/srv/" + name + "/webui.db", true, seconds(due_in), seconds(interval)};
}

Job asked(const std::string& name, const std::string& id) {
  return {name, id, JobKind::kSync, "manual"};
}

// The instant from which the only client of `scheduler` is given out, found by bisection on copies.
Deadline due_from(const Scheduler& scheduler, Deadline low, Deadline high) {
  while (high - low > std::chrono::milliseconds(1)) {
    const Deadline middle = low + (high - low) / 2;
    Scheduler copy = scheduler;
    (copy.next(middle).job ? high : low) = middle;
  }
  return high;
}

TEST(Scheduler, TakesTheMostOverdueClientAndOneJobOfEach) {
  Scheduler scheduler(5, 1);
  scheduler.listed({client("a", -5), client("b", -50), client("c", 3)}, kStart);
  EXPECT_EQ(scheduler.next(kStart).job->client, "b");
  EXPECT_EQ(scheduler.next(kStart).job->client, "a");
  const auto none = scheduler.next(kStart);
  EXPECT_FALSE(none.job);
  EXPECT_EQ(none.look_again, kStart + seconds(3));
  EXPECT_EQ(scheduler.running(), 2u);
}

TEST(Scheduler, KnowsWhenAClientIsDueToTheMillisecond) {
  Scheduler scheduler(1, 1);
  Client soon = client("a", 0, 1);
  soon.due_in = std::chrono::milliseconds(340);
  scheduler.listed({soon}, kStart);
  EXPECT_FALSE(scheduler.next(kStart + std::chrono::milliseconds(339)).job);
  EXPECT_TRUE(scheduler.next(kStart + std::chrono::milliseconds(340)).job);
}

Client live(const std::string& name) {
  Client one = client(name, 3600, 60);
  one.live = true;
  return one;
}

TEST(Scheduler, ALiveClientIsDueWhenItChanged) {
  Scheduler scheduler(1, 1);
  scheduler.listed({live("a"), client("b", 3600)}, kStart);
  EXPECT_FALSE(scheduler.next(kStart).job);
  EXPECT_FALSE(scheduler.changed("b", kStart)) << "it has its interval";
  EXPECT_FALSE(scheduler.changed("nobody", kStart));
  EXPECT_FALSE(scheduler.next(kStart).job);
  EXPECT_TRUE(scheduler.changed("a", kStart));
  EXPECT_FALSE(scheduler.changed("a", kStart)) << "once is enough";
  EXPECT_EQ(scheduler.next(kStart).job->client, "a");
}

// However fast it changes, one job runs and at most one more waits; that one begins at once, but for a gap.
TEST(Scheduler, ChangesOfOneClientGoTogether) {
  Scheduler scheduler(3, 1);
  scheduler.listed({live("a")}, kStart);
  scheduler.changed("a", kStart);
  const auto job = scheduler.next(kStart).job;
  ASSERT_TRUE(job);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(scheduler.changed("a", kStart)) << "a worker has it";
  EXPECT_FALSE(scheduler.next(kStart).job) << "one at a time";
  scheduler.finished(*job, Outcome::kSucceeded, kStart);
  EXPECT_EQ(scheduler.next(kStart).look_again, kStart + Scheduler::kGap);
  const auto again = scheduler.next(kStart + Scheduler::kGap).job;
  ASSERT_TRUE(again);
  scheduler.finished(*again, Outcome::kSucceeded, kStart + Scheduler::kGap);
  EXPECT_FALSE(scheduler.next(kStart + seconds(59)).job) << "nothing waits any more";
  EXPECT_TRUE(scheduler.next(kStart + seconds(3700)).job) << "it is looked at by itself too";
}

TEST(Scheduler, ALiveClientThatFailsBacksOffToo) {
  Scheduler scheduler(1, 1);
  scheduler.listed({live("a")}, kStart);
  scheduler.changed("a", kStart);
  scheduler.finished(*scheduler.next(kStart).job, Outcome::kFailed, kStart);
  scheduler.changed("a", kStart);
  EXPECT_FALSE(scheduler.next(kStart + seconds(4)).job) << "a change does not hurry it";
  const auto again = scheduler.next(kStart + seconds(7)).job;
  ASSERT_TRUE(again) << "nothing needs to change for it";
  scheduler.finished(*again, Outcome::kPostponed, kStart + seconds(7));
  EXPECT_TRUE(scheduler.next(kStart + seconds(14)).job) << "as due as before";
}

TEST(Scheduler, NeverRunsMoreThanItHasWorkers) {
  Scheduler scheduler(2, 1);
  scheduler.listed({client("a", 0), client("b", 0), client("c", 0)}, kStart);
  const auto first = scheduler.next(kStart).job;
  ASSERT_TRUE(first && scheduler.next(kStart).job);
  EXPECT_FALSE(scheduler.next(kStart).job);
  scheduler.finished(*first, Outcome::kSucceeded, kStart);
  EXPECT_EQ(scheduler.next(kStart).job->client, "c");
}

Client unsynced(const std::string& name) {
  Client one = client(name, -100);
  one.unsynced = true;
  return one;
}

// Whole databases move, be it that they are new or that somebody asked for it, and what changes is shipped.
TEST(Scheduler, BulkLeavesAWorkerToWhatChanges) {
  Scheduler scheduler(3, 1);
  scheduler.listed({live("a"), unsynced("b"), unsynced("c"), client("d", 3600)}, kStart);
  scheduler.requested({"d", "1", JobKind::kVerify, "manual"});
  const auto verify = *scheduler.next(kStart).job;
  EXPECT_EQ(verify.client, "d");
  EXPECT_EQ(scheduler.next(kStart).job->client, "b");
  scheduler.requested({"a", "2", JobKind::kFullSync, "manual"});
  EXPECT_FALSE(scheduler.has_work(kStart)) << "neither the new one nor what was asked for";
  scheduler.changed("a", kStart);
  const auto change = *scheduler.next(kStart).job;
  EXPECT_EQ(change.client, "a");
  EXPECT_EQ(change.kind, JobKind::kSync);
  scheduler.finished(change, Outcome::kSucceeded, kStart);
  scheduler.finished(verify, Outcome::kSucceeded, kStart);
  EXPECT_EQ(scheduler.next(kStart).job->job_id, "2");
  EXPECT_EQ(scheduler.waiting(), 0u);
}

TEST(Scheduler, OneThatWasSyncedForTheFirstTimeIsNoBulkAnyMore) {
  Scheduler scheduler(2, 1);
  Client first = unsynced("a");
  first.live = true;
  scheduler.listed({first, unsynced("b")}, kStart);
  const auto job = *scheduler.next(kStart).job;
  ASSERT_EQ(job.client, "a");
  EXPECT_FALSE(scheduler.next(kStart).job) << "one at a time";
  scheduler.finished(job, Outcome::kSucceeded, kStart);
  EXPECT_EQ(scheduler.next(kStart).job->client, "b");
  scheduler.changed("a", kStart);
  EXPECT_EQ(scheduler.next(kStart + Scheduler::kGap).job->client, "a");
}

TEST(Scheduler, AnOnlyWorkerDoesEverything) {
  Scheduler scheduler(1, 1);
  scheduler.listed({unsynced("a")}, kStart);
  EXPECT_EQ(scheduler.next(kStart).job->client, "a");
}

TEST(Scheduler, WhatWasAskedForComesFirstButNeverBesideTheSameClient) {
  Scheduler scheduler(5, 1);
  scheduler.listed({client("a", -9), client("b", -9)}, kStart);
  const auto running = scheduler.next(kStart).job;
  ASSERT_EQ(running->client, "a");
  scheduler.requested(asked("a", "1"));
  scheduler.requested(asked("z", "2"));  // not enabled, or not listed: still done when asked for
  EXPECT_EQ(scheduler.next(kStart).job->job_id, "2");
  EXPECT_EQ(scheduler.next(kStart).job->client, "b");
  EXPECT_FALSE(scheduler.next(kStart).job);
  EXPECT_EQ(scheduler.waiting(), 1u);
  scheduler.finished(*running, Outcome::kSucceeded, kStart);
  EXPECT_EQ(scheduler.next(kStart).job->job_id, "1");
}

TEST(Scheduler, AJobThatDidNotGetToBeginIsNoFailureAndStaysAsDue) {
  Scheduler scheduler(1, 1);
  scheduler.listed({client("a", -9), client("b", -5)}, kStart);
  auto job = *scheduler.next(kStart).job;
  ASSERT_EQ(job.client, "a");
  scheduler.finished(job, Outcome::kPostponed, kStart);
  EXPECT_FALSE(scheduler.is_failing("a"));
  job = *scheduler.next(kStart).job;
  EXPECT_EQ(job.client, "b") << "others have their turn meanwhile";
  scheduler.finished(job, Outcome::kSucceeded, kStart);
  EXPECT_EQ(scheduler.next(kStart).job->client, "a");
}

TEST(Scheduler, WhatWasAskedForAndDidNotGetToBeginIsStillAskedFor) {
  Scheduler scheduler(1, 1);
  scheduler.requested(asked("a", "1"));
  scheduler.finished(*scheduler.next(kStart).job, Outcome::kPostponed, kStart);
  EXPECT_EQ(scheduler.waiting(), 1u);
  EXPECT_EQ(scheduler.next(kStart).job->job_id, "1");
}

TEST(Scheduler, AskingTwiceWithOneIdIsAskingOnceAndCanBeWithdrawn) {
  Scheduler scheduler(5, 1);
  scheduler.requested(asked("a", "1"));
  scheduler.requested(asked("a", "1"));
  EXPECT_EQ(scheduler.waiting(), 1u);
  EXPECT_TRUE(scheduler.withdraw("1"));
  EXPECT_FALSE(scheduler.withdraw("1"));
  EXPECT_FALSE(scheduler.next(kStart).job);
}

TEST(Scheduler, LeavesADisabledClientAlone) {
  Scheduler scheduler(5, 1);
  Client paused = client("a", -9);
  paused.enabled = false;
  scheduler.listed({paused}, kStart);
  EXPECT_FALSE(scheduler.next(kStart).job);
}

TEST(Scheduler, AddsUpToATenthOfTheInterval) {
  Scheduler scheduler(1, 7);
  Deadline earliest = Deadline::max(), latest = Deadline::min();
  for (int i = 0; i < 200; ++i) {
    scheduler.listed({client("a", 0, 100)}, kStart);
    scheduler.finished(asked("a", ""), Outcome::kSucceeded, kStart);
    const Deadline due = due_from(scheduler, kStart, kStart + seconds(200));
    earliest = std::min(earliest, due);
    latest = std::max(latest, due);
  }
  EXPECT_GE(earliest, kStart + seconds(100));
  EXPECT_LE(latest, kStart + seconds(110) + std::chrono::milliseconds(2));
  EXPECT_GT(latest - earliest, seconds(7));
}

TEST(Scheduler, AShorterIntervalCountsAtOnce) {
  Scheduler scheduler(1, 1);
  scheduler.listed({client("a", 0, 86400)}, kStart);
  scheduler.finished(*scheduler.next(kStart).job, Outcome::kSucceeded, kStart);
  scheduler.listed({client("a", 1, 1)}, kStart);
  EXPECT_FALSE(scheduler.next(kStart).job);
  EXPECT_TRUE(scheduler.next(kStart + seconds(1)).job);
}

TEST(Scheduler, AFailingClientBacksOffAloneAndRecovers) {
  Scheduler scheduler(5, 1);
  scheduler.listed({client("bad", 0, 60), client("good", 0, 60)}, kStart);
  Deadline now = kStart;
  seconds expected = Scheduler::kFirstBackoff;
  for (int i = 0; i < 10; ++i) {
    scheduler.finished(asked("bad", ""), Outcome::kFailed, now);
    EXPECT_TRUE(scheduler.is_failing("bad"));
    EXPECT_FALSE(scheduler.is_failing("good"));
    Scheduler alone = scheduler;
    alone.listed({client("bad", 0, 60)}, now);
    const Deadline due = due_from(alone, now, now + seconds(1000));
    EXPECT_GE(due - now, expected);
    EXPECT_LE(due - now, expected * 6 / 5 + std::chrono::milliseconds(2));
    expected = std::min(expected * 2, seconds(Scheduler::kLongestBackoff));
    now = due;
  }
  scheduler.finished(asked("bad", ""), Outcome::kSucceeded, now);
  EXPECT_FALSE(scheduler.is_failing("bad"));
  EXPECT_EQ(scheduler.next(kStart).job->client, "good");
}

// A failed run moves the server's "due in" by a whole interval; the retry does not wait for it.
TEST(Scheduler, AFailureIsTriedAgainBeforeTheIntervalEnds) {
  Scheduler scheduler(1, 1);
  scheduler.listed({client("a", 0, 3600)}, kStart);
  const auto job = scheduler.next(kStart).job;
  scheduler.finished(*job, Outcome::kFailed, kStart);
  scheduler.listed({client("a", 3600, 3600)}, kStart + seconds(1));
  EXPECT_LE(due_from(scheduler, kStart, kStart + seconds(4000)), kStart + seconds(7));
}

TEST(Scheduler, ForgetsClientsThatAreGoneAndEverythingWhenAnotherLeads) {
  Scheduler scheduler(5, 1);
  scheduler.listed({client("a", 0), client("b", 0)}, kStart);
  scheduler.listed({client("b", 0)}, kStart);
  EXPECT_EQ(scheduler.find("a"), nullptr);
  const auto job = scheduler.next(kStart).job;
  scheduler.requested(asked("c", "1"));
  scheduler.clear();
  EXPECT_EQ(scheduler.waiting(), 0u);
  EXPECT_EQ(scheduler.running(), 1u);  // its worker has yet to notice
  scheduler.finished(*job, Outcome::kCancelled, kStart);
  EXPECT_FALSE(scheduler.next(kStart + seconds(100'000)).job);
}

// Whatever happens in whatever order: one job per client, no more than there are workers, nothing asked for
// is lost.
TEST(Scheduler, KeepsItsRulesUnderAnySchedule) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    const size_t workers = 1 + random() % 3;
    Scheduler scheduler(workers, random());
    std::vector<Job> running;
    size_t asked_for = 0, given_out = 0, withdrawn = 0;
    Deadline now = kStart;
    for (int step = 0; step < 300; ++step) {
      now += seconds(random() % 20);
      const std::string name(1, static_cast<char>('a' + random() % 5));
      switch (random() % 5) {
        case 0:
          scheduler.listed({client("a", 0, 10), client(name, static_cast<int>(random() % 9), 7)}, now);
          break;
        case 1:
          scheduler.requested(asked(name, std::to_string(++asked_for)));
          break;
        case 2:
          if (scheduler.withdraw(std::to_string(1 + random() % (asked_for + 1)))) ++withdrawn;
          break;
        case 3:
          if (running.empty()) break;
          scheduler.finished(running.back(), static_cast<Outcome>(random() % 3), now);
          running.pop_back();
          break;
        default:
          if (auto job = scheduler.next(now).job) {
            for (const Job& other : running) ASSERT_NE(other.client, job->client);
            if (!job->job_id.empty()) ++given_out;
            running.push_back(std::move(*job));
          }
      }
      ASSERT_LE(running.size(), workers);
      ASSERT_EQ(running.size(), scheduler.running());
      ASSERT_EQ(asked_for, given_out + withdrawn + scheduler.waiting());
    }
  }
}

TEST(Scheduler, AClientThatIsSomewhereElseNowDoesNotWaitForItsOldFailure) {
  Scheduler scheduler(1, 1);
  scheduler.listed({client("a", 0)}, kStart);
  scheduler.finished(*scheduler.next(kStart).job, Outcome::kFailed, kStart);
  scheduler.listed({client("a", 0)}, kStart);
  EXPECT_FALSE(scheduler.next(kStart).job) << "the same client backs off";
  Client moved = client("a", 290);
  moved.sqlite_path = "/srv/other/webui.db";
  scheduler.listed({moved}, kStart);
  scheduler.listed({moved}, kStart + seconds(10));
  EXPECT_FALSE(scheduler.is_failing("a"));
  const auto job = scheduler.next(kStart + seconds(10)).job;
  ASSERT_TRUE(job) << "it is due at once";
  scheduler.listed({moved}, kStart + seconds(20));
  scheduler.finished(*job, Outcome::kSucceeded, kStart + seconds(20));
  scheduler.listed({moved}, kStart + seconds(30));
  EXPECT_FALSE(scheduler.next(kStart + seconds(30)).job) << "and once";
  // Also when it moves while a job of it runs.
  scheduler.requested(asked("a", "1"));
  const auto old = scheduler.next(kStart + seconds(31)).job;
  ASSERT_TRUE(old);
  scheduler.listed({client("a", 290)}, kStart + seconds(32));
  scheduler.finished(*old, Outcome::kFailed, kStart + seconds(33));
  EXPECT_TRUE(scheduler.next(kStart + seconds(33)).job);
}

}  // namespace
}  // namespace syncnode::schedule
