// Reconciliation: what the actions of a log add up to.
#include "delta/snapshot.h"

#include <set>

#include "base/random.h"
#include "delta/file_table.h"
#include "delta/file_table_builder.h"
#include "delta/log_fixture.h"
#include "delta/snapshot_builder.h"

namespace tarn::delta {
namespace {

using Strings = std::vector<std::string>;

class SnapshotTest : public LogFixture {};

TEST_F(SnapshotTest, AddsRemovesAndTombstones) {
  Commit(0, Definition() + Add("a", 10) + Add("b", 20));
  Commit(1, RemoveLine("a") + Add("c", 5));
  const auto snapshot = Latest();
  EXPECT_EQ(snapshot->version(), Version(1));
  EXPECT_EQ(Paths(snapshot), (Strings{"b", "c"}));
  EXPECT_EQ(snapshot->total_size_bytes(), 25);
  ASSERT_EQ(snapshot->Tombstones().size(), 1u);
  EXPECT_EQ(snapshot->Tombstones()[0].path, "a");
  EXPECT_EQ(snapshot->Tombstones()[0].deletion_timestamp_ms, 1700000000000);
  EXPECT_FALSE(snapshot->Tombstones()[0].size_bytes);
  EXPECT_FALSE(snapshot->FindFile("a"));
  EXPECT_EQ(snapshot->FindFile("c"), FileIndex(1));
}

TEST_F(SnapshotTest, AddAgainAfterRemoveEndsTheTombstone) {
  Commit(0, Definition() + Add("a", 10));
  Commit(1, RemoveLine("a"));
  Commit(2, Add("a", 11));
  EXPECT_EQ(Latest()->total_size_bytes(), 11);
  EXPECT_TRUE(Latest()->Tombstones().empty());
}

TEST_F(SnapshotTest, AddAgainReplacesMetadata) {
  Commit(0, Definition() + Add("a", 10) + Add("b", 1));
  Commit(1, Add("a", 12, Records(7)));
  const auto snapshot = Latest();
  EXPECT_EQ(Paths(snapshot), (Strings{"b", "a"}));
  EXPECT_EQ(snapshot->total_size_bytes(), 13);
  EXPECT_EQ(snapshot->files().NumRecords(FileIndex(1)), 7);
  EXPECT_FALSE(snapshot->num_rows()) << "b has no statistics";
}

TEST_F(SnapshotTest, PathSpellingsAreOneFile) {
  Commit(0, Definition() + Add("p=a%20b/x%C3%A9.parquet") + Add("100%") + Add("file:///abs/f%20g") +
                Add("\u00fc/\u4e2d.parquet"));
  const auto first = Latest();
  EXPECT_EQ(first->FindFile("p=a b/x\u00e9.parquet"), FileIndex(0));
  EXPECT_EQ(first->FindFile("100%"), FileIndex(1));
  EXPECT_EQ(first->FindFile("/abs/f g"), FileIndex(2));
  Commit(1, RemoveLine("p=a b/x\u00e9.parquet") + RemoveLine("file:/abs/f%20g") +
                RemoveLine("%C3%BC/\u4e2d.parquet"));
  EXPECT_EQ(Paths(Latest()), Strings{"100%"});
  auto fresh = Fresh()->Latest();
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(Paths(*fresh), Strings{"100%"});
}

TEST_F(SnapshotTest, DeletionVectorIsPartOfTheKey) {
  Commit(0, Definition() + Add("a", 10, Records(100)));
  Commit(1, RemoveLine("a") + Add("a", 10, Records(100) + Vector("v1", 3)));
  auto snapshot = Latest();
  ASSERT_EQ(snapshot->num_files(), 1u);
  EXPECT_EQ(snapshot->File(FileIndex(0)).deletion_vector->path_or_inline, "v1");
  EXPECT_EQ(snapshot->num_rows(), 97);
  // In either order within the commit.
  Commit(2, Add("a", 10, Records(100) + Vector("v2", 5)) + RemoveLine("a", Vector("v1", 3)));
  snapshot = Latest();
  ASSERT_EQ(snapshot->num_files(), 1u);
  EXPECT_EQ(snapshot->File(FileIndex(0)).deletion_vector->path_or_inline, "v2");
  EXPECT_EQ(snapshot->num_rows(), 95);
  EXPECT_EQ(snapshot->Tombstones().size(), 2u);
  // A remove of a vector that is not current takes nothing away.
  Commit(3, RemoveLine("a", Vector("v9")));
  EXPECT_EQ(Latest()->num_files(), 1u);
  Commit(4, RemoveLine("a", Vector("v2", 5)));
  EXPECT_EQ(Latest()->num_files(), 0u);
  EXPECT_EQ(Latest()->num_rows(), 0);
  auto fresh = Fresh()->Latest();
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ((*fresh)->num_files(), 0u);
  EXPECT_EQ((*fresh)->Tombstones().size(), Latest()->Tombstones().size());
}

TEST_F(SnapshotTest, TransactionsAndDomains) {
  const auto txn = [](const std::string& app, int64_t v) {
    return SerializeAction(SetTransaction{app, v, {}}) + "\n";
  };
  const auto domain = [](const std::string& name, const std::string& text, bool removed = false) {
    return SerializeAction(DomainMetadata{name, text, removed}) + "\n";
  };
  Commit(0, Definition() + txn("a", 5) + txn("b", 1) + domain("d1", "x") + domain("d2", "y"));
  Latest();
  Commit(1, txn("a", 3) + domain("d1", "x", true) + domain("d2", "z"));
  for (const auto& handle : {table, Fresh()}) {
    auto snapshot = handle->Latest();
    ASSERT_TRUE(snapshot.ok());
    EXPECT_EQ((*snapshot)->AppTransaction("a")->version, 3) << "the latest wins, not the greatest";
    EXPECT_EQ((*snapshot)->AppTransactions().size(), 2u);
    EXPECT_FALSE((*snapshot)->AppTransaction("c"));
    EXPECT_FALSE((*snapshot)->Domain("d1"));
    EXPECT_EQ((*snapshot)->Domain("d2")->configuration, "z");
    EXPECT_EQ((*snapshot)->Domains().size(), 1u);
  }
  Commit(2, domain("d1", "again"));
  EXPECT_EQ(Latest()->Domain("d1")->configuration, "again");
}

TEST_F(SnapshotTest, MetadataAndProtocolChange) {
  Commit(0, Definition());
  EXPECT_EQ(Latest()->schema().fields.size(), 2u);
  Metadata wider;
  wider.id = "x";
  wider.schema_string =
      R"({"type":"struct","fields":[{"name":"only","type":"date","nullable":true,"metadata":{}}]})";
  Commit(1, SerializeAction(wider) + "\n" + ProtocolLine(1, 4));
  EXPECT_EQ(Latest()->schema().fields[0].name, "only");
  EXPECT_EQ(Latest()->protocol().min_writer_version, 4);
}

TEST_F(SnapshotTest, UnknownReaderFeatureIsRefusedByName) {
  Protocol protocol{3, 7, Strings{"timeTravelBackwards"}, Strings{"timeTravelBackwards"}};
  Commit(0, SerializeAction(protocol) + "\n" + MetadataLine());
  auto snapshot = table->Latest();
  ASSERT_FALSE(snapshot.ok());
  EXPECT_EQ(snapshot.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(snapshot.status().message().find("timeTravelBackwards"), std::string::npos);
}

TEST_F(SnapshotTest, FileGivesBackWhatTheLogHeld) {
  AddFile add;
  add.path = "p=1/x.parquet";
  add.partition_values = {{"p", std::nullopt}, {"q", "v"}};
  add.size_bytes = 9;
  add.modification_time_ms = 77;
  add.stats = R"({ "numRecords" : 2, "minValues":{"id":1,"p":"\"\\u00e9"},"tags":[1,{"a":)"
              R"(2}],"tightBounds":true })";
  add.tags = {{"k", "v"}};
  add.base_row_id = 3;
  add.default_row_commit_version = 4;
  add.clustering_provider = "liquid";
  Commit(0,
         Definition() + Add("plain") + SerializeAction(add) + "\n" + Add("other", 1, Records(3)));
  const auto snapshot = Latest();
  const AddFile got = snapshot->File(FileIndex(1));
  EXPECT_EQ(SerializeAction(got), SerializeAction(add));
  EXPECT_EQ(SerializeAction(snapshot->File(FileIndex(0))) + "\n", Add("plain"));
  StatsColumn minimum(snapshot->files(), {"minValues", "id"});
  EXPECT_EQ(minimum.Read(FileIndex(1)), "1");
  EXPECT_FALSE(minimum.Read(FileIndex(0)));
  EXPECT_FALSE(minimum.Read(FileIndex(2)));
}

TEST_F(SnapshotTest, OldSnapshotsDoNotChange) {
  SimpleLog(20);
  const auto before = Latest();
  const auto paths = Paths(before);
  for (int64_t v = 21; v < 200; ++v) {
    Commit(v, Add("f" + std::to_string(v)) + RemoveLine("f" + std::to_string(v - 15)));
    Latest();
  }
  EXPECT_EQ(Paths(before), paths);
  EXPECT_EQ(Latest()->num_files(), 21u);
  EXPECT_TRUE(before->FindFile("f3"));
}

// Many commits with adds, removes, re-adds and vector changes: refreshing step by step, loading at
// once, and a plain model agree at every step.
TEST_F(SnapshotTest, RefreshAndLoadAgreeWithAModel) {
  SeededRandom random(7);
  std::map<std::string, std::pair<std::string, int64_t>> model;  // path -> (vector, size)
  Commit(0, Definition());
  Latest();
  std::set<std::pair<std::string, std::string>> tombstones;
  for (int64_t version = 1; version <= 400; ++version) {
    std::string lines;
    std::set<std::string> touched;
    const uint64_t actions = 1 + random.Uniform(random.Uniform(10) == 0 ? 300 : 4);
    for (uint64_t i = 0; i < actions; ++i) {
      const std::string path = "dir%20x/f" + std::to_string(random.Uniform(600));
      if (!touched.insert(path).second) continue;
      const auto found = model.find(path);
      const auto vector = [](const std::string& v) { return v.empty() ? "" : Vector(v); };
      if (found == model.end()) {
        const auto size = static_cast<int64_t>(random.Uniform(1000));
        lines += Add(path, size, random.Uniform(3) ? Records(5) : "");
        model[path] = {"", size};
        tombstones.erase({path, ""});
      } else if (random.Uniform(2)) {
        lines += RemoveLine(path, vector(found->second.first));
        tombstones.insert({path, found->second.first});
        model.erase(found);
      } else {
        const std::string fresh = "v" + std::to_string(version);
        lines += Add(path, 3, Vector(fresh)) + RemoveLine(path, vector(found->second.first));
        tombstones.insert({path, found->second.first});
        tombstones.erase({path, fresh});
        found->second = {fresh, 3};
      }
    }
    Commit(version, lines);
    if (version % 3) continue;
    const auto snapshot = Latest();
    ASSERT_EQ(snapshot->num_files(), model.size()) << version;
    ASSERT_EQ(snapshot->Tombstones().size(), tombstones.size()) << version;
    if (version % 60) continue;
    auto fresh = Fresh()->Latest();
    ASSERT_TRUE(fresh.ok());
    for (const auto& one : {snapshot, *fresh}) {
      int64_t size = 0;
      std::set<std::string> seen;
      for (uint32_t i = 0; i < one->num_files(); ++i) {
        const AddFile file = one->File(FileIndex(i));
        ASSERT_TRUE(seen.insert(file.path).second);
        ASSERT_TRUE(model.contains(file.path)) << file.path;
        ASSERT_EQ(file.deletion_vector ? file.deletion_vector->path_or_inline : "",
                  model[file.path].first);
        ASSERT_EQ(one->FindFile(file.path), FileIndex(i));
        size += file.size_bytes;
      }
      ASSERT_EQ(size, one->total_size_bytes());
      ASSERT_EQ(one->files().totals().files, static_cast<int64_t>(model.size()));
    }
  }
}

TEST(FileTableTest, ManyFilesKeepTheirStatistics) {
  // More than one block; shapes that change; values that are constant, few, fixed in length, and
  // free.
  FileTableBuilder builder(true);
  const auto fixed_text = [](uint32_t i) {
    return "\"" + std::to_string(1000000 + uint64_t{i} * 7919 % 1000000) + "-0000\"";
  };
  const auto stats = [&](uint32_t i) {
    if (i % 1000 == 999) return std::string("not json");
    if (i % 1000 == 998) return std::string();
    std::string text = "{\"numRecords\":" + std::to_string(i % 7) +
                       ",\"minValues\":{\"a\":" + std::to_string(i) + ",\"u\":" + fixed_text(i) +
                       ",\"s\":\"k\\\"" + std::string(i % 5, 'x') + "\"},\"nullCount\":{\"a\":0}";
    if (i % 3 == 0) text += ",\"tightBounds\":false";
    return text + "}";
  };
  constexpr uint32_t kFiles = 100'000;
  int64_t records = 0;
  std::string path, text;
  for (uint32_t i = 0; i < kFiles; ++i) {
    AddView add;
    path = "p=" + std::to_string(i % 365) + "/f" + std::to_string(i);
    text = stats(i);
    add.path = path;
    add.stats = text;
    const std::string value = std::to_string(i % 365);
    std::vector<std::string_view> keys{"p"}, values{value};
    std::vector<bool> nulls{i % 365 == 5};
    add.partition_keys = &keys;
    add.partition_values = &values;
    add.partition_nulls = &nulls;
    add.size_bytes = i;
    builder.Append(add);
    if (i % 1000 < 998) records += i % 7;
  }
  const FileTable table = builder.Finish();
  ASSERT_EQ(table.size(), kFiles);
  EXPECT_GT(table.num_runs(), 3u);
  EXPECT_EQ(table.totals().records, records);
  EXPECT_EQ(table.totals().files_without_records, kFiles / 1000 * 2);
  StatsColumn minimum(table, {"minValues", "a"}), tight(table, {"tightBounds"});
  StatsColumn fixed(table, {"minValues", "u"});
  std::string scratch;
  for (uint32_t i = 0; i < kFiles; ++i) {
    ASSERT_EQ(table.Stats(FileIndex(i), &scratch), stats(i));
    ASSERT_EQ(table.SizeBytes(FileIndex(i)), i);
    const bool known = i % 1000 < 998;
    ASSERT_EQ(minimum.Read(FileIndex(i)).has_value(), known);
    if (known) {
      ASSERT_EQ(*minimum.Read(FileIndex(i)), std::to_string(i));
      ASSERT_EQ(*fixed.Read(FileIndex(i)), fixed_text(i));
    }
    ASSERT_EQ(tight.Read(FileIndex(i)).has_value(), known && i % 3 == 0);
    ASSERT_EQ(table.PartitionValue(FileIndex(i), "p").has_value(), i % 365 != 5);
  }
  EXPECT_EQ(table.Find("p=0/f73000"), FileIndex(73000));
  EXPECT_FALSE(table.Find("p=0/f1"));
  EXPECT_FALSE(table.PartitionValue(FileIndex(0), "q"));
  for (size_t r = 0; r < table.num_runs(); ++r) {
    const FileTable::Run run = table.run(r);
    PartitionColumn column(*run.block, "p");
    EXPECT_EQ(column.Value(column.Code(run.Row(0))), table.PartitionValue(run.first, "p"));
    EXPECT_LE(column.size(), 367u);
  }
}

TEST(FileTableTest, CommitsOneByOneStayInFewBlocks) {
  FileTable table;
  for (uint32_t i = 0; i < 5000; ++i) {
    FileTableBuilder one(true);
    AddView add;
    const std::string path = "f" + std::to_string(i);
    add.path = path;
    add.size_bytes = 1;
    one.Append(add);
    FileTableEditor editor(table);
    editor.Concatenate(one.Finish());
    table = editor.Finish();
    ASSERT_LE(table.num_runs(), 64u);
  }
  ASSERT_EQ(table.size(), 5000u);
  for (uint32_t i = 0; i < 5000; ++i) ASSERT_EQ(table.Path(FileIndex(i)), "f" + std::to_string(i));
}

}  // namespace
}  // namespace tarn::delta
