#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/random.h"
#include "sources/files/file_check.h"
#include "sources/files/file_listing.h"
#include "sources/files/file_source.h"

namespace tarn::sources::files {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tarn-files-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& bytes) {
    const fs::path path = fs::path(root_) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  std::vector<std::string> List(const std::string& path) {
    std::vector<std::string> out;
    const auto listing = ListFiles({path}, Missing::kError);
    if (!listing.ok()) return {listing.status().ToString()};
    for (const auto& file : listing->files) out.push_back(fs::relative(file.path, root_).string());
    return out;
  }
  CheckedFile Check(const std::string& path) { return CheckFile(path, {}).value(); }

  std::string root_;
};

struct Everything {
  std::vector<std::string> rows;
  std::vector<std::string> bad;
  std::map<std::string, std::string> facts;
  std::vector<Position> positions;  // behind each batch
};

Everything ReadAll(Source& source, BatchLimits limits, Position from = {}) {
  Everything all;
  EXPECT_TRUE(source.Open(from).ok());
  for (bool end = false; !end;) {
    auto batch = source.Poll(limits);
    if (!batch.ok()) {
      ADD_FAILURE() << batch.status().ToString();
      return all;
    }
    for (const Record& record : batch->records) {
      all.rows.push_back(std::to_string(record.offset) + ":" + std::string(record.payload) + ":" +
                         std::string(record.key.value_or("-")));
    }
    for (const BadRecord& bad : batch->bad) {
      all.bad.push_back(std::to_string(bad.offset) + ":" + bad.rule + ":" +
                        std::string(bad.payload));
    }
    all.facts.insert(batch->facts.begin(), batch->facts.end());
    all.positions.push_back(batch->position);
    end = batch->end;
  }
  return all;
}

TEST_F(FilesTest, FoldersAreReadSortedAndUnfinishedNamesPassedOver) {
  for (const char* name : {"b.csv", "a.csv", "sub/c.json", ".hidden.csv", "_SUCCESS", "d.csv.tmp",
                           "e.crdownload", "_temporary/f.csv", ".git/g.csv", "h.csv~", "I.PART"}) {
    Write("in/" + std::string(name), "x");
  }
  EXPECT_THAT(List(root_ + "/in"), ElementsAre("in/a.csv", "in/b.csv", "in/sub/c.json"));
  EXPECT_THAT(List(root_ + "/in/*.csv"), ElementsAre("in/a.csv", "in/b.csv"));
  EXPECT_THAT(List(root_ + "/in/**/*.[cj]s*"),
              ElementsAre("in/a.csv", "in/b.csv", "in/sub/c.json"));
  EXPECT_THAT(List(root_ + "/*/sub/?.json"), ElementsAre("in/sub/c.json"));
  EXPECT_THAT(List(root_ + "/in/_SUCCESS"), ElementsAre("in/_SUCCESS"));
  EXPECT_THAT(List(root_ + "/in/../in/a.csv"), ElementsAre("in/a.csv"));
  EXPECT_EQ(ListFiles({root_ + "/in/*.xml"}, Missing::kError).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(ListFiles({root_ + "/none"}, Missing::kError).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(ListFiles({root_ + "/none", root_ + "/none/*"}, Missing::kIgnore)->files.empty());
  const auto twice = ListFiles({root_ + "/in/b.csv", root_ + "/in"}, Missing::kError);
  EXPECT_EQ(twice->files.size(), 3u);
}

TEST_F(FilesTest, MarksInANameThatExistsAreTheName) {
  Write("in/a[1].csv", "x");
  Write("in/a1.csv", "x");
  EXPECT_THAT(List(root_ + "/in/a[1].csv"), ElementsAre("in/a[1].csv"));
}

TEST_F(FilesTest, AnOpenWriterIsSeen) {
  const std::string path = Write("a.csv", "x");
  if (FindWriter(path) == WriterState::kUnknown) GTEST_SKIP() << "no leases on this file system";
  EXPECT_EQ(FindWriter(path), WriterState::kNone);
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND);
  EXPECT_EQ(FindWriter(path), WriterState::kWriting);
  ::close(fd);
  EXPECT_EQ(FindWriter(path), WriterState::kNone);
}

TEST_F(FilesTest, IdentityIsTheContent) {
  const std::string text = "a,b\n1,2\n";
  const CheckedFile one = Check(Write("one.csv", text));
  EXPECT_EQ(one.sha256, Sha256Hex(text));
  EXPECT_EQ(one.head, text);
  EXPECT_EQ(FileStreamId("bronze.t", one), FileStreamId("bronze.t", Check(Write("two.csv", text))));
  EXPECT_NE(FileStreamId("bronze.t", one),
            FileStreamId("bronze.t", Check(Write("one.csv", text + "3,4\n"))));
  EXPECT_NE(FileStreamId("bronze.t", one), FileStreamId("bronze.u", Check(Write("two.csv", text))));
}

TEST_F(FilesTest, DamageIsFoundBeforeAnythingIsTaken) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i) + ",x\n";
  for (const std::string& whole : {Gzip(text), Zstd(text)}) {
    const CheckedFile good = Check(Write("good.csv.gz", whole));
    EXPECT_EQ(good.damage, "");
    EXPECT_EQ(good.content_bytes, text.size());
    const std::string cut = whole.substr(0, whole.size() / 2);
    const CheckedFile bad = Check(Write("bad.csv.gz", cut));
    EXPECT_THAT(bad.damage, ::testing::HasSubstr("truncated"));
    EXPECT_EQ(bad.sha256, Sha256Hex(cut));
  }
  EXPECT_NE(Check(Write("plain.csv.gz", text)).damage, "");
  EXPECT_NE(Check(Write("empty.csv.gz", "")).damage, "");
  EXPECT_EQ(Check(Write("empty.csv", "")).damage, "");
}

TEST_F(FilesTest, KindsByNameAndContent) {
  EXPECT_EQ(KindByName("/x/A.CSV.GZ"), NamedKind::kCsv);
  EXPECT_EQ(KindByName("a.tsv"), NamedKind::kTsv);
  EXPECT_EQ(KindByName("a.jsonl.zst"), NamedKind::kNdjson);
  EXPECT_EQ(KindByName("a.json"), NamedKind::kJson);
  EXPECT_EQ(KindByName("dir.csv/readme"), NamedKind::kUnknown);
  EXPECT_EQ(JsonKindByContent(" [\n{}]"), FileKind::kJsonArray);
  EXPECT_EQ(JsonKindByContent("{\"a\":1}\n{\"a\":2}\n"), FileKind::kNdjson);
  EXPECT_EQ(JsonKindByContent("{\n \"a\": 1\n}"), FileKind::kJsonValues);
  EXPECT_EQ(JsonKindByContent("{\"a\": 1,\n \"b\": 2}"), FileKind::kJsonValues);
  EXPECT_EQ(KindByContent(Check(Write("x", "a;b\n1;2\n"))).value(), FileKind::kCsv);
  EXPECT_EQ(KindByContent(Check(Write("x", "PAR1...."))).value(), FileKind::kParquet);
  EXPECT_THAT(KindByContent(Check(Write("x", std::string("\xFF\xFE") + "a"))).status().message(),
              ::testing::HasSubstr("iconv"));
  EXPECT_FALSE(KindByContent(Check(Write("x", std::string("ELF\0", 4)))).ok());
}

TEST_F(FilesTest, CsvRowsKeysAndHeaderFact) {
  const std::string path = Write("a.csv", "id;when;v\n7;2024-01-02T03:04:05Z;x\n8;;\"y;z\"\n9;1\n");
  FileSourceOptions options;
  options.target = "bronze.t";
  options.topic = "a.csv";
  options.key = "id";
  options.event_time = "when";
  auto source = MakeFileSource(Check(path), options, {});
  ASSERT_TRUE(source->Open({}).ok());
  const Batch batch = source->Poll({}).value();
  ASSERT_EQ(batch.records.size(), 2u);
  EXPECT_EQ(batch.records[0].payload, "7;2024-01-02T03:04:05Z;x");
  EXPECT_EQ(batch.records[0].key, "7");
  EXPECT_EQ(batch.records[0].event_time_micros, 1704164645000000);
  EXPECT_EQ(batch.records[0].offset, 10);
  EXPECT_EQ(batch.records[0].topic, "a.csv");
  EXPECT_EQ(batch.records[0].schema_id, Sha256Hex("id;when;v").substr(0, 12));
  EXPECT_EQ(batch.records[1].event_time_micros, std::nullopt);
  ASSERT_EQ(batch.bad.size(), 1u);
  EXPECT_EQ(batch.bad[0].line, 4);
  ASSERT_EQ(batch.facts.size(), 1u);
  const auto fact = nlohmann::json::parse(batch.facts.begin()->second);
  EXPECT_EQ(fact["columns"], (std::vector<std::string>{"id", "when", "v"}));
  EXPECT_EQ(fact["delimiter"], ";");
  options.key = "nope";
  EXPECT_THAT(MakeFileSource(Check(path), options, {})->Open({}).message(),
              ::testing::HasSubstr("no column 'nope'; it has: id, when, v"));
}

TEST_F(FilesTest, JsonRowsAndKeys) {
  FileSourceOptions options;
  options.kind = FileKind::kNdjson;
  options.key = "id";
  options.event_time = "ts";
  auto source = MakeFileSource(
      Check(Write("a.ndjson", "{\"id\":1,\"ts\":1700000000123}\n{\"ts\":\"2024-01-01\"}\n")),
      options, {});
  ASSERT_TRUE(source->Open({}).ok());
  const Batch batch = source->Poll({}).value();
  ASSERT_EQ(batch.records.size(), 2u);
  EXPECT_EQ(batch.records[0].key, "1");
  EXPECT_EQ(batch.records[0].event_time_micros, 1700000000123000);
  EXPECT_EQ(batch.records[1].key, std::nullopt);
  EXPECT_EQ(batch.records[1].event_time_micros, 1704067200000000);
}

// Whatever the batches, and from whatever position behind a batch, the same records come.
TEST_F(FilesTest, PositionsResumeExactly) {
  std::string csv = "id,text\r\n";
  std::string array = "[";
  for (int i = 0; i < 400; ++i) {
    csv += std::to_string(i) + (i % 9 == 0 ? "" : ",\"t\r\n" + std::to_string(i) + "\"") + "\r\n";
    array += (i > 0 ? ",\n " : "") +
             std::string(i % 11 == 0 ? "oops" : "{\"id\":" + std::to_string(i) + "}");
  }
  array += "]";
  const std::vector<std::tuple<std::string, std::string, FileKind>> cases = {
      {"a.csv", csv, FileKind::kCsv},
      {"a.csv.gz", Gzip(csv), FileKind::kCsv},
      {"a.csv.zst", Zstd(csv), FileKind::kCsv},
      {"a.json", array, FileKind::kJsonArray},
      {"a.json.gz", Gzip(array), FileKind::kJsonArray}};
  for (const auto& [name, bytes, kind] : cases) {
    const CheckedFile file = Check(Write(name, bytes));
    FileSourceOptions options;
    options.kind = kind;
    options.key = "id";
    auto source = MakeFileSource(file, options, {});
    const Everything whole = ReadAll(*source, {});
    EXPECT_EQ(whole.rows.size() + whole.bad.size(), 400u) << name;
    for (const uint64_t size : {1u, 7u, 150u}) {
      BatchLimits limits;
      limits.max_records = size;
      const Everything again = ReadAll(*source, limits);
      EXPECT_EQ(again.rows, whole.rows) << name;
      EXPECT_EQ(again.bad, whole.bad) << name;
      for (size_t i = 0; i < again.positions.size(); i += 1 + 60 / size) {
        auto resumed = MakeFileSource(file, options, {});
        const Everything rest = ReadAll(*resumed, limits, again.positions[i]);
        const size_t taken = std::min<size_t>((i + 1) * size, 400);
        EXPECT_EQ(rest.rows.size() + rest.bad.size(), 400 - taken) << name << " batch " << i;
        EXPECT_TRUE(std::equal(rest.rows.rbegin(), rest.rows.rend(), whole.rows.rbegin())) << name;
        EXPECT_TRUE(std::equal(rest.bad.rbegin(), rest.bad.rend(), whole.bad.rbegin())) << name;
      }
    }
  }
}

TEST_F(FilesTest, AFileThatChangesIsNotReadOn) {
  const std::string path = Write("a.csv", "a,b\n1,2\n");
  const CheckedFile file = Check(path);
  auto source = MakeFileSource(file, {}, {});
  ASSERT_TRUE(source->Open({}).ok());
  std::ofstream(path, std::ios::app) << "3,4\n";
  const auto batch = source->Poll({});
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.status().retry(), RetryClass::kBackoff);
}

TEST_F(FilesTest, AReplacedFileIsNotTakenForTheCheckedOne) {
  const std::string path = Write("a.csv", "a,b\n1,2\n");
  const CheckedFile file = Check(path);
  fs::rename(Write("b.csv", "a,b\n8,9\n"), path);
  EXPECT_EQ(MakeFileSource(file, {}, {})->Open({}).retry(), RetryClass::kBackoff);
}

class CountedRows final : public TableRows {
 public:
  CountedRows(int64_t total, int64_t first) : total_(total), next_(first) {}
  const std::string& schema_id() const override { return schema_id_; }
  int64_t row_count() const override { return total_; }
  Result<std::vector<std::string>> Next(size_t) override {
    std::vector<std::string> rows;
    for (int i = 0; i < 30 && next_ < total_; ++i, ++next_) {
      rows.push_back("{\"id\":" + std::to_string(next_) +
                     (next_ == 50 ? ",\"x\":\"" + std::string(2000, 'x') + "\"}" : "}"));
    }
    return rows;
  }

 private:
  std::string schema_id_ = "s";
  int64_t total_;
  int64_t next_;
};

TEST_F(FilesTest, TableRowsResumeByRow) {
  const CheckedFile file = Check(Write("a.parquet", "PAR1"));
  FileSourceOptions options;
  options.kind = FileKind::kParquet;
  options.key = "id";
  options.max_record_bytes = 1000;
  const OpenTableRows open = [](const std::string&, int64_t first) {
    return Result<std::unique_ptr<TableRows>>(std::make_unique<CountedRows>(100, first));
  };
  auto source = MakeFileSource(file, options, open);
  BatchLimits limits;
  limits.max_records = 7;
  const Everything whole = ReadAll(*source, limits);
  EXPECT_EQ(whole.rows.size(), 99u);
  EXPECT_EQ(whole.rows[3], "3:{\"id\":3}:3");
  ASSERT_EQ(whole.bad.size(), 1u);
  EXPECT_THAT(whole.bad[0], ::testing::StartsWith("50:record.too_long:"));
  const Everything rest = ReadAll(*source, limits, whole.positions[8]);
  EXPECT_EQ(rest.rows.size(), 100u - 63u);
}

TEST(ParseEventTime, NumbersAndText) {
  EXPECT_EQ(ParseEventTime("1700000000"), 1700000000000000);
  EXPECT_EQ(ParseEventTime("1700000000.5"), 1700000000500000);
  EXPECT_EQ(ParseEventTime("1700000000123"), 1700000000123000);
  EXPECT_EQ(ParseEventTime("1700000000123456"), 1700000000123456);
  EXPECT_EQ(ParseEventTime("1700000000123456789"), 1700000000123456);
  EXPECT_EQ(ParseEventTime("2024-01-01 00:00:01+01:00"), 1704063601000000);
  EXPECT_EQ(ParseEventTime("yesterday"), std::nullopt);
  EXPECT_EQ(ParseEventTime(""), std::nullopt);
  EXPECT_EQ(ParseEventTime("-"), std::nullopt);
}

// The real file of a shop: bare CR line ends, the last record cut off.
TEST(RetailFile, RowsAndTheOneBadRecord) {
  const char* shared = std::getenv("TARN_SHARED_DATA");
  const std::string path =
      std::string(shared != nullptr ? shared : "../shared/data") + "/retail/online_retail.csv";
  if (!fs::exists(path)) GTEST_SKIP() << path << " is not there; set TARN_SHARED_DATA";
  FileSourceOptions options;
  options.key = "InvoiceNo";
  auto source = MakeFileSource(CheckFile(path, {}).value(), options, {});
  EXPECT_EQ(source->reading(), "csv delimiter=, header=yes max_record_bytes=67108864");
  const Everything all = ReadAll(*source, {});
  EXPECT_EQ(all.rows.size(), 14594u);
  EXPECT_THAT(all.bad, ElementsAre("1183421:csv.cut_off:537"));
}

}  // namespace
}  // namespace tarn::sources::files
