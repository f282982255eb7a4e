// The table of SQLSTATEs: every class we rely on, and texts that poolers send.
#include "postgres/sqlstate.h"

#include <gtest/gtest.h>

namespace syncnode::postgres {
namespace {

struct Case {
  const char* sqlstate;
  ErrorCode code;
};

class SqlState : public ::testing::TestWithParam<Case> {};

TEST_P(SqlState, HasItsCodeAndIsNamedInTheMessage) {
  const Error error = error_of(GetParam().sqlstate, "words\n");
  EXPECT_EQ(error.code, GetParam().code) << to_string(error.code);
  EXPECT_EQ(error.message, std::string("words (SQLSTATE ") + GetParam().sqlstate + ")");
}

INSTANTIATE_TEST_SUITE_P(
    All, SqlState,
    ::testing::Values(
        Case{"40001", ErrorCode::kAborted}, Case{"40P01", ErrorCode::kAborted},
        Case{"25P02", ErrorCode::kAborted}, Case{"25006", ErrorCode::kUnavailable},
        Case{"57P01", ErrorCode::kUnavailable}, Case{"57P02", ErrorCode::kUnavailable},
        Case{"57P03", ErrorCode::kUnavailable}, Case{"57014", ErrorCode::kDeadlineExceeded},
        Case{"53300", ErrorCode::kUnavailable}, Case{"53200", ErrorCode::kUnavailable},
        Case{"53100", ErrorCode::kResourceExhausted}, Case{"08006", ErrorCode::kUnavailable},
        Case{"08P01", ErrorCode::kUnavailable}, Case{"42501", ErrorCode::kPermissionDenied},
        Case{"SN001", ErrorCode::kFenced}, Case{"SN002", ErrorCode::kPermissionDenied},
        Case{"SN003", ErrorCode::kInvalidArgument}, Case{"SN004", ErrorCode::kFailedPrecondition},
        Case{"28P01", ErrorCode::kFailedPrecondition}, Case{"28000", ErrorCode::kFailedPrecondition},
        Case{"3D000", ErrorCode::kFailedPrecondition}, Case{"23505", ErrorCode::kFailedPrecondition},
        Case{"22P02", ErrorCode::kInvalidArgument}, Case{"42P01", ErrorCode::kFailedPrecondition},
        Case{"42601", ErrorCode::kInternal}, Case{"55P03", ErrorCode::kUnavailable},
        Case{"XX001", ErrorCode::kCorruption}, Case{"XX000", ErrorCode::kInternal},
        Case{"ZZ999", ErrorCode::kInternal}),
    [](const auto& tested) { return std::string(tested.param.sqlstate); });

TEST(ConnectFailure, ReadsTheSqlstateOutOfVerboseText) {
  const auto failure = connect_failure(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication "
      "failed for user "
      "\"u\"\nLOCATION:  auth_failed, auth.c:334\n",
      "u", "secret");
  EXPECT_EQ(failure.sqlstate, "28P01");
  EXPECT_EQ(failure.error.code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(failure.error.message,
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication failed "
            "for user "
            "\"u\" (SQLSTATE 28P01)");
}

TEST(ConnectFailure, NamesTheUserThePoolerWants) {
  const auto failure = connect_failure("FATAL:  XX000: Tenant or user not found\n", "sync_service", "secret");
  EXPECT_EQ(failure.error.code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(failure.error.hint.find("'sync_service.PROJECT_REF'"), std::string::npos) << failure.error.hint;
  const auto known =
      connect_failure("FATAL:  XX000: (ENOTFOUND) tenant/user a.b not found\n", "a.b", "secret");
  EXPECT_EQ(known.error.code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(known.error.hint.find("project 'b'"), std::string::npos) << known.error.hint;
}

TEST(ConnectFailure, RemovesThePasswordWhereverItStands) {
  const auto failure = connect_failure("FATAL:  28P01: hunter2 and again hunter2\n", "u", "hunter2");
  EXPECT_EQ(failure.error.to_string().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace syncnode::postgres
