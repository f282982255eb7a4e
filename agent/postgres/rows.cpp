#include <libpq-fe.h>

#include <charconv>

#include "postgres/connection.h"

namespace syncnode::postgres {
namespace {

int64_t integer(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Rows::Rows(pg_result* result) : result_(result, &PQclear) {}

int Rows::count() const {
  return PQntuples(result_.get());
}

int Rows::columns() const {
  return PQnfields(result_.get());
}

bool Rows::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}

int64_t Rows::int64(int row, int column) const {
  return integer(text(row, column));
}

bool Rows::boolean(int row, int column) const {
  return text(row, column) == "t";
}

int64_t Rows::affected() const {
  return integer(PQcmdTuples(result_.get()));
}

std::string_view Rows::tag() const {
  return PQcmdStatus(result_.get());
}

uint64_t Rows::size() const {
  uint64_t bytes = 0;
  for (int row = 0; row < count(); ++row) {
    for (int column = 0; column < columns(); ++column)
      bytes += static_cast<uint64_t>(PQgetlength(result_.get(), row, column));
  }
  return bytes;
}

}  // namespace syncnode::postgres
