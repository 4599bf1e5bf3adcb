// Checkpoints through DuckDB's Parquet, against a memory store; files of other shapes are made with
// COPY.
#include <gtest/gtest.h>

#include <algorithm>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "delta/json.h"
#include "duck/checkpoint_parquet.h"
#include "duckdb.hpp"

namespace tarn::duck {
namespace {

class Collector : public delta::CheckpointSink {
 public:
  Status OnAdd(const delta::AddView& add) override {
    actions.push_back(delta::ToAddFile(add));
    return Status::Ok();
  }
  Status OnAction(delta::Action action) override {
    actions.push_back(std::move(action));
    return Status::Ok();
  }
  std::vector<delta::Action> actions;
  std::string Text() const { return delta::SerializeActions(actions); }
};

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest()
      : db_(nullptr),
        format_(MakeParquetCheckpointFormat(*db_.instance)),
        store_(store::MakeMemoryStore()) {}

  Result<uint64_t> Write(const std::vector<delta::Action>& actions) {
    size_t next = 0;
    return format_->Write(*store_, "t/_delta_log/1.checkpoint.parquet", {},
                          [&]() -> Result<std::optional<delta::Action>> {
                            if (next == actions.size()) return std::optional<delta::Action>();
                            return std::optional<delta::Action>(actions[next++]);
                          });
  }
  Status Read(Collector* out, delta::CheckpointReadOptions options = {}) {
    return format_->Read(*store_, "t/_delta_log/1.checkpoint.parquet", options, out);
  }
  // A checkpoint of another writer, as the result of a query.
  void Foreign(const std::string& query) {
    duckdb::Connection con(db_);
    const auto path = std::filesystem::temp_directory_path() / "tarn-foreign-checkpoint.parquet";
    auto result = con.Query("COPY (" + query + ") TO '" + path.string() + "' (FORMAT parquet)");
    ASSERT_FALSE(result->HasError()) << result->GetError();
    std::ifstream in(path, std::ios::binary);
    std::stringstream bytes;
    bytes << in.rdbuf();
    std::filesystem::remove(path);
    ASSERT_TRUE(
        store_->Put("t/_delta_log/1.checkpoint.parquet", bytes.str(), store::PutMode::kOverwrite)
            .ok());
  }

  duckdb::DuckDB db_;
  std::shared_ptr<delta::CheckpointFormat> format_;
  std::shared_ptr<store::ObjectStore> store_;
};

std::vector<delta::Action> EveryAction() {
  delta::Protocol protocol{3, 7, std::vector<std::string>{"deletionVectors"},
                           std::vector<std::string>{"deletionVectors", "appendOnly"}};
  delta::Metadata metadata;
  metadata.id = "the-id";
  metadata.description = "said \"so\"";
  metadata.schema_string = R"({"type":"struct","fields":[]})";
  metadata.partition_columns = {"a", "b"};
  metadata.configuration = {{"k", "v"}, {"ключ", "значение"}};
  metadata.created_time_ms = 1700000000000;
  delta::AddFile add;
  add.path = "a=1/b%20c.parquet";
  add.partition_values = {{"a", "1"}, {"b", std::nullopt}};
  add.size_bytes = 1LL << 40;
  add.modification_time_ms = 5;
  add.data_change = false;
  add.stats = R"({"numRecords":3,"minValues":{"x":"ü"}})";
  add.tags = {{"t", "1"}};
  add.deletion_vector = delta::DeletionVectorDescriptor{'u', "ab^-aqEH.-t@S}K{vb[*k^", 4, 40, 6};
  add.base_row_id = 7;
  add.default_row_commit_version = 8;
  add.clustering_provider = "liquid";
  delta::AddFile plain;
  plain.path = "p.parquet";
  plain.data_change = false;
  delta::RemoveFile remove;
  remove.path = "gone.parquet";
  remove.deletion_timestamp_ms = 99;
  remove.data_change = false;
  remove.partition_values = {{"a", std::nullopt}};
  remove.size_bytes = 12;
  remove.deletion_vector = delta::DeletionVectorDescriptor{'i', "inline", std::nullopt, 6, 1};
  return {protocol,
          metadata,
          delta::SetTransaction{"app", 42, 1000},
          delta::SetTransaction{"none", 1, {}},
          delta::DomainMetadata{"d", "{}", false},
          add,
          plain,
          remove};
}

TEST_F(CheckpointTest, EveryActionComesBack) {
  const auto size = Write(EveryAction());
  ASSERT_TRUE(size.ok()) << size.status().ToString();
  EXPECT_EQ(*size, store_->Head("t/_delta_log/1.checkpoint.parquet")->size_bytes);
  Collector back;
  ASSERT_TRUE(Read(&back).ok());
  std::vector<std::string> wrote, read;
  for (const auto& action : EveryAction()) wrote.push_back(delta::SerializeAction(action));
  for (const auto& action : back.actions) read.push_back(delta::SerializeAction(action));
  std::sort(wrote.begin(), wrote.end());
  std::sort(read.begin(), read.end());
  EXPECT_EQ(read, wrote);
}

TEST_F(CheckpointTest, ReadsOnlyWhatIsAsked) {
  ASSERT_TRUE(Write(EveryAction()).ok());
  Collector others;
  ASSERT_TRUE(Read(&others, {false, false, false, true}).ok());
  EXPECT_EQ(others.actions.size(), 5u);
  Collector adds;
  ASSERT_TRUE(Read(&adds, {true, false, false, false}).ok());
  ASSERT_EQ(adds.actions.size(), 2u);
  EXPECT_EQ(std::get<delta::AddFile>(adds.actions[0]).stats, "");
}

TEST_F(CheckpointTest, NothingIsLeftByAFailure) {
  int calls = 0;
  const auto failed = format_->Write(*store_, "t/_delta_log/1.checkpoint.parquet", {},
                                     [&]() -> Result<std::optional<delta::Action>> {
                                       if (++calls == 5000) return Status::Io("the source broke");
                                       delta::AddFile add;
                                       add.path = std::to_string(calls);
                                       return std::optional<delta::Action>(add);
                                     });
  EXPECT_EQ(failed.status().code(), StatusCode::kIo);
  EXPECT_FALSE(store_->Head("t/_delta_log/1.checkpoint.parquet").ok());
  EXPECT_FALSE(Write({delta::CommitInfo{}}).ok());
}

TEST_F(CheckpointTest, AbsentAndDamagedFiles) {
  Collector back;
  EXPECT_EQ(Read(&back).code(), StatusCode::kNotFound);
  ASSERT_TRUE(store_
                  ->Put("t/_delta_log/1.checkpoint.parquet", "not parquet at all",
                        store::PutMode::kOverwrite)
                  .ok());
  EXPECT_EQ(Read(&back).code(), StatusCode::kCorruption);
  EXPECT_EQ(Read(&back).message().find('\n'), std::string::npos);
  ASSERT_TRUE(Write(EveryAction()).ok());
  auto bytes = *store_->Get("t/_delta_log/1.checkpoint.parquet");
  for (size_t i = 10; i < bytes.size() / 2; ++i) bytes[i] = static_cast<char>(bytes[i] ^ 0x5A);
  ASSERT_TRUE(
      store_->Put("t/_delta_log/1.checkpoint.parquet", bytes, store::PutMode::kOverwrite).ok());
  EXPECT_EQ(Read(&back).code(), StatusCode::kCorruption);
}

TEST_F(CheckpointTest, ManyAddsKeepTheirValues) {
  std::vector<delta::Action> actions;
  for (int i = 0; i < 300000; ++i) {
    delta::AddFile add;
    add.path = "p=" + std::to_string(i % 10) + "/f" + std::to_string(i);
    add.partition_values["p"] = std::to_string(i % 10);
    add.size_bytes = i;
    add.data_change = false;
    actions.push_back(add);
  }
  ASSERT_TRUE(Write(actions).ok());
  Collector back;
  ASSERT_TRUE(Read(&back).ok());
  ASSERT_EQ(back.actions.size(), actions.size());
  int64_t sum = 0;
  std::set<std::string> paths;
  for (const auto& action : back.actions) {
    const auto& add = std::get<delta::AddFile>(action);
    EXPECT_EQ(add.path,
              "p=" + *add.partition_values.at("p") + "/f" + std::to_string(add.size_bytes));
    sum += add.size_bytes;
    paths.insert(add.path);
  }
  EXPECT_EQ(sum, 300000LL * 299999 / 2);
  EXPECT_EQ(paths.size(), actions.size());
}

TEST_F(CheckpointTest, StatisticsAndPartitionsOnlyTyped) {
  Foreign(
      "SELECT {'path': 'a', 'size': 1, 'partitionValues_parsed': {'d': DATE '2024-01-02', 's': "
      "NULL::VARCHAR}, "
      "'stats_parsed': {'numRecords': 3::BIGINT, 'minValues': {'i': 1, 't': TIMESTAMPTZ "
      "'2024-01-01 00:00:00.5+00', "
      "'n': TIMESTAMP '2024-01-01 00:00:00.5', 'm': 1.50::DECIMAL(38,2), 'x': 'a\"b', 'f': "
      "'NaN'::DOUBLE, "
      "'e': {'q': NULL::INTEGER, 'r': DATE '1969-12-31'}}, 'nullCount': {'i': 0::BIGINT}}} AS add");
  Collector back;
  const Status status = Read(&back);
  ASSERT_TRUE(status.ok()) << status.ToString();
  ASSERT_EQ(back.actions.size(), 1u);
  const auto& add = std::get<delta::AddFile>(back.actions[0]);
  EXPECT_EQ(add.stats, R"({"numRecords":3,"minValues":{"i":1,"t":"2024-01-01T00:00:00.500000Z",)"
                       R"("n":"2024-01-01T00:00:00.500000",)"
                       R"("m":1.50,"x":"a\"b","e":{"r":"1969-12-31"}},"nullCount":{"i":0}})");
  EXPECT_EQ(add.partition_values.at("d"), "2024-01-02");
  EXPECT_FALSE(add.partition_values.at("s").has_value());
}

TEST_F(CheckpointTest, V2RowsAndMissingColumns) {
  Foreign(
      "SELECT NULL AS add, {'version': 7::BIGINT, 'tags': NULL::MAP(VARCHAR, VARCHAR)} AS "
      "checkpointMetadata, NULL AS sidecar "
      "UNION ALL SELECT NULL, NULL, {'path': 's.parquet', 'sizeInBytes': 10::BIGINT, "
      "'modificationTime': 11::BIGINT, "
      "'tags': MAP {'a': 'b'}} "
      "UNION ALL SELECT {'path': 'x', 'partitionValues': MAP {'p': NULL::VARCHAR}, 'size': 5}, "
      "NULL, NULL");
  Collector back;
  const Status status = Read(&back);
  ASSERT_TRUE(status.ok()) << status.ToString();
  ASSERT_EQ(back.actions.size(), 3u);
  EXPECT_EQ(std::get<delta::CheckpointMetadata>(back.actions[0]).version, 7);
  EXPECT_EQ(std::get<delta::Sidecar>(back.actions[1]).path, "s.parquet");
  const auto& add = std::get<delta::AddFile>(back.actions[2]);
  EXPECT_EQ(add.size_bytes, 5);
  EXPECT_FALSE(add.partition_values.at("p").has_value());
}

// The rows that are no files may lie anywhere: before, between and behind a great many files.
TEST_F(CheckpointTest, FewRowsAmongManyAreAllFound) {
  Foreign(
      "SELECT CASE WHEN i % 45000 <> 7 THEN {'path': 'f' || i, 'partitionValues': MAP {'p': 'v' || "
      "i % 3}, 'size': 5} END AS add, CASE WHEN i % 45000 = 7 THEN {'appId': 'a' || i, 'version': "
      "i} END AS txn FROM range(100000) r(i)");
  Collector back;
  const Status status = Read(&back);
  ASSERT_TRUE(status.ok()) << status.ToString();
  std::vector<std::string> apps;
  size_t adds = 0;
  for (const auto& action : back.actions) {
    if (const auto* txn = std::get_if<delta::SetTransaction>(&action)) apps.push_back(txn->app_id);
    adds += std::holds_alternative<delta::AddFile>(action);
  }
  EXPECT_EQ(apps, (std::vector<std::string>{"a7", "a45007", "a90007"}));
  EXPECT_EQ(adds, 99'997u);
}

}  // namespace
}  // namespace tarn::duck
