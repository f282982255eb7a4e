// decimal.h against PostgreSQL: the same numeric bytes, and doubles that both sides read alike.
#include <bit>
#include <cmath>
#include <random>

#include "adversary.h"
#include "base/hex.h"
#include "codec/bytes.h"
#include "codec/decimal.h"
#include "server.h"

namespace syncnode::codec {
namespace {

class DecimalServer : public test::Server {};

std::vector<double> many_reals() {
  std::vector<double> all = test::reals();
  std::mt19937_64 random(20251122);
  while (all.size() < 2000) all.push_back(std::bit_cast<double>(random()));
  for (int exponent = -40; exponent <= 40; ++exponent) {
    all.push_back(std::pow(10.0, exponent));
    all.push_back(-1.2345678901234567 * std::pow(10.0, exponent));
  }
  std::erase_if(all, [](double value) { return !std::isfinite(value); });
  return all;
}

TEST_F(DecimalServer, NumericBytesAreThoseOfNumericSend) {
  std::vector<std::string> plain = {
      "0",       "0.0",  "-0",      "1",         "10000",          "100000000",          "0.0001",
      "0.00001", "1.10", "-1.0001", "9999.9999", "10000.00010000", "123456789.123456789"};
  for (int64_t value : test::integers()) plain.push_back(std::to_string(value));
  for (double value : many_reals()) plain.push_back(plain_decimal(real_literal(value)));
  const auto rows =
      ask("SELECT numeric_send(convert_from(t, 'UTF8')::numeric), convert_to(convert_from(t, "
          "'UTF8')::numeric::text, 'UTF8')"
          " FROM unnest($1::bytea[]) WITH ORDINALITY AS u(t, i) ORDER BY i",
          plain);
  for (size_t i = 0; i < plain.size(); ++i) {
    const auto theirs = rows.text(static_cast<int>(i), 0);
    EXPECT_EQ(to_hex(numeric_binary(plain[i])), to_hex(theirs)) << plain[i];
    EXPECT_EQ(numeric_text(theirs), std::string(rows.text(static_cast<int>(i), 1))) << plain[i];
  }
}

TEST_F(DecimalServer, LiteralsAreTheSameDoubleOnBothSides) {
  std::vector<std::string> literals;
  const auto values = many_reals();
  literals.reserve(values.size());
  for (double value : values) literals.push_back(real_literal(value));
  const auto rows =
      ask("SELECT float8send(convert_from(t, 'UTF8')::float8), float8send(convert_from(t, "
          "'UTF8')::numeric::float8)"
          " FROM unnest($1::bytea[]) WITH ORDINALITY AS u(t, i) ORDER BY i",
          literals);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint64_t>(values[i]);
    EXPECT_EQ(std::bit_cast<uint64_t>(read_real(literals[i])), bits) << literals[i];
    EXPECT_EQ(read_big_endian<uint64_t>(rows.text(static_cast<int>(i), 0).data()), bits) << literals[i];
    if (values[i] != 0) {
      EXPECT_EQ(read_big_endian<uint64_t>(rows.text(static_cast<int>(i), 1).data()), bits) << literals[i];
    }
  }
}

}  // namespace
}  // namespace syncnode::codec
