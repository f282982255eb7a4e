#include "sync/row_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/hex.h"
#include "codec/target_type.h"
#include "json/strict.h"
#include "postgres/connection.h"

namespace syncnode::sync {
namespace {

using codec::TargetType;
using json::Json;
using postgres::Connection;

struct ImageColumn {
  std::string name;
  TargetType type = TargetType::kBytea;
};

// As quoted_columns() (merge.h) lists them.
std::vector<ImageColumn> image_columns(const CopyTable& table) {
  std::vector<ImageColumn> columns;
  if (table.keyed_by_column()) columns.push_back({kKeyColumn, TargetType::kBytea});
  for (const auto& column : table.columns) {
    if (column.direct) columns.push_back({column.target, column.type});
  }
  return columns;
}

std::vector<ImageColumn> key_columns(const CopyTable& table) {
  std::vector<ImageColumn> keys;
  const auto all = image_columns(table);
  for (const auto& name : table.key_targets()) {
    for (const auto& column : all) {
      if (column.name == name) keys.push_back(column);
    }
  }
  return keys;
}

template <typename Part>
std::string joined(const std::vector<ImageColumn>& columns, const char* between, Part part) {
  std::string text;
  for (const auto& column : columns) text += (text.empty() ? "" : between) + part(column);
  return text;
}

std::string of_row(const ImageColumn& column) {
  return "t." + Connection::quote_identifier(column.name);
}

std::string of_image(const ImageColumn& column) {
  return fmt::format("(i.image->>{})::{}", Connection::quote_literal(column.name),
                     codec::sql_name(column.type));
}

// A number that its shortest text says exactly; else the text itself.
template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

Json typed_value(const std::string& text, TargetType type) {
  switch (type) {
    case TargetType::kBoolean:
      return text == "true" || text == "t";
    case TargetType::kBigint:
      if (auto integer = whole_number<int64_t>(text)) return *integer;
      return text;
    case TargetType::kDouble: {
      auto real = whole_number<double>(text);
      return real && text.find_first_not_of("+-.0123456789eE") == std::string::npos ? Json(*real)
                                                                                    : Json(text);
    }
    case TargetType::kJson: {
      auto parsed = json::parse_strict(text);  // linear, whatever the number of members
      return parsed ? std::move(*parsed) : Json(text);
    }
    case TargetType::kNumeric:  // as text: two decimals that one double stands for are not the same
    case TargetType::kText:
    case TargetType::kBytea:
      break;
  }
  return text;
}

std::string text_of(const Json& value, TargetType type) {
  if (type == TargetType::kJson) return json::to_text(value);
  return value.is_string() ? value.get<std::string>() : json::to_text(value);
}

const Json& member(const Json& object, const std::string& name) {
  static const Json kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

bool covers(const Json& one, const Json& other) {
  for (const auto& entry : one.items()) {
    if (entry.value() != member(other, entry.key())) return false;
  }
  return true;
}

}  // namespace

std::string image_sql(const CopyTable& table) {
  const auto columns = image_columns(table);
  return fmt::format("json_object(ARRAY[{}]::text[], ARRAY[{}]::text[])",
                     joined(columns, ", ", [](const auto& c) { return Connection::quote_literal(c.name); }),
                     joined(columns, ", ", [](const auto& c) { return of_row(c) + "::text"; }));
}

// docs/FORMATS.md, "Row keys".
std::string row_key_sql(const CopyTable& table) {
  if (table.keyed_by_column()) return fmt::format("t.{}", kKeyColumn);
  return joined(key_columns(table), " || ", [](const ImageColumn& column) {
    const std::string value = of_row(column);
    if (column.type == TargetType::kBigint) return fmt::format("'\\x01'::bytea || int8send({})", value);
    return fmt::format("'\\x03'::bytea || int4send(octet_length({0})) || convert_to({0}, 'UTF8')", value);
  });
}

std::string present_sql(const CopyTable& table) {
  return of_row(key_columns(table).front()) + " IS NOT NULL";
}

std::string match_sql(const CopyTable& table) {
  return joined(key_columns(table), " AND ", [](const auto& c) { return of_row(c) + " = " + of_image(c); });
}

std::string values_sql(const CopyTable& table) {
  return joined(image_columns(table), ", ", of_image);
}

bool same_row(const std::optional<Json>& one, const std::optional<Json>& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return covers(*one, *other) && covers(*other, *one);
}

Json typed_row(const Json& image, const CopyTable& table) {
  Json row = Json::object();
  for (const auto& column : image_columns(table)) {
    const Json& value = member(image, column.name);
    row[column.name] =
        value.is_string() ? typed_value(value.get_ref<const std::string&>(), column.type) : Json(nullptr);
  }
  return row;
}

std::optional<Json> typed_row(const std::optional<Json>& image, const CopyTable& table) {
  return image ? std::optional(typed_row(*image, table)) : std::nullopt;
}

Json image_of(const Json& merged, const std::vector<conflict::MergedColumn>& origins, const Json& source,
              const Json& target, const CopyTable& table) {
  using Origin = conflict::MergedColumn::Origin;
  Json image = target;
  for (const auto& column : image_columns(table)) {
    const auto found = std::find_if(origins.begin(), origins.end(),
                                    [&](const auto& one) { return one.name == column.name; });
    if (found == origins.end() || found->origin == Origin::kTarget) continue;
    if (found->origin == Origin::kSource) {
      image[column.name] = member(source, column.name);
    } else {
      const Json& value = member(merged, column.name);
      image[column.name] = value.is_null() ? Json(nullptr) : Json(text_of(value, column.type));
    }
  }
  return image;
}

std::string record_id(const Json& image, const std::string& key, const CopyTable& table) {
  if (table.key_kind == KeyKind::kMultiset || table.key_columns.empty()) return "\\x" + to_hex(key);
  Json values = Json::object();
  for (const auto& name : table.key_columns) {
    const CopyColumn* column = table.column(name);
    if (column == nullptr || !member(image, column->target).is_string()) return "\\x" + to_hex(key);
    values[wire_name(name)] = member(image, column->target);
  }
  return values.size() == 1 ? values.front().get<std::string>() : json::to_text(values);
}

}  // namespace syncnode::sync
