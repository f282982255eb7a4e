// Rows written by the product's own merge: the digests a recheck compares are those PostgreSQL computes for
// them.
#include <unistd.h>

#include <filesystem>
#include <map>

#include "adversary.h"
#include "base/hex.h"
#include "codec/bytes.h"
#include "codec/row_key.h"
#include "postgres/fill.h"
#include "server.h"
#include "sql/queries.h"
#include "sync/merge.h"
#include "sync/row_digest.h"
#include "sync/spool.h"

namespace syncnode::sync {
namespace {

using codec::TargetType;

CopyTable table_of(const std::string& name, KeyKind kind) {
  constexpr TargetType kTypes[] = {TargetType::kBoolean, TargetType::kDouble, TargetType::kNumeric,
                                   TargetType::kText,    TargetType::kJson,   TargetType::kBytea,
                                   TargetType::kBigint};
  CopyTable table;
  table.name = table.target = name;
  table.key_kind = kind;
  if (kind != KeyKind::kMultiset) table.key_columns = {"id", "part"};
  table.columns.push_back({1, "id", "INTEGER", "id", TargetType::kBigint});
  table.columns.push_back({2, "part", "TEXT", "part", TargetType::kText});
  uint32_t id = 3;
  for (TargetType type : kTypes) {
    const std::string column = "Z \"" + std::string(codec::sql_name(type));
    table.columns.push_back({id++, column, "", column, type});
  }
  table.columns.push_back({id, "beyond", "", "beyond", TargetType::kText, false});
  return table;
}

std::string ddl(const CopyTable& table) {
  std::string sql = "DROP TABLE IF EXISTS client_digest." + table.target + "; CREATE TABLE client_digest." +
                    table.target + "(";
  if (table.keyed_by_column()) sql += "_sync_key bytea, ";
  for (const auto& column : table.columns) {
    if (column.direct)
      sql += postgres::Connection::quote_identifier(column.target) + " " +
             std::string(codec::sql_name(column.type)) + ", ";
  }
  return sql + "PRIMARY KEY (" + quoted_list(table.key_targets()) + "))";
}

class RowDigestServer : public test::Server, public ::testing::WithParamInterface<KeyKind> {
 protected:
  static void SetUpTestSuite() {
    auto& server = test::PrivatePostgres::shared();
    server.create_cluster("digest");
    server.admin_psql(
        "SELECT sync_metadata.register_client('digest', 'digest', NULL, '/srv/digest/webui.db', 300, '{}')");
  }

  // Every value in every column, one row each; where a column cannot hold it, it is quarantined.
  static std::vector<EncodedRow> rows_of(const CopyTable& table) {
    const RowEncoder encoder(table, 1);
    const std::string large(kQuarantinePiece + 5, '\x01');
    auto values = test::values();
    values.push_back(ValueView::of_blob(large));
    std::vector<EncodedRow> rows;
    for (size_t i = 0; i < values.size(); ++i) {
      std::vector<ValueView> row(table.columns.size(), values[i]);
      row[0] = ValueView::of_integer(static_cast<int64_t>(i));
      row[1] = ValueView::of_text(i % 2 == 0 ? "even" : "");
      EncodedRow& encoded = rows.emplace_back();
      if (table.key_kind == KeyKind::kMultiset) {
        encoded.key = codec::multiset_key(encoder.digest(row), 0);
      } else {
        EXPECT_TRUE(encoder.key(row, 0, encoded.key));
      }
      encoder.encode(row, encoded);
    }
    return rows;
  }

  void ship(const CopyTable& table, const std::vector<EncodedRow>& rows) {
    target_.deployment.schema = "client_digest";
    Spool spool(std::filesystem::temp_directory_path().string());
    std::string record;
    for (const auto& row : rows) {
      serialize(row, record);
      ASSERT_TRUE(append_record(spool, record));
    }
    ASSERT_TRUE(spool.rewind());
    postgres::Pipeline pipeline(*connection_);
    auto merge = Merge::create(pipeline, target_, table, 50);
    ASSERT_TRUE(merge) << merge.error().to_string();
    const auto shipped = merge->ship(spool, [](int64_t) {});
    ASSERT_TRUE(shipped) << shipped.error().to_string();
    const auto answered = pipeline.finish();
    ASSERT_TRUE(answered) << answered.error().to_string();
  }

  CopyTarget target_;
};

TEST_P(RowDigestServer, BothSidesComputeTheSame) {
  const CopyTable table = table_of("digest_" + std::string(to_string(GetParam())), GetParam());
  simple(ddl(table));
  const auto rows = rows_of(table);
  ship(table, rows);
  std::map<std::string, std::string> ours, quarantined;
  for (const auto& row : rows) {
    const RowDigest digest = digest_row(table, row);
    EXPECT_TRUE(ours.emplace(to_hex(digest.key), to_hex(digest.row)).second);
    EXPECT_EQ(to_hex(digest.key).substr(0, 8), [&] {
      std::string bits;
      codec::append_big_endian(bits, digest.bucket_bits);
      return to_hex(bits);
    }());
    if (!row.quarantined.empty())
      quarantined[to_hex(row.key)] = to_hex(digest_quarantined(table, row));
    else {
      EXPECT_EQ(digest_quarantined(table, row), "");
    }
  }
  EXPECT_GT(quarantined.size(), 100U);

  auto sql = postgres::fill(sql::digest_rows, {{"table", target_.quoted_table(table.target)},
                                               {"keys", quoted_list(table.key_targets())},
                                               {"columns", quoted_columns(table)}});
  ASSERT_TRUE(sql);
  auto bucket = ArrayParam::of_bigint();
  bucket.add_int64(0);
  auto theirs = must(connection_->query_binary(*sql, {postgres::Param::text("0"), bucket.param()}, soon()));
  std::map<std::string, std::string> read;
  for (int row = 0; row < theirs.count(); ++row)
    read[to_hex(theirs.text(row, 0))] = to_hex(theirs.text(row, 1));
  EXPECT_EQ(read, ours);

  sql = postgres::fill(sql::digest_quarantine, {{"schema", target_.quoted_schema()}});
  ASSERT_TRUE(sql);
  theirs = must(connection_->query_binary(*sql, {postgres::Param::text(table.name)}, soon()));
  read.clear();
  for (int row = 0; row < theirs.count(); ++row)
    read[to_hex(theirs.text(row, 0))] = to_hex(theirs.text(row, 1));
  EXPECT_EQ(read, quarantined);
}

INSTANTIATE_TEST_SUITE_P(Keys, RowDigestServer,
                         ::testing::Values(KeyKind::kPlain, KeyKind::kEncoded, KeyKind::kMultiset),
                         [](const auto& suite) { return std::string(to_string(suite.param)); });

}  // namespace
}  // namespace syncnode::sync
