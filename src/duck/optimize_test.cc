#include "duck/optimize.h"

#include <atomic>
#include <set>
#include <thread>

#include "duck/write_fixture.h"

namespace tarn::duck {
namespace {

class OptimizeTest : public WriteTest {
 protected:
  // A statement again and again while others win the race for its files.
  static void Insist(duckdb::Connection& con, const std::string& sql) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      auto result = con.Query(sql);
      if (!result->HasError()) return;
      ASSERT_NE(result->GetError().find("TransactionContext Error"), std::string::npos)
          << sql << "\n"
          << result->GetError();
    }
    FAIL() << "never committed: " << sql;
  }
  std::unique_ptr<duckdb::Connection> Another() {
    auto con = std::make_unique<duckdb::Connection>(*db_);
    con->Query("USE lake.bronze");
    return con;
  }
};

TEST_F(OptimizeTest, LosesNoDeleteAndBringsNoRowBack) {
  Run("CREATE TABLE t (id BIGINT, p INTEGER) PARTITIONED BY (p)");
  for (int i = 0; i < 6; ++i) {
    Run("INSERT INTO t SELECT id, id % 2 FROM range(" + std::to_string(i * 1000) + ", " +
        std::to_string(i * 1000 + 1000) + ") r(id)");
  }
  std::atomic<bool> stop{false};
  std::set<int64_t> deleted;
  int64_t appended = 0;
  std::thread deleter([&] {
    auto con = Another();
    for (int64_t id = 3; id < 6000; id += 53) {
      Insist(*con, "DELETE FROM t WHERE id = " + std::to_string(id));
      deleted.insert(id);
    }
    stop = true;
  });
  std::thread appender([&] {
    auto con = Another();
    while (!stop) {
      Insist(*con, "INSERT INTO t VALUES (" + std::to_string(100000 + appended) + ", " +
                       std::to_string(appended % 2) + ")");
      ++appended;
    }
  });
  int rewrites = 0;
  for (int round = 0; !stop || round < 3; ++round) {
    auto result = con_->Query(round % 2 == 0 ? "CALL tarn_optimize('t')" : "CALL tarn_reorg('t')");
    if (result->HasError()) {
      ADD_FAILURE() << result->GetError();
      break;
    }
    const auto metrics = duckdb::StructValue::GetChildren(result->GetValue(1, 0));
    rewrites += metrics[1].GetValue<int64_t>() > 0 ? 1 : 0;
  }
  deleter.join();
  appender.join();
  EXPECT_GT(rewrites, 0);
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT id) FROM t"),
            std::to_string(6000 - deleted.size() + appended) + "|" +
                std::to_string(6000 - deleted.size() + appended));
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE id < 6000 AND id % 53 = 3"), "0");
}

TEST_F(OptimizeTest, ZOrderLetsBothColumnsSkip) {
  // A small memory limit cuts row groups, and with them files, small.
  Run("SET memory_limit = '256MB'");
  Run("CREATE TABLE t (a BIGINT, b VARCHAR, filler VARCHAR) WITH ('delta.targetFileSize' = '1mb')");
  std::string filler = "''";
  for (int i = 0; i < 20; ++i)
    filler += " || md5(CAST(i * 20 + " + std::to_string(i) + " AS VARCHAR))";
  // Every file covers the whole range of both columns.
  Run("INSERT INTO t SELECT hash(i) % 10000, 'k' || lpad(CAST(hash(i + 7) % 10000 AS VARCHAR), 5, "
      "'0'), " +
      filler + " FROM range(60000) r(i)");
  const auto files = [&](const std::string& condition) {
    auto plan = con_->Query("EXPLAIN (FORMAT json) SELECT count(filler) FROM t WHERE " + condition);
    const std::string text = plan->GetValue(1, 0).ToString();
    const auto at = text.find("\"Files\": \"");
    return std::stoi(text.substr(at + 10));
  };
  const int total = files("filler IS NOT NULL");
  ASSERT_GE(total, 5);
  const int before_a = files("a = 1234"), before_b = files("b = 'k04321'");
  const std::string rows = Ask("SELECT count(*), sum(a), count(DISTINCT b), sum(hash(b)) FROM t");
  Run("CALL tarn_optimize('t', NULL, ['a', 'b'])");
  EXPECT_EQ(Ask("SELECT count(*), sum(a), count(DISTINCT b), sum(hash(b)) FROM t"), rows);
  // About ten files share the plane: each column alone leaves about half of them.
  EXPECT_LE(files("a = 1234") * 10, before_a * 8);
  EXPECT_LE(files("b = 'k04321'") * 10, before_b * 8);
  EXPECT_EQ(Ask("SELECT metrics.numFilesAdded FROM tarn_optimize('t', NULL, ['a', 'b'])"), "0");
}

TEST_F(OptimizeTest, ZOrderOfEveryTypeWithNulls) {
  Run("CREATE TABLE t (i INTEGER, d DOUBLE, n DECIMAL(30,2), s VARCHAR, ts TIMESTAMP, dt DATE, "
      "b BOOLEAN, x BLOB)");
  for (int i = 0; i < 2; ++i) {
    Run("INSERT INTO t SELECT CASE WHEN r % 5 = 0 THEN NULL ELSE r END, CASE r % 4 WHEN 0 THEN "
        "'NaN'::DOUBLE WHEN 1 THEN -r ELSE r / 3.0 END, CASE WHEN r % 7 = 0 THEN NULL ELSE r * 1.5 "
        "END, CASE WHEN r % 3 = 0 THEN NULL ELSE 'ü' || r END, TIMESTAMP '2026-01-01' + "
        "to_hours(r), "
        "NULL, r % 2 = 0, ('x' || r)::BLOB FROM range(3000) q(r)");
  }
  const std::string rows =
      "SELECT count(*), count(i), count(n), count(s), sum(hash(i, n, s, ts, b, x)) FROM t";
  const std::string before = Ask(rows);
  Run("CALL tarn_optimize('t', NULL, ['i', 'd', 'n', 's', 'ts', 'dt', 'b', 'x'])");
  EXPECT_EQ(Ask(rows), before);
  Run("CALL tarn_optimize('t', NULL, ['n'])");
  EXPECT_EQ(Ask(rows), before);
}

TEST_F(OptimizeTest, ClusteredTableIsArrangedAndMarked) {
  Run("CREATE TABLE t (a BIGINT, b BIGINT)");
  for (int i = 0; i < 3; ++i) Run("INSERT INTO t SELECT r, 1000 - r FROM range(1000) q(r)");
  // As another engine's ALTER TABLE … CLUSTER BY leaves it.
  std::ofstream(fs::path(root_) / "bronze/t/_delta_log/00000000000000000004.json")
      << R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":)"
      << R"(["deletionVectors"],"writerFeatures":["deletionVectors",)"
      << R"("domainMetadata","clustering"]}})"
      << "\n"
      << R"({"domainMetadata":{"domain":"delta.clustering","configuration":)"
      << R"("{\"clusteringColumns\":[[\"a\"],[\"b\"]],)"
      << R"(\"domainName\":\"delta.clustering\"}","removed":false}})"
      << "\n";
  Run("CALL tarn_optimize('t')");
  const std::string commit = Commit("bronze/t", 5);
  EXPECT_NE(commit.find("\"clusteringProvider\":\"liquid\""), std::string::npos) << commit;
  EXPECT_NE(commit.find("\"clusterBy\":\"[\\\"a\\\",\\\"b\\\"]\""), std::string::npos) << commit;
  EXPECT_EQ(Ask("SELECT metrics.numFilesAdded FROM tarn_optimize('t')"), "0");
  EXPECT_NE(Error("CALL tarn_optimize('t', NULL, ['a'])").find("is clustered by"),
            std::string::npos);
}

TEST_F(OptimizeTest, AFailedRewriteLeavesNothing) {
  Run("CREATE TABLE t (id BIGINT)");
  for (int i = 0; i < 3; ++i) Run("INSERT INTO t SELECT id FROM range(100) r(id)");
  const size_t before = FilesOf("bronze/t");
  for (const auto& entry : fs::directory_iterator(fs::path(root_) / "bronze/t")) {
    if (entry.path().extension() != ".parquet") continue;
    fs::resize_file(entry.path(), 20);
    break;
  }
  EXPECT_NE(Error("CALL tarn_optimize('t')"), "");
  EXPECT_EQ(FilesOf("bronze/t"), before);
  EXPECT_EQ(Ask("SELECT max(version) FROM delta_history('t')"), "3");
}

}  // namespace
}  // namespace tarn::duck
