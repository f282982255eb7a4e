// is_postgres_json() against PostgreSQL's own json_in: the same verdict on thousands of texts, and the same
// bytes back.
#include <random>

#include "adversary.h"
#include "base/hex.h"
#include "codec/json_text.h"
#include "server.h"

namespace syncnode::codec {
namespace {

using test::Server;
class JsonServer : public Server {};

// false instead of an error, so that one query judges many texts.
constexpr char kJudge[] =
    "CREATE FUNCTION pg_temp.is_json(p bytea) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
    "  RETURN convert_to((convert_from(p, 'UTF8')::json)::text, 'UTF8') = p;"
    "EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN RETURN false; END "
    "$$";

class JsonWriter {
 public:
  explicit JsonWriter(uint32_t seed) : random_(seed) {}

  std::string document() {
    out_.clear();
    value(0);
    return out_;
  }
  // Bytes exchanged, doubled, dropped: mostly no longer JSON, sometimes still.
  std::string mutant() {
    static constexpr char kBytes[] =
        "{}[],:\"\\/u0019aefnrtdD8+-.E \t\n\r\f\v\b\0\x1f\x7f\x80\xc3\xa9\xed\xa0\xff";
    static constexpr std::string_view kAlphabet(kBytes, sizeof kBytes - 1);
    std::string text = document();
    for (size_t edits = 1 + pick(3); edits > 0; --edits) {
      const size_t at = text.empty() ? 0 : pick(text.size());
      const char byte = kAlphabet[pick(kAlphabet.size())];
      switch (text.empty() ? 0 : pick(4)) {
        case 0:
          text.insert(at, 1, byte);
          break;
        case 1:
          text.erase(at, 1 + pick(3));
          break;
        case 2:
          text[at] = byte;
          break;
        default:
          text.insert(at, text.substr(pick(text.size()), 1 + pick(5)));
          break;
      }
    }
    return text;
  }

 private:
  size_t pick(size_t below) { return random_() % below; }
  void space() {
    if (pick(6) == 0) out_ += " \t\n\r"[pick(4)];
  }
  void number() {
    static constexpr const char* kNumbers[] = {
        "0",     "-0", "1",  "-12", "1.5", "0.0", "1e5", "1E+5", "2e-7",    "-0.1e10", "12345678901234567890",
        "1e400", "01", "1.", ".5",  "+1",  "1e",  "-",   "0x1",  "Infinity"};
    out_ += kNumbers[pick(pick(4) == 0 ? std::size(kNumbers) : 12)];
  }
  void string() {
    static constexpr const char* kParts[] = {"a",
                                             "key",
                                             "\\n",
                                             "\\\"",
                                             "\\\\",
                                             "\\/",
                                             "\\u00e9",
                                             "\\u0000",
                                             "\\ud83d\\ude00",
                                             "\\ud800",
                                             "\\uDC00x",
                                             "\xC3\xA9",
                                             "\xF0\x9F\x98\x80",
                                             "\x7F",
                                             " ",
                                             "'",
                                             "\\b\\f\\r\\t",
                                             "{"};
    static constexpr const char* kWrong[] = {"\\u12", "\\x41", "\n",      "\t",
                                             "\\",    "\x01",  "\\U0041", "\\u00zz"};
    out_ += '"';
    for (size_t parts = pick(4); parts > 0; --parts) out_ += kParts[pick(std::size(kParts))];
    if (pick(25) == 0) out_ += kWrong[pick(std::size(kWrong))];
    out_ += '"';
  }
  void value(int depth) {
    space();
    switch (pick(depth > 5 ? 4 : 7)) {
      case 0:
        number();
        break;
      case 1:
        string();
        break;
      case 2:
        out_ += pick(2) == 0 ? "true" : "false";
        break;
      case 3:
        out_ += "null";
        break;
      case 4:
        list('[', ']', depth);
        break;
      default:
        list('{', '}', depth);
        break;
    }
    space();
  }
  void list(char open, char close, int depth) {
    out_ += open;
    space();
    for (size_t members = pick(4), i = 0; i < members; ++i) {
      if (i > 0) out_ += ',';
      space();
      if (open == '{') string(), space(), out_ += ':';
      value(depth + 1);
    }
    out_ += close;
  }

  std::mt19937 random_;
  std::string out_;
};

TEST_F(JsonServer, AgreesOnEveryText) {
  simple(kJudge);
  std::vector<std::string> texts = test::texts();
  JsonWriter writer(20251122);
  for (int i = 0; i < 2000; ++i) texts.push_back(writer.document());
  for (int i = 0; i < 6000; ++i) texts.push_back(writer.mutant());
  // The documented difference: deeper nesting than ours is the server's affair.
  std::erase_if(texts, [](const std::string& text) {
    return std::count(text.begin(), text.end(), '[') > kDeepestJson;
  });
  const auto rows =
      ask("SELECT pg_temp.is_json(t) FROM unnest($1::bytea[]) WITH ORDINALITY AS u(t, i) ORDER BY i", texts);
  int accepted = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const bool theirs = rows.text(static_cast<int>(i), 0) == std::string_view("\1", 1);
    accepted += theirs ? 1 : 0;
    EXPECT_EQ(is_postgres_json(texts[i]), theirs) << texts[i] << " = " << to_hex(texts[i]);
  }
  EXPECT_GT(accepted, 2000);  // both kinds were seen
  EXPECT_LT(accepted, 7000);
}

TEST_F(JsonServer, TheDeepestWeSendIsNotTooDeepForIt) {
  simple(kJudge);
  std::string objects;
  for (int i = 0; i < kDeepestJson; ++i) objects += "{\"a\":";
  objects += "1" + std::string(kDeepestJson, '}');
  const std::string lists = std::string(kDeepestJson, '[') + std::string(kDeepestJson, ']');
  EXPECT_TRUE(is_postgres_json(objects));
  const auto rows = ask("SELECT pg_temp.is_json(t) FROM unnest($1::bytea[]) AS u(t)", {objects, lists});
  for (int row = 0; row < rows.count(); ++row) EXPECT_EQ(rows.text(row, 0), std::string_view("\1", 1));
}

}  // namespace
}  // namespace syncnode::codec
