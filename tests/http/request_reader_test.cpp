// RequestReader: the same request in any pieces, and what it refuses.
#include "http/request_reader.h"

#include <gtest/gtest.h>

namespace syncnode::http {
namespace {

using Progress = RequestReader::Progress;

struct Outcome {
  int status = 0;  // 0: complete
  RequestHead head;
  std::string body;
};

// Feeds `bytes` in two pieces; a head's body may have 100 bytes.
Outcome read(std::string_view bytes, size_t first = std::string_view::npos) {
  RequestReader reader(1024);
  std::string pending(bytes.substr(0, first));
  bool second = first >= bytes.size();
  while (true) {
    switch (reader.advance(pending)) {
      case Progress::kNeedsMore:
        if (second) return {-1, reader.head(), ""};
        pending += bytes.substr(first);
        second = true;
        break;
      case Progress::kHead:
        reader.limit_body(100);
        break;
      case Progress::kComplete:
        return {0, reader.head(), reader.body()};
      case Progress::kRefused:
        return {reader.refused().status, reader.head(), ""};
    }
  }
}

TEST(RequestReader, UnderstandsARequestSplitAtEveryByte) {
  const std::string chunked =
      "PUT /k?x=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\nIf-Match: \"1\"\r\n\r\n"
      "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nAuthorization: trailer\r\n\r\n";
  for (size_t at = 0; at <= chunked.size(); ++at) {
    const Outcome got = read(chunked, at);
    ASSERT_EQ(got.status, 0) << at;
    EXPECT_EQ(got.body, "abcde");
    EXPECT_EQ(got.head.target, "/k?x=1");
    EXPECT_EQ(got.head.if_match, "\"1\"");
    EXPECT_TRUE(got.head.chunked && got.head.keep_alive && got.head.authorization.empty());
  }
  const std::string sized = "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd";
  for (size_t at = 0; at <= sized.size(); ++at) {
    const Outcome got = read(sized, at);
    ASSERT_EQ(got.status, 0) << at;
    EXPECT_EQ(got.body, "abcd");
    EXPECT_FALSE(got.head.keep_alive);
  }
}

TEST(RequestReader, LeavesTheNextRequestAlone) {
  RequestReader reader(1024);
  std::string pending = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
  EXPECT_EQ(reader.advance(pending), Progress::kHead);
  EXPECT_EQ(reader.advance(pending), Progress::kComplete);
  EXPECT_EQ(pending, "GET /2 HTTP/1.1\r\n\r\n");
  reader.next();
  EXPECT_EQ(reader.advance(pending), Progress::kHead);
  EXPECT_EQ(reader.head().target, "/2");
}

TEST(RequestReader, RefusesWhatTwoReadersCouldUnderstandDifferently) {
  const std::string line = "PUT / HTTP/1.1\r\n";
  for (const char* fields :
       {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: +3\r\n", "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Host: a\r\nHost: b\r\n",
        "Authorization: a\r\nAuthorization: b\r\n", "Ho st: a\r\n", ": a\r\n", "A\x01: b\r\n",
        "A: b\rc\r\n"}) {
    EXPECT_EQ(read(line + fields + "\r\nabc").status, 400) << fields;
  }
  for (const char* whole :
       {"GET / HTTP/2.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n",
        "GET /\r\n\r\n", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_EQ(read(whole).status, 400) << whole;
  }
}

TEST(RequestReader, BoundsTheWholeHeadHoweverItArrives) {
  EXPECT_EQ(read("GET /" + std::string(2000, 'a')).status, 431);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nA: " + std::string(2000, 'a')).status, 431);
  RequestReader reader(1024);
  std::string pending = "GET / HTTP/1.1\r\n";
  Progress progress = reader.advance(pending);
  for (int field = 0; field < 90 && progress == Progress::kNeedsMore; ++field) {
    pending += "Field: 0123456789\r\n";
    progress = reader.advance(pending);
  }
  EXPECT_EQ(progress, Progress::kRefused);
  EXPECT_EQ(reader.refused().status, 431);

  RequestReader roomy(1 << 20);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int field = 0; field < 102; ++field) many += "A: b\r\n";
  EXPECT_EQ(roomy.advance(many), Progress::kRefused);
  EXPECT_EQ(roomy.refused().status, 431);
}

TEST(RequestReader, BoundsTheBody) {
  const std::string head = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(read(head + "64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n").status, 0);
  EXPECT_EQ(read(head + "64\r\n" + std::string(100, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n").status, 413);
  EXPECT_EQ(read(head + "ffffffffffffffff\r\n").status, 413);
  EXPECT_EQ(read("PUT / HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x')).status, 413);
  EXPECT_EQ(read(head + "1;" + std::string(5000, 'e')).status, 400);
  EXPECT_EQ(read(head + "0\r\nA: " + std::string(5000, 'e')).status, 400);
}

}  // namespace
}  // namespace syncnode::http
