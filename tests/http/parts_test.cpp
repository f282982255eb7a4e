// The door's parts without a socket: names, targets, tokens, errors, the judgement of heads.
#include <gtest/gtest.h>

#include "config/temporary_file.h"
#include "http/errors.h"
#include "http/host_names.h"
#include "http/routes.h"
#include "http/target.h"
#include "http/token.h"

namespace syncnode::http {
namespace {

TEST(ErrorTable, IsWhatProgramsRelyOn) {
  const std::pair<ErrorCode, int> wanted[] = {{ErrorCode::kInvalidArgument, 400},
                                              {ErrorCode::kNotFound, 404},
                                              {ErrorCode::kFailedPrecondition, 409},
                                              {ErrorCode::kPermissionDenied, 403},
                                              {ErrorCode::kUnavailable, 503},
                                              {ErrorCode::kAborted, 412},
                                              {ErrorCode::kFenced, 403},
                                              {ErrorCode::kDeadlineExceeded, 504},
                                              {ErrorCode::kOutcomeUnknown, 504},
                                              {ErrorCode::kResourceExhausted, 503},
                                              {ErrorCode::kCorruption, 500},
                                              {ErrorCode::kStarved, 503},
                                              {ErrorCode::kCancelled, 503},
                                              {ErrorCode::kInternal, 500}};
  for (const auto& [code, status] : wanted) {
    EXPECT_EQ(status_of(code), status) << to_string(code);
    const Error back = error_from(refusal(Error{code, "why", "do"}));
    EXPECT_EQ(back.code, code) << to_string(code);
    EXPECT_EQ(back.message, "why");
    EXPECT_EQ(back.hint, "do");
  }
  EXPECT_EQ(error_from({502, "<html>", "text/html", {}}).code, ErrorCode::kUnavailable);
  EXPECT_EQ(error_from(refusal(401, "unauthorized", "", "")).code, ErrorCode::kPermissionDenied);
}

TEST(Target, IsTakenApartStrictly) {
  const auto target = parse_target("/a/b?x=1%202&y=&z");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a/b");
  EXPECT_EQ(target->parameter("x"), "1 2");
  EXPECT_EQ(target->parameter("z"), "");
  for (const char* bad :
       {"", "*", "a", "/a b", "/a#b", "/a?x=%", "/a?x=%00", "/a?x=1&x=2", "/\x80", "http://h"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
  EXPECT_EQ(percent_decode("%2541"), "%41");  // once
  EXPECT_EQ(percent_encode("a/b %"), "a%2Fb%20%25");
}

TEST(Target, MatchesWholeSegmentsOnly) {
  std::vector<std::string> captures;
  EXPECT_TRUE(matches("/a/{x}/c", "/a/x%2Fy/c", captures));
  EXPECT_EQ(captures, std::vector<std::string>{"x%2Fy"});
  EXPECT_TRUE(matches("/s/{x*}", "/s/a/../b", captures));
  EXPECT_EQ(captures, std::vector<std::string>{"a/../b"});
  EXPECT_TRUE(matches("/s/{x*}", "/s/", captures));
  EXPECT_FALSE(matches("/a/{x}/c", "/a/x/c/d", captures));
  EXPECT_FALSE(matches("/a/{x}", "/a", captures));
  EXPECT_FALSE(matches("/a", "/a/", captures));
  EXPECT_TRUE(matches("/", "/", captures));
}

TEST(Token, FileMustBePrivateAndLong) {
  const std::string token(64, 'f');
  EXPECT_EQ(load_token(config::TemporaryFile(token + "\n", 0640).path()).has_value(), true);
  const config::TemporaryFile good(token + "\n", 0640), open(token, 0644), empty("", 0600),
      small("abc", 0600), broken(token + " x", 0600);
  EXPECT_EQ(*load_token(good.path()), token);
  EXPECT_NE(load_token(open.path()).error().hint.find("chmod 640"), std::string::npos);
  for (const auto* file : {&open, &empty, &small, &broken}) {
    auto loaded = load_token(file->path());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_EQ(loaded.error().to_string().find(token), std::string::npos);
  }
  EXPECT_EQ(load_token("/nonexistent/token").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(load_token("/dev/null"));
}

TEST(Token, ComparesWholeSecrets) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  for (const char* other : {"", "ab", "abd", "abcd", "abcabc"})
    EXPECT_FALSE(same_secret(other, "abc")) << other;
  EXPECT_FALSE(same_secret("", ""));
}

class Judged : public testing::Test {
 protected:
  int status(const RequestHead& head, bool loopback = true) const {
    const auto judged = Doorkeeper{names_, token_, limits_}.judge(head, loopback);
    return std::holds_alternative<Response>(judged) ? std::get<Response>(judged).status : 0;
  }
  static RequestHead head(std::string method, std::string target) {
    RequestHead made;
    made.method = std::move(method);
    made.target = std::move(target);
    made.host = "node.example:9443";
    return made;
  }

  const HostNames names_{{"node.example"}};
  const std::string token_ = std::string(32, 't');
  const Limits limits_{};
};

TEST_F(Judged, OpenMeansOpenOnLoopback) {
  for (const char* path : {"/", "/health", "/metrics", "/api/v1/cluster/status"}) {
    RequestHead asked = head("GET", path);
    EXPECT_EQ(status(asked), 0) << path;
    EXPECT_EQ(status(asked, false), 401) << path;
    asked.authorization = "bearer " + token_;
    EXPECT_EQ(status(asked, false), 0) << path;
  }
}

TEST_F(Judged, NothingOfABodyIsTakenWithoutTheToken) {
  RequestHead put = head("PUT", "/api/v1/state/k");
  put.content_length = 100;
  put.content_type = "application/json; charset=utf-8";
  EXPECT_EQ(status(put), 401);
  put.authorization = "Bearer " + token_;
  EXPECT_EQ(status(put), 0);
  put.content_length = limits_.body_bytes + 1;
  EXPECT_EQ(status(put), 413);
  put.content_length = 10;
  put.content_type = "application/jsonp";
  EXPECT_EQ(status(put), 415);
}

}  // namespace
}  // namespace syncnode::http
