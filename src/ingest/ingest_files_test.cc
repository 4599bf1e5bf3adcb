// The whole road on a real lake in a temporary folder.
#include "ingest/ingest_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/random.h"

namespace tarn::ingest {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class IngestFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tarn-ingest-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    engine_ = OpenEngine();
  }
  void TearDown() override {
    engine_.reset();
    fs::remove_all(root_);
  }

  std::unique_ptr<engine::Engine> OpenEngine() {
    engine::EngineOptions options;
    options.lake = root_ + "/lake";
    options.create_lake = true;
    options.fsync = false;
    options.threads = 1;
    auto engine = engine::Engine::Open(options);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    return std::move(engine).value();
  }
  std::string Write(const std::string& name, const std::string& bytes) {
    const fs::path path = fs::path(root_) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  IngestFilesOptions Options(std::vector<std::string> paths) {
    IngestFilesOptions options;
    options.paths = std::move(paths);
    options.into = "bronze.t";
    return options;
  }
  IngestFilesReport Ingest(const IngestFilesOptions& options) {
    auto report = IngestFiles(*engine_, options, nullptr);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *report : IngestFilesReport{};
  }
  // First column of a query in DuckDB's SQL.
  std::vector<std::string> Sql(const std::string& sql) {
    auto session = engine_->NewSession().value();
    const auto rows = session->QueryDuckdb(sql);
    if (!rows.ok()) return {rows.status().ToString()};
    std::vector<std::string> out;
    for (const auto& row : rows->rows) out.push_back(row[0].value_or("NULL"));
    return out;
  }
  std::vector<std::string> Payloads() {
    return Sql("SELECT decode(raw_payload) FROM bronze.t ORDER BY source_topic, source_offset");
  }
  std::vector<std::string> Letters() {
    return Sql(
        "SELECT concat_ws('|', source_topic, line, byte_offset, rule, payload_bytes) "
        "FROM bronze.dead_letters ORDER BY ALL");
  }

  std::string root_;
  std::unique_ptr<engine::Engine> engine_;
};

FileOutcome OutcomeOf(const IngestFilesReport& report, const std::string& end) {
  for (const FileReport& file : report.files) {
    if (file.path.ends_with(end)) return file.outcome;
  }
  ADD_FAILURE() << end << " is not in the report";
  return FileOutcome::kFailed;
}

TEST_F(IngestFilesTest, RetailOnceAndAgain) {
  const char* shared = std::getenv("TARN_SHARED_DATA");
  const std::string path =
      std::string(shared != nullptr ? shared : "../shared/data") + "/retail/online_retail.csv";
  if (!fs::exists(path)) GTEST_SKIP() << path << " is not there; set TARN_SHARED_DATA";
  IngestFilesOptions options = Options({path});
  options.batch_rows = 5000;
  const IngestFilesReport first = Ingest(options);
  EXPECT_EQ(first.rows, 14594u);
  EXPECT_EQ(first.dead_letters, 1u);
  EXPECT_EQ(first.commits, 4u);
  const IngestFilesReport second = Ingest(options);
  EXPECT_EQ(second.rows + second.dead_letters + second.commits, 0u);
  EXPECT_EQ(second.files_skipped, 1u);
  EXPECT_THAT(Sql("SELECT sum(csv_fields(decode(raw_payload))[4]::INT * "
                  "csv_fields(decode(raw_payload))[6]::DECIMAL(18,2)) FROM bronze.t"),
              ElementsAre("252979.77"));
  EXPECT_THAT(Letters(), ElementsAre("online_retail.csv|14596|1183421|csv.cut_off|3"));
  EXPECT_THAT(Sql("SELECT count(*) FROM bronze.t WHERE checksum <> md5(raw_payload)"),
              ElementsAre("0"));
}

TEST_F(IngestFilesTest, EveryColumnSaysWhatItShould) {
  Write("in/a.csv", "id,at,name\n7,2024-05-06T07:08:09Z,\xC3\xA4\n");
  IngestFilesOptions options = Options({root_ + "/in"});
  options.key = "id";
  options.event_time = "at";
  options.source_system = "shop";
  options.pipeline_version = "v9";
  Ingest(options);
  EXPECT_THAT(
      Sql("SELECT concat_ws('|', source_system, source_topic, source_partition, source_offset, "
          "record_key, "
          "event_timestamp, pipeline_version, length(schema_version), checksum = md5(raw_payload), "
          "ingestion_date = CAST(ingestion_timestamp AS DATE), "
          "abs(epoch(now()) - epoch(ingestion_timestamp)) < 600) FROM bronze.t"),
      ElementsAre("shop|a.csv|0|11|7|2024-05-06 07:08:09+00|v9|12|true|true|true"));
  auto session = engine_->NewSession().value();
  session->SetDialect(dialect::SqlDialect::kSpark);
  const auto properties = session->Query("SHOW TBLPROPERTIES bronze.t");
  ASSERT_TRUE(properties.ok()) << properties.status().ToString();
  std::map<std::string, std::string> values;
  for (const auto& row : properties->rows) values[*row[0]] = row[1].value_or("");
  EXPECT_EQ(values["delta.appendOnly"], "true");
  EXPECT_EQ(values["delta.logRetentionDuration"], "interval 365 days");
}

TEST_F(IngestFilesTest, TheContentIsTheFile) {
  Write("in/a.ndjson", "{\"n\":1}\n{\"n\":2}\n");
  Write("in/b.ndjson", "{\"n\":1}\n{\"n\":2}\n");
  IngestFilesReport report = Ingest(Options({root_ + "/in"}));
  EXPECT_EQ(report.rows, 2u);
  EXPECT_EQ(OutcomeOf(report, "b.ndjson"), FileOutcome::kDuplicate);
  fs::rename(root_ + "/in/a.ndjson", root_ + "/in/renamed.ndjson");
  Write("in/b.ndjson", "{\"n\":3}\n");
  report = Ingest(Options({root_ + "/in"}));
  EXPECT_EQ(report.rows, 1u);
  EXPECT_EQ(OutcomeOf(report, "renamed.ndjson"), FileOutcome::kUnchanged);
  EXPECT_EQ(OutcomeOf(report, "b.ndjson"), FileOutcome::kIngested);
  EXPECT_THAT(Payloads(), ElementsAre("{\"n\":1}", "{\"n\":2}", "{\"n\":3}"));
  // Another table has its own memory.
  IngestFilesOptions other = Options({root_ + "/in"});
  other.into = "bronze.u";
  EXPECT_EQ(Ingest(other).rows, 3u);
}

TEST_F(IngestFilesTest, BadInputIsReportedAndTheRestIsTaken) {
  Write("in/good.csv", "a,b\n1,2\n");
  Write("in/bad.json", "[{\"a\":1},oops,{\"a\":2}");
  Write("in/notes.txt", "no data");
  Write("in/utf16.csv", std::string("\xFF\xFE"
                                    "a\0,\0",
                                    6));
  Write("in/cut.csv.gz", std::string("\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\x4B", 11));
  Write("in/cut.parquet", "PAR1 and no more");
  Write("in/empty.csv", "");
  const IngestFilesReport report = Ingest(Options({root_ + "/in"}));
  EXPECT_EQ(OutcomeOf(report, "good.csv"), FileOutcome::kIngested);
  EXPECT_EQ(OutcomeOf(report, "bad.json"), FileOutcome::kIngested);
  EXPECT_EQ(OutcomeOf(report, "notes.txt"), FileOutcome::kIgnored);
  EXPECT_EQ(OutcomeOf(report, "utf16.csv"), FileOutcome::kFailed);
  EXPECT_EQ(OutcomeOf(report, "cut.csv.gz"), FileOutcome::kDamaged);
  EXPECT_EQ(OutcomeOf(report, "cut.parquet"), FileOutcome::kDamaged);
  EXPECT_EQ(OutcomeOf(report, "empty.csv"), FileOutcome::kIngested);
  EXPECT_EQ(report.files_failed, 3u);
  EXPECT_THAT(Payloads(), ElementsAre("{\"a\":1}", "{\"a\":2}", "1,2"));
  EXPECT_THAT(Letters(), ElementsAre("bad.json|1|21|json.cut_off|0", "bad.json|1|9|json.syntax|4",
                                     "cut.csv.gz|file.damaged|0", "cut.parquet|file.damaged|0"));
  const IngestFilesReport again = Ingest(Options({root_ + "/in"}));
  EXPECT_EQ(again.rows + again.dead_letters, 0u);
  EXPECT_EQ(OutcomeOf(again, "cut.csv.gz"), FileOutcome::kDamaged);
  EXPECT_EQ(Letters().size(), 4u);
}

TEST_F(IngestFilesTest, ParquetRowsAreJsonObjects) {
  const std::string path = root_ + "/it's [1].parquet";
  Sql("COPY (SELECT i AS id, 'x' || i AS s, (i / 4)::DECIMAL(9,2) AS d, NULL::INT AS n, [i] AS l "
      "FROM range(5000) r(i)) TO '" +
      root_ + "/it''s [1].parquet'");
  ASSERT_TRUE(fs::exists(path));
  IngestFilesOptions options = Options({path});
  options.key = "id";
  options.batch_rows = 700;
  EXPECT_EQ(Ingest(options).rows, 5000u);
  EXPECT_EQ(Ingest(options).rows, 0u);
  EXPECT_THAT(Sql("SELECT decode(raw_payload) FROM bronze.t WHERE source_offset = 4999"),
              ElementsAre(R"({"id":4999,"s":"x4999","d":1249.75,"n":null,"l":[4999]})"));
  EXPECT_THAT(Sql("SELECT count(*) FROM bronze.t WHERE record_key = source_offset::VARCHAR"),
              ElementsAre("5000"));
}

// Runs that are stopped after each commit, each with batches of another size and an engine of its
// own.
TEST_F(IngestFilesTest, ManyStoppedRunsMakeOneWhole) {
  std::string text = "id,name\n";
  for (int i = 0; i < 3000; ++i) {
    text += std::to_string(i) + (i % 100 == 50 ? "\n" : ",\"n\n" + std::to_string(i) + "\"\n");
  }
  IngestFilesOptions options = Options({Write("in/a.csv", text)});
  options.key = "id";
  struct StopAfterCommit final : ProgressSink {
    void OnProgress(const IngestProgress& progress) override {
      if (progress.rows > 0) stop.request_stop();
    }
    std::stop_source stop;
  };
  SeededRandom random(11);
  IngestFilesReport report;
  int runs = 0;
  do {
    engine_.reset();
    engine_ = OpenEngine();
    options.batch_rows = 200 + random.Uniform(600);
    StopAfterCommit sink;
    auto result =
        IngestFiles(*engine_, options, runs % 2 == 0 ? &sink : nullptr, sink.stop.get_token());
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    report = *result;
  } while (++runs < 50 && report.files[0].outcome != FileOutcome::kUnchanged);
  EXPECT_EQ(report.files[0].outcome, FileOutcome::kUnchanged);
  EXPECT_THAT(
      Sql("SELECT concat_ws('|', count(*), count(DISTINCT record_key), sum(record_key::INT)) "
          "FROM bronze.t"),
      ElementsAre("2970|2970|4453500"));
  EXPECT_THAT(
      Sql("SELECT concat_ws('|', count(*), count(DISTINCT byte_offset)) FROM bronze.dead_letters"),
      ElementsAre("30|30"));
}

TEST_F(IngestFilesTest, TwoAtOnceTakeEachRecordOnce) {
  for (int file = 0; file < 4; ++file) {
    std::string text;
    for (int i = 0; i < 500; ++i) {
      text += i % 50 == 9 ? "bad\n"
                          : "{\"id\":\"" + std::to_string(file) + "-" + std::to_string(i) + "\"}\n";
    }
    Write("in/" + std::to_string(file) + ".ndjson", text);
  }
  IngestFilesReport reports[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const auto engine = OpenEngine();
      IngestFilesOptions options = Options({root_ + "/in"});
      options.key = "id";
      options.batch_rows = i == 0 ? 70 : 111;
      auto report = IngestFiles(*engine, options, nullptr);
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      reports[i] = *report;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(reports[0].rows + reports[1].rows, 1960u);
  EXPECT_EQ(reports[0].dead_letters + reports[1].dead_letters, 40u);
  EXPECT_THAT(Sql("SELECT concat_ws('|', count(*), count(DISTINCT record_key)) FROM bronze.t"),
              ElementsAre("1960|1960"));
  EXPECT_THAT(Sql("SELECT concat_ws('|', count(*), count(DISTINCT (source_topic, source_offset))) "
                  "FROM bronze.dead_letters"),
              ElementsAre("40|40"));
}

TEST_F(IngestFilesTest, SmallFilesShareACommit) {
  for (int i = 0; i < 40; ++i) {
    Write("in/" + std::to_string(100 + i) + ".csv", "a,b\n" + std::to_string(i) + ",x\nbad\n");
  }
  const IngestFilesReport report = Ingest(Options({root_ + "/in"}));
  EXPECT_EQ(report.files_read, 40u);
  EXPECT_EQ(report.commits, 2u);
  EXPECT_EQ(report.rows, 40u);
  EXPECT_EQ(report.dead_letters, 40u);
  Write("in/150.csv", "a,b\n40,x\n");
  const IngestFilesReport again = Ingest(Options({root_ + "/in"}));
  EXPECT_EQ(again.rows, 1u);
  EXPECT_EQ(again.files_skipped, 40u);
  EXPECT_THAT(
      Sql("SELECT concat_ws('|', count(*), count(DISTINCT source_topic), count(DISTINCT checksum)) "
          "FROM bronze.t"),
      ElementsAre("41|41|41"));
}

TEST_F(IngestFilesTest, TwoAtOnceOnManySmallFiles) {
  for (int i = 0; i < 60; ++i) {
    Write("in/" + std::to_string(100 + i) + ".ndjson",
          "{\"i\":" + std::to_string(i) + "}\n" + (i % 3 == 0 ? "bad\n" : ""));
  }
  IngestFilesReport reports[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const auto engine = OpenEngine();
      IngestFilesOptions options = Options({root_ + "/in"});
      options.batch_rows = i == 0 ? 7 : 11;
      auto report = IngestFiles(*engine, options, nullptr);
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      reports[i] = *report;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(reports[0].rows + reports[1].rows, 60u);
  EXPECT_EQ(reports[0].dead_letters + reports[1].dead_letters, 20u);
  EXPECT_THAT(Sql("SELECT concat_ws('|', count(*), count(DISTINCT source_topic)) FROM bronze.t"),
              ElementsAre("60|60"));
  EXPECT_THAT(
      Sql("SELECT concat_ws('|', count(*), count(DISTINCT source_topic)) FROM bronze.dead_letters"),
      ElementsAre("20|20"));
}

TEST_F(IngestFilesTest, AFileOpenForWritingIsLeft) {
  const std::string path = Write("in/a.csv", "a,b\n1,2\n");
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND);
  IngestFilesOptions options = Options({root_ + "/in"});
  options.settle_micros = 0;
  const FileOutcome open_outcome = OutcomeOf(Ingest(options), "a.csv");
  ::close(fd);
  if (open_outcome != FileOutcome::kBusy) GTEST_SKIP() << "no leases on this file system";
  EXPECT_EQ(Ingest(options).rows, 1u);
}

TEST_F(IngestFilesTest, WatchingTakesWhatComes) {
  IngestFilesOptions options = Options({root_ + "/in"});
  options.settle_micros = 150'000;
  WatchOptions watch;
  watch.poll_micros = 20'000;
  struct Sink final : ProgressSink {
    void OnProgress(const IngestProgress& progress) override {}
    void OnFile(const FileReport& file) override { rows += file.rows; }
    std::atomic<uint64_t> rows = 0;
  } sink;
  std::stop_source stop;
  Result<IngestFilesReport> report = Status::Internal("not run");
  std::thread watcher(
      [&] { report = WatchFiles(*engine_, options, watch, &sink, stop.get_token()); });
  const auto wait_for = [&](uint64_t rows) {
    for (int i = 0; i < 500 && sink.rows < rows; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(sink.rows, rows);
  };
  // The folder comes late; one file is written slowly; one takes its name when it is whole.
  Write("in/a.csv", "a,b\n1,2\n");
  wait_for(1);
  for (int i = 0; i < 10; ++i) {
    std::ofstream(root_ + "/in/slow.csv", std::ios::app) << (i == 0 ? "a,b\n" : "3,4\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  Write("in/c.csv.tmp", "a,b\n5,6\n");
  fs::rename(root_ + "/in/c.csv.tmp", root_ + "/in/c.csv");
  wait_for(11);
  stop.request_stop();
  watcher.join();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->stopped);
  EXPECT_EQ(report->rows, 11u);
  EXPECT_EQ(Payloads().size(), 11u);
}

TEST_F(IngestFilesTest, WrongOptionsAreRefusedBeforeAnythingIsWritten) {
  const std::string path = Write("a.csv", "a,b\n1,2\n");
  const auto message = [&](const std::function<void(IngestFilesOptions&)>& change) {
    IngestFilesOptions options = Options({path});
    change(options);
    const auto report = IngestFiles(*engine_, options, nullptr);
    return report.ok() ? std::string("taken") : report.status().message();
  };
  EXPECT_THAT(message([&](auto& o) { o.paths = {root_ + "/none.csv"}; }), HasSubstr("none.csv"));
  EXPECT_THAT(message([](auto& o) { o.paths = {}; }), HasSubstr("no file"));
  EXPECT_THAT(message([](auto& o) { o.into = "t"; }), HasSubstr("write schema.table"));
  EXPECT_THAT(message([](auto& o) { o.into = "bronze.dead_letters"; }), HasSubstr("cannot both"));
  EXPECT_THAT(message([](auto& o) { o.delimiter = '"'; }), HasSubstr("delimiter"));
  EXPECT_THAT(message([](auto& o) { o.batch_rows = 0; }), HasSubstr("batch"));
  EXPECT_FALSE(fs::exists(root_ + "/lake/bronze/t"));
  Sql("CREATE TABLE bronze.other (id INT)");
  EXPECT_THAT(message([](auto& o) { o.into = "bronze.other"; }),
              HasSubstr("no column raw_payload"));
}

TEST(ParseOptions, NamesAndMistakes) {
  EXPECT_EQ(ParseDelimiter("tab").value(), '\t');
  EXPECT_EQ(ParseDelimiter("auto").value(), std::nullopt);
  EXPECT_EQ(ParseDelimiter("|").value(), '|');
  EXPECT_FALSE(ParseDelimiter("||").ok());
  EXPECT_EQ(ParseFileFormat("jsonl").value(), FileFormat::kNdjson);
  EXPECT_FALSE(ParseFileFormat("xml").ok());
  EXPECT_EQ(ParseCsvHeader("no").value(), CsvHeader::kNo);
  EXPECT_FALSE(ParseCsvHeader("maybe").ok());
}

}  // namespace
}  // namespace tarn::ingest
