// Errors keep their code, message and hint over the bus, and bytes the bus would not take never reach it.
#include "bus/error_names.h"

#include <gtest/gtest.h>

#include <set>

namespace syncnode::bus {
namespace {

TEST(ErrorNames, EveryCodeHasItsOwnNameAndComesBack) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const std::string name = error_name(static_cast<ErrorCode>(code));
    EXPECT_EQ(name.rfind("org.openwebui.SyncNode1.Error.", 0), 0U) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
    const Error back = error_from(name, "what and why; hint: what next");
    EXPECT_EQ(static_cast<int>(back.code), code) << name;
    EXPECT_EQ(back.message, "what and why");
    EXPECT_EQ(back.hint, "what next");
  }
}

TEST(ErrorNames, NarrowNamesAndTheBusOwnHaveCodesToo) {
  EXPECT_EQ(error_from(kNoSuchClient, "no client 'x'").code, ErrorCode::kNotFound);
  EXPECT_EQ(error_from(kNoSuchJob, "").code, ErrorCode::kNotFound);
  EXPECT_EQ(error_from(kNoSuchConflict, "").code, ErrorCode::kNotFound);
  EXPECT_EQ(error_from(kInvalidArgs, "").code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_from("System.Error.ECONNREFUSED", "refused").code, ErrorCode::kUnavailable);
  EXPECT_EQ(error_from("org.freedesktop.DBus.Error.NoReply", "").code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(error_from("org.freedesktop.DBus.Error.AccessDenied", "no").code, ErrorCode::kPermissionDenied);
  const Error stopped = error_from("org.freedesktop.DBus.Error.ServiceUnknown", "The name was not provided");
  EXPECT_EQ(stopped.code, ErrorCode::kUnavailable);
  EXPECT_NE(stopped.hint.find("systemctl start"), std::string::npos);
}

TEST(ErrorNames, UnknownNamesAreKept) {
  const Error error = error_from("com.example.Odd", "odd");
  EXPECT_EQ(error.code, ErrorCode::kInternal);
  EXPECT_EQ(error.message, "odd (com.example.Odd)");
}

TEST(BusText, ReplacesWhatTheBusRefuses) {
  EXPECT_EQ(bus_text("grün 😀"), "grün 😀");
  EXPECT_EQ(bus_text("a\xFF"
                     "b"),
            "a\uFFFDb");
  EXPECT_EQ(bus_text(std::string_view("a\0b", 3)), "a\uFFFDb");
  EXPECT_EQ(bus_text("cut \xF0\x9F\x98"), "cut \uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(bus_text("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
}

}  // namespace
}  // namespace syncnode::bus
