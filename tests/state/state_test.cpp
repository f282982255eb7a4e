// State over a fake store: cached or not is told as it was, and what is stale is never served.
#include "state/state.h"

#include <gtest/gtest.h>

#include "fakes/fake_state_store.h"

namespace syncnode::state {
namespace {

using namespace std::chrono_literals;

const Term kTerm{"host-1", "openwebui-sync-node-a", "11111111-1111-4111-8111-111111111111", 1};

class StateTest : public ::testing::Test {
 protected:
  static Deadline soon() { return deadline_in(10s); }
  StateAnswer must_get(const std::string& key) {
    auto answer = state_.get(key, soon());
    if (!answer) throw std::runtime_error(answer.error().to_string());
    return *answer;
  }
  Result<StateAnswer> put(const std::string& key, std::string value, std::optional<int64_t> if_version = {}) {
    return state_.put(kTerm, {key, std::move(value), "a test", if_version}, soon());
  }

  test::FakeStateStore store_{kTerm};
  StateCache cache_{{}};
  State state_{store_, cache_};
};

TEST_F(StateTest, TheFirstReadAsksTheDatabaseTheSecondDoesNot) {
  store_.change("k", "1");
  EXPECT_FALSE(state_.peek("k"));
  EXPECT_FALSE(must_get("k").cached);
  const StateAnswer second = must_get("k");
  EXPECT_TRUE(second.cached);
  EXPECT_EQ(second.record.value, "1");
  EXPECT_EQ(second.record.version, 1);
  ASSERT_TRUE(state_.peek("k"));
  EXPECT_TRUE(state_.peek("k")->cached);
  EXPECT_EQ(store_.gets, 1);
}

TEST_F(StateTest, WhatAnotherChangedIsServedOnceItIsAnnounced) {
  store_.change("k", "1");
  must_get("k");
  store_.change("k", "2");
  state_.invalidate("k");
  const StateAnswer fresh = must_get("k");
  EXPECT_FALSE(fresh.cached);
  EXPECT_EQ(fresh.record.value, "2");
  store_.change("k", "3");
  state_.invalidate_all();
  EXPECT_EQ(must_get("k").record.value, "3");
}

TEST_F(StateTest, AReadOvertakenByAChangeIsNotKept) {
  store_.change("k", "1");
  store_.before = [this](const std::string& key) {
    state_.invalidate(key);  // the notice of a change that this read does not see yet
    return Status();
  };
  EXPECT_FALSE(must_get("k").cached);
  store_.before = nullptr;
  EXPECT_FALSE(must_get("k").cached) << "an answer older than the notice was kept";
  EXPECT_TRUE(must_get("k").cached);
}

TEST_F(StateTest, AWriteIsReadBackFromTheCacheAndIsNoCachedAnswerItself) {
  store_.change("k", "1");
  must_get("k");
  auto written = put("k", "2");
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_FALSE(written->cached);
  EXPECT_EQ(written->record.version, 2);
  EXPECT_EQ(must_get("k").record.value, "2");
  EXPECT_EQ(store_.gets, 1);
}

TEST_F(StateTest, WithoutADatabaseOnlyWhatIsValidIsServed) {
  StateCache brief({.ttl = 3600s});
  State state(store_, brief);
  store_.change("k", "1");
  store_.change("other", "1");
  ASSERT_TRUE(state.get("k", soon()));
  store_.before = [](const std::string&) { return Status(Error{ErrorCode::kUnavailable, "gone", ""}); };
  auto served = state.get("k", soon());
  ASSERT_TRUE(served);
  EXPECT_TRUE(served->cached);
  EXPECT_EQ(state.get("other", soon()).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(state.put(kTerm, {"k", "2", "a test", {}}, soon()).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(state.get("k", soon())) << "a write that was never sent casts no doubt";
  // Its time over: kept as if it had been read an hour ago.
  brief.replace(brief.begin("k", BootClock::now() - 3600s), {"1", 1, ""});
  EXPECT_EQ(state.get("k", soon()).error().code, ErrorCode::kUnavailable);
}

TEST_F(StateTest, AfterAWriteOfUnknownOutcomeTheDatabaseIsAsked) {
  store_.change("k", "1");
  for (const ErrorCode doubt :
       {ErrorCode::kOutcomeUnknown, ErrorCode::kDeadlineExceeded, ErrorCode::kAborted}) {
    must_get("k");
    EXPECT_TRUE(must_get("k").cached);
    store_.before = [doubt](const std::string&) { return Status(Error{doubt, "broken", ""}); };
    EXPECT_EQ(put("k", "2").error().code, doubt);
    store_.before = nullptr;
    EXPECT_FALSE(must_get("k").cached) << to_string(doubt);
  }
}

TEST_F(StateTest, WhatDoesNotExistIsNotFoundEveryTime) {
  EXPECT_EQ(state_.get("k", soon()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(state_.get("deployment.nobody", soon()).error().code, ErrorCode::kNotFound);
  store_.change("k", "1");
  EXPECT_EQ(must_get("k").record.value, "1") << "absence is not cached";
}

TEST_F(StateTest, WhatCannotBeIsRefusedBeforeAnybodyIsAsked) {
  EXPECT_EQ(state_.get("", soon()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(put("a\nb", "1").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(put("k", "{").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_.gets + store_.puts, 0);
}

TEST_F(StateTest, AClientsStateIsChangedInPartAndShownWhole) {
  store_.add_client("acme");
  must_get("deployment.acme");
  auto written = put("deployment.acme", R"({"sync_enabled":true})", 1);
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_NE(written->record.value.find(R"("sync_interval":300)"), std::string::npos);
  EXPECT_NE(must_get("deployment.acme").record.value.find(R"("sync_enabled":true)"), std::string::npos);
  EXPECT_EQ(put("deployment.acme", "{}", 1).error().code, ErrorCode::kAborted);
}

}  // namespace
}  // namespace syncnode::state
