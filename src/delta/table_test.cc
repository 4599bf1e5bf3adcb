// Which files of a log make a version, refreshing, time travel, history, checkpoints, damage.
#include "delta/table.h"

#include <atomic>
#include <nlohmann/json.hpp>

#include <thread>

#include "base/hash.h"
#include "base/random.h"
#include "delta/checkpoint.h"
#include "delta/log_fixture.h"

namespace tarn::delta {
namespace {

using Strings = std::vector<std::string>;

class TableTest : public LogFixture {
 protected:
  Status ErrorAt(std::optional<int64_t> version = std::nullopt) {
    auto fresh = Fresh();
    auto got = version ? fresh->At(Version(*version)) : fresh->Latest();
    EXPECT_FALSE(got.ok());
    return got.ok() ? Status::Ok() : got.status();
  }
  uint32_t FilesAt(int64_t version) {
    auto got = Fresh()->At(Version(version));
    EXPECT_TRUE(got.ok()) << got.status().ToString();
    return got.ok() ? (*got)->num_files() : 0;
  }
  static bool Says(const Status& status, const std::string& text) {
    const bool found = status.message().find(text) != std::string::npos;
    if (!found) ADD_FAILURE() << status.ToString();
    return found;
  }
  std::string State(int64_t version) {
    std::string lines = Definition();
    for (int64_t v = 0; v <= version; ++v) lines += Add("f" + std::to_string(v));
    return lines;
  }
  std::string Name(int64_t version, const std::string& rest) {
    return CommitName(Version(version)).substr(0, 20) + rest;
  }
};

TEST_F(TableTest, NoTable) {
  EXPECT_FALSE(*table->Exists());
  EXPECT_EQ(ErrorAt().code(), StatusCode::kNotFound);
  Put("_last_checkpoint", "{}");
  Put("notes.txt", "x");
  EXPECT_FALSE(*table->Exists());
  EXPECT_EQ(ErrorAt().code(), StatusCode::kNotFound);
  SimpleLog(0);
  EXPECT_TRUE(*table->Exists());
}

TEST_F(TableTest, RefreshListsNothingAndReadsOnlyWhatIsNew) {
  SimpleLog(200);
  Latest();
  store->lists = store->gets = 0;
  Latest();
  EXPECT_EQ(store->lists, 0);
  EXPECT_EQ(store->gets, 1) << "one question for the next version";
  Commit(201, Add("f201"));
  Commit(202, Add("f202"));
  store->gets = 0;
  EXPECT_EQ(Latest()->version(), Version(202));
  EXPECT_EQ(store->lists, 0);
  EXPECT_EQ(store->gets, 3);
  EXPECT_EQ(Latest().get(), Latest().get()) << "an unchanged table gives the same snapshot";
}

TEST_F(TableTest, DroppedAndMadeAgainIsSeen) {
  SimpleLog(3);
  Latest();
  for (int64_t v = 0; v <= 3; ++v) Remove(CommitName(Version(v)));
  EXPECT_EQ(table->Latest().status().code(), StatusCode::kNotFound);
  Commit(0, Definition() + Add("new"));
  EXPECT_EQ(Paths(Latest()), Strings{"new"});
  // Replaced by a longer log while the cache stands on version 0.
  Commit(0, Definition() + Add("newer"));
  Commit(1, Add("newest"));
  EXPECT_EQ(Paths(Latest()), (Strings{"newer", "newest"}));
}

TEST_F(TableTest, CleanedUpBehindTheCache) {
  SimpleLog(3);
  Latest();
  for (int64_t v = 4; v <= 9; ++v) Commit(v, Add("f" + std::to_string(v)));
  PutCheckpoint(Name(8, ".checkpoint.parquet"), State(8));
  for (int64_t v = 0; v <= 7; ++v) Remove(CommitName(Version(v)));
  EXPECT_EQ(Latest()->version(), Version(9));
  EXPECT_EQ(Latest()->num_files(), 10u);
}

TEST_F(TableTest, TimeTravelByVersion) {
  SimpleLog(12);
  PutCheckpoint(Name(5, ".checkpoint.parquet"), State(5));
  PutCheckpoint(Name(10, ".checkpoint.parquet"), State(10));
  Put("_last_checkpoint", R"({"version":10,"size":13})");
  for (int64_t v = 0; v <= 12; ++v) EXPECT_EQ(FilesAt(v), static_cast<uint32_t>(v + 1)) << v;
  Says(ErrorAt(13), "version 13 of table 't' is not available; versions 0 to 12 are");
  EXPECT_EQ(ErrorAt(13).code(), StatusCode::kNotFound);
  EXPECT_EQ(ErrorAt(-1).code(), StatusCode::kNotFound);
  // After clean-up only what a checkpoint carries is left.
  for (int64_t v = 0; v < 5; ++v) Remove(CommitName(Version(v)));
  EXPECT_EQ(FilesAt(5), 6u);
  EXPECT_EQ(FilesAt(7), 8u);
  Says(ErrorAt(4), "version 4 of table 't' is not available; versions 5 to 12 are");
  EXPECT_EQ(ErrorAt(4).code(), StatusCode::kNotFound);
}

TEST_F(TableTest, CheckpointIsUsedAndCommitsBehindItReplayed) {
  SimpleLog(3);
  PutCheckpoint(
      Name(2, ".checkpoint.parquet"),
      State(2) + RemoveLine("gone") + SerializeAction(SetTransaction{"app", 9, {}}) + "\n");
  Commit(3, RemoveLine("f1") + Add("gone"));
  for (int64_t v = 0; v < 2; ++v) Remove(CommitName(Version(v)));
  const auto snapshot = Latest();
  EXPECT_EQ(Paths(snapshot), (Strings{"f0", "f2", "gone"}));
  EXPECT_EQ(snapshot->Tombstones().size(), 1u);
  EXPECT_EQ(snapshot->AppTransaction("app")->version, 9);
  EXPECT_EQ(format->reads, 1);
}

TEST_F(TableTest, OnlyACheckpointIsLeft) {
  PutCheckpoint(Name(7, ".checkpoint.parquet"), State(7));
  EXPECT_TRUE(*table->Exists());
  EXPECT_EQ(Latest()->version(), Version(7));
  EXPECT_EQ(format->reads, 1);
  Latest();
  Commit(8, Add("f8"));
  EXPECT_EQ(Latest()->version(), Version(8));
  EXPECT_EQ(format->reads, 1) << "a refresh does not read the checkpoint again";
}

TEST_F(TableTest, HintIsOnlyAHint) {
  SimpleLog(6);
  PutCheckpoint(Name(4, ".checkpoint.parquet"), State(4));
  const auto good = R"({"version":4,"size":7})";
  for (const std::string& hint :
       {std::string(""), std::string("garbage"), std::string("{\"version\":"),
        std::string(R"({"version":"4"})"),
        std::string(R"({"version":2,"size":1})"),   // no such checkpoint
        std::string(R"({"version":99,"size":1})"),  // beyond the log
        std::string(R"({"version":-4})"), std::string(R"({"version":4,"checksum":"beef"})"),
        std::string(R"([4])"), std::string("\0\0\0", 3), std::string(good)}) {
    Put("_last_checkpoint", hint);
    auto snapshot = Fresh()->Latest();
    ASSERT_TRUE(snapshot.ok()) << hint << snapshot.status().ToString();
    EXPECT_EQ((*snapshot)->version(), Version(6)) << hint;
    EXPECT_EQ((*snapshot)->num_files(), 7u) << hint;
  }
  // A hint that is behind the newest checkpoint: the newest is used.
  Put("_last_checkpoint", good);
  PutCheckpoint(Name(6, ".checkpoint.parquet"), State(6));
  for (int64_t v = 0; v <= 5; ++v) Remove(CommitName(Version(v)));
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 7u);
}

TEST_F(TableTest, GapsNameTheMissingVersion) {
  SimpleLog(5);
  Remove(CommitName(Version(3)));
  const Status error = ErrorAt();
  EXPECT_EQ(error.code(), StatusCode::kCorruption);
  Says(error, "version 3 of table 't' is missing");
  EXPECT_EQ(FilesAt(2), 3u) << "versions before the gap stay readable";
  SimpleLog(5);
  Remove(CommitName(Version(0)));
  Says(ErrorAt(), "version 0 of table 't' is missing");
  PutCheckpoint(Name(4, ".checkpoint.parquet"), State(4));
  EXPECT_EQ(Latest()->num_files(), 6u);
}

TEST_F(TableTest, TruncatedCommitIsNamed) {
  SimpleLog(5);
  Commit(4, R"({"add":{"path":"f4","size":10,"partitionVal)");
  const Status error = ErrorAt();
  EXPECT_EQ(error.code(), StatusCode::kCorruption);
  Says(error, "t/_delta_log/00000000000000000004.json line 1");
  EXPECT_EQ(FilesAt(3), 4u) << "older versions stay readable";
  // The refresh of a healthy cache says the same and keeps working afterwards.
  SimpleLog(5);
  Latest();
  Commit(6, "{]");
  EXPECT_EQ(table->Latest().status().code(), StatusCode::kCorruption);
  Commit(6, Add("f6"));
  EXPECT_EQ(Latest()->num_files(), 7u);
}

TEST_F(TableTest, EmptyCommitIsAVersion) {
  SimpleLog(1);
  Commit(2, "");
  EXPECT_EQ(Latest()->version(), Version(2));
  EXPECT_EQ(Latest()->num_files(), 2u);
}

TEST_F(TableTest, MissingProtocolOrMetadata) {
  Commit(0, MetadataLine() + Add("a"));
  Says(ErrorAt(), "no protocol action");
  Commit(0, ProtocolLine() + Add("a"));
  Says(ErrorAt(), "no metaData action");
  Metadata partitioned;
  partitioned.schema_string = kSimpleSchema;
  partitioned.partition_columns = {"absent"};
  Commit(0, ProtocolLine() + SerializeAction(partitioned) + "\n");
  Says(ErrorAt(), "partition column 'absent'");
}

TEST_F(TableTest, DamagedCheckpointFallsBack) {
  SimpleLog(9);
  PutCheckpoint(Name(4, ".checkpoint.parquet"), State(4));
  Put(Name(8, ".checkpoint.parquet"), "torn");
  Put("_last_checkpoint", R"({"version":8,"size":1})");
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 10u) << "from the older checkpoint";
  for (int64_t v = 0; v <= 3; ++v) Remove(CommitName(Version(v)));
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 10u);
  Put(Name(4, ".checkpoint.parquet"), "torn too");
  const Status error = ErrorAt();
  EXPECT_EQ(error.code(), StatusCode::kCorruption);
  Says(error, "00000000000000000008.checkpoint.parquet");
  Says(error, "version 0 of table 't' is missing");
  // All commits: no checkpoint is needed.
  SimpleLog(9);
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 10u);
  // A checkpoint without metadata is damage too.
  PutCheckpoint(Name(9, ".checkpoint.parquet"), ProtocolLine() + Add("only"));
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 10u);
  Put(Name(9, ".checkpoint.parquet"), "");
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 10u);
}

TEST_F(TableTest, UnsupportedFeatureInACheckpointIsNoReasonToFallBack) {
  SimpleLog(3);
  Protocol protocol{3, 7, Strings{"laterFeature"}, Strings{"laterFeature"}};
  PutCheckpoint(Name(3, ".checkpoint.parquet"), SerializeAction(protocol) + "\n" + MetadataLine());
  EXPECT_EQ(ErrorAt().code(), StatusCode::kUnsupported);
}

TEST_F(TableTest, MultiPartCheckpoint) {
  SimpleLog(4);
  const auto part = [&](int o) {
    return Name(3, ".checkpoint.000000000" + std::to_string(o) + ".0000000002.parquet");
  };
  PutCheckpoint(part(1), Definition() + Add("f0") + Add("f2"));
  // One part is missing: it does not count.
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 5u);
  EXPECT_EQ(format->reads, 0);
  PutCheckpoint(part(2), Add("f1") + Add("f3"));
  for (int64_t v = 0; v <= 2; ++v) Remove(CommitName(Version(v)));
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 5u);
  EXPECT_EQ(format->reads, 2);
  Remove(part(2));
  const Status error = ErrorAt();
  Says(error, "version 0 of table 't' is missing");
  Says(error, "checkpoint 3 has 1 of 2 parts");
}

TEST_F(TableTest, V2JsonCheckpointWithSidecars) {
  SimpleLog(3);
  const std::string protocol =
      SerializeAction(Protocol{3, 7, Strings{"v2Checkpoint"}, Strings{"v2Checkpoint"}}) + "\n";
  const std::string uuid = ".checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json";
  const auto sidecar = [](const std::string& name) {
    return SerializeAction(Sidecar{name, 1, 1, {}}) + "\n";
  };
  Put(Name(2, uuid), SerializeAction(CheckpointMetadata{2, {}}) + "\n" + protocol + MetadataLine() +
                         sidecar("s1.parquet") + sidecar("s%202.parquet") +
                         SerializeAction(SetTransaction{"app", 1, {}}) + "\n");
  PutCheckpoint("_sidecars/s1.parquet", Add("f0") + Add("f1"));
  PutCheckpoint("_sidecars/s 2.parquet", Add("f2") + RemoveLine("r"));
  for (int64_t v = 0; v <= 1; ++v) Remove(CommitName(Version(v)));
  auto snapshot = Fresh()->Latest();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  EXPECT_EQ(Paths(*snapshot), (Strings{"f0", "f1", "f2", "f3"}));
  EXPECT_EQ((*snapshot)->Tombstones().size(), 1u);
  EXPECT_EQ((*snapshot)->AppTransaction("app")->version, 1);
  ASSERT_TRUE(store->Delete("t/_delta_log/_sidecars/s1.parquet").ok());
  EXPECT_FALSE(Fresh()->Latest().ok());
  SimpleLog(3);
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 4u) << "a missing sidecar: the commits are enough";
}

TEST_F(TableTest, V2CheckpointInParquetAndUnderTheClassicName) {
  const std::string top = SerializeAction(CheckpointMetadata{2, {}}) + "\n" + Definition() +
                          SerializeAction(Sidecar{"s.parquet", 1, 1, {}}) + "\n";
  PutCheckpoint("_sidecars/s.parquet", Add("x") + Add("y"));
  PutCheckpoint(Name(2, ".checkpoint.3a0d65cd-4056-49b8-937b-95f9e3ee90e5.parquet"), top);
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 2u);
  Remove(Name(2, ".checkpoint.3a0d65cd-4056-49b8-937b-95f9e3ee90e5.parquet"));
  PutCheckpoint(Name(2, ".checkpoint.parquet"), top);
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 2u);
}

TEST_F(TableTest, CompactedLog) {
  Commit(0, Definition() + Add("a"));
  for (int64_t v = 1; v <= 6; ++v) Commit(v, Add("f" + std::to_string(v)));
  Commit(4, Add("f4") + RemoveLine("a"));
  const std::string compacted = Name(1, "." + Name(5, ".compacted.json"));
  std::string lines = RemoveLine("a");
  for (int64_t v = 1; v <= 5; ++v) lines += Add("f" + std::to_string(v));
  Put(compacted, lines);
  store->gets = 0;
  const auto snapshot = *Fresh()->Latest();
  EXPECT_EQ(snapshot->num_files(), 6u);
  EXPECT_FALSE(snapshot->FindFile("a"));
  EXPECT_EQ(snapshot->Tombstones().size(), 1u);
  EXPECT_LE(store->gets, 4) << "hint, commit 0, the compacted file, commit 6";
  EXPECT_EQ(FilesAt(3), 4u) << "a version inside the range is built from commits";
  Put(compacted, "{torn");
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 6u);
  Remove(CommitName(Version(2)));
  EXPECT_EQ(ErrorAt().code(), StatusCode::kCorruption);
}

TEST_F(TableTest, TimestampsAreMadeMonotone) {
  SimpleLog(4);
  const int64_t base = 1'700'000'000'000'000;
  const auto time = [&](int64_t v, int64_t ms) {
    store->times["t/_delta_log/" + CommitName(Version(v))] = base + ms * 1000;
  };
  time(0, 0);
  time(1, 1000);
  time(2, 500);  // the clock went back: counts as 1001
  time(3, 2000);
  time(4, 2000);  // the same millisecond: counts as 2001
  const auto at = [&](int64_t ms, int64_t micros = 0) {
    auto got = table->AtTimestamp(base + ms * 1000 + micros, true);
    EXPECT_TRUE(got.ok()) << got.status().ToString();
    return got.ok() ? (*got)->version().value() : -1;
  };
  EXPECT_EQ(at(0), 0);
  EXPECT_EQ(at(999), 0);
  EXPECT_EQ(at(999, 999), 0);
  EXPECT_EQ(at(1000), 1);
  EXPECT_EQ(at(1001), 2);
  EXPECT_EQ(at(1999), 2);
  EXPECT_EQ(at(2000), 3);
  EXPECT_EQ(at(2001), 4);
  EXPECT_EQ(at(9'000'000), 4);
  auto early = table->AtTimestamp(base - 1, true);
  EXPECT_EQ(early.status().code(), StatusCode::kNotFound);
  Says(early.status(), "version 0 at 2023-11-14T22:13:20");
  auto history = table->History();
  ASSERT_TRUE(history.ok());
  ASSERT_EQ(history->size(), 5u);
  EXPECT_EQ((*history)[2].timestamp_ms, base / 1000 + 1001);
  EXPECT_EQ((*history)[0].version, Version(4));
}

TEST_F(TableTest, TimestampAfterTheLastCommit) {
  SimpleLog(1);
  const int64_t last_ms = Latest()->timestamp_ms();
  EXPECT_TRUE(table->AtTimestamp(last_ms * 1000).ok());
  auto late = table->AtTimestamp((last_ms + 10) * 1000);
  EXPECT_EQ(late.status().code(), StatusCode::kInvalidArgument);
  Says(late.status(), "is after the last commit");
  EXPECT_TRUE(table->AtTimestamp((last_ms + 10) * 1000, true).ok());
}

TEST_F(TableTest, InCommitTimestamps) {
  const auto info = [](int64_t ict) {
    CommitInfo info;
    info.in_commit_timestamp_ms = ict;
    info.operation = "WRITE";
    return SerializeAction(info) + "\n";
  };
  Commit(0, Definition() + Add("f0"));
  Commit(1, Add("f1"));
  Commit(2, info(5'000) + MetadataLine({{"delta.enableInCommitTimestamps", "true"},
                                        {"delta.inCommitTimestampEnablementVersion", "2"},
                                        {"delta.inCommitTimestampEnablementTimestamp", "5000"}}));
  Commit(3, info(6'000) + Add("f3"));
  Commit(4, info(7'000) + Add("f4"));
  store->times["t/_delta_log/" + CommitName(Version(0))] = 1'000'000;
  store->times["t/_delta_log/" + CommitName(Version(1))] = 2'000'000;
  EXPECT_EQ(Latest()->timestamp_ms(), 7'000);
  const auto at = [&](int64_t ms) {
    auto got = table->AtTimestamp(ms * 1000);
    EXPECT_TRUE(got.ok()) << got.status().ToString();
    return got.ok() ? (*got)->version().value() : -1;
  };
  EXPECT_EQ(at(1'500), 0);
  EXPECT_EQ(at(4'999), 1);
  EXPECT_EQ(at(5'000), 2);
  EXPECT_EQ(at(6'500), 3);
  EXPECT_EQ(at(7'000), 4);
  EXPECT_FALSE(table->AtTimestamp(7'001'000).ok());
  EXPECT_FALSE(table->AtTimestamp(999'000).ok());
  auto history = table->History(2);
  ASSERT_TRUE(history.ok());
  ASSERT_EQ(history->size(), 2u);
  EXPECT_EQ((*history)[1].timestamp_ms, 6'000);
  // From a checkpoint at the last version the time still comes from the commit.
  PutCheckpoint(Name(4, ".checkpoint.parquet"),
                ProtocolLine() + MetadataLine({{"delta.enableInCommitTimestamps", "true"}}));
  EXPECT_EQ((*Fresh()->Latest())->timestamp_ms(), 7'000);
}

TEST_F(TableTest, HistoryAndReadCommit) {
  SimpleLog(2);
  CommitInfo info;
  info.operation = "MERGE";
  info.timestamp_ms = 5;
  std::string big = SerializeAction(info) + "\n";
  while (big.size() < 200'000) big += Add("g" + std::to_string(big.size()));
  Commit(3, big);
  auto history = table->History();
  ASSERT_TRUE(history.ok());
  EXPECT_EQ((*history)[0].info.operation, "MERGE");
  EXPECT_TRUE((*history)[1].info.operation.empty());
  auto actions = table->ReadCommit(Version(1));
  ASSERT_TRUE(actions.ok());
  EXPECT_EQ(std::get<AddFile>((*actions)[0]).path, "f1");
  EXPECT_EQ(table->ReadCommit(Version(9)).status().code(), StatusCode::kNotFound);
  // Info that is not the first line of a big commit.
  std::string late;
  while (late.size() < 100'000) late += Add("h" + std::to_string(late.size()));
  info.operation = "DELETE";
  Commit(4, late + SerializeAction(info) + "\n");
  EXPECT_EQ((*table->History(1))[0].info.operation, "DELETE");
}

TEST_F(TableTest, KeyOf) {
  EXPECT_EQ(*table->KeyOf("a/b%20c.parquet"), "t/a/b c.parquet");
  EXPECT_EQ(*table->KeyOf("p=%25/\u00e9"), "t/p=%/\u00e9");
  EXPECT_EQ(*Table::At(environment, "")->KeyOf("x"), "x");
  EXPECT_EQ(table->KeyOf("../outside").status().code(), StatusCode::kCorruption);
  EXPECT_EQ(table->KeyOf("a/%2e%2e/%2e%2e/x").status().code(), StatusCode::kCorruption);
  EXPECT_EQ(table->KeyOf("/lake/x").status().code(), StatusCode::kUnsupported);
  store->engine_root = "/lake";
  EXPECT_EQ(*table->KeyOf("/lake/other/x%20y"), "other/x y");
  EXPECT_EQ(*table->KeyOf("file:///lake/other/x"), "other/x");
  EXPECT_EQ(table->KeyOf("/lakes/x").status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(table->KeyOf("s3://bucket/x").status().code(), StatusCode::kUnsupported);
}

TEST_F(TableTest, WriteCheckpointAndReadItBack) {
  SimpleLog(5);
  const int64_t now_ms = clock.NowMillis();
  RemoveFile young, old;
  young.path = "f1";
  young.deletion_timestamp_ms = now_ms - 1000;
  young.size_bytes = 10;
  old.path = "f2";
  old.deletion_timestamp_ms = now_ms - 8 * 86'400'000LL;
  Commit(6, SerializeActions({young, old, SetTransaction{"app", 4, {}},
                              DomainMetadata{"d", "c", false}, DomainMetadata{"e", "c", true}}));
  const auto snapshot = Latest();
  ASSERT_TRUE(table->WriteCheckpoint(snapshot).ok());
  ASSERT_TRUE(table->WriteCheckpoint(snapshot).ok()) << "twice is fine";
  auto hint = store->Get("t/_delta_log/_last_checkpoint");
  ASSERT_TRUE(hint.ok());
  const auto json = nlohmann::json::parse(*hint);
  EXPECT_EQ(json["version"], 6);
  EXPECT_EQ(json["numOfAddFiles"], 4);
  EXPECT_EQ(json["size"], 2 + 1 + 1 + 4 + 1);
  EXPECT_EQ(json["checksum"], Md5Hex(*CanonicalJson(*hint)));
  EXPECT_EQ(ReadCheckpointHint(*store, "t"), Version(6));
  for (int64_t v = 0; v <= 5; ++v) Remove(CommitName(Version(v)));
  const auto again = *Fresh()->Latest();
  EXPECT_EQ(Paths(again), Paths(snapshot));
  EXPECT_EQ(again->total_size_bytes(), snapshot->total_size_bytes());
  ASSERT_EQ(again->Tombstones().size(), 1u) << "the old tombstone has expired";
  EXPECT_EQ(again->Tombstones()[0].size_bytes, 10);
  EXPECT_EQ(again->AppTransaction("app")->version, 4);
  EXPECT_EQ(again->Domains().size(), 1u);
  // An older checkpoint written late does not turn the hint back.
  Commit(7, Add("f7"));
  ASSERT_TRUE(table->WriteCheckpoint(Latest()).ok());
  ASSERT_TRUE(table->WriteCheckpoint(snapshot).ok());
  EXPECT_EQ(ReadCheckpointHint(*store, "t"), Version(7));
}

TEST_F(TableTest, WithoutParquetTheCommitsMustDo) {
  SimpleLog(3);
  PutCheckpoint(Name(2, ".checkpoint.parquet"), State(2));
  environment.checkpoint_format = nullptr;
  EXPECT_EQ((*Fresh()->Latest())->num_files(), 4u);
  EXPECT_EQ(Fresh()->WriteCheckpoint(*Fresh()->Latest()).code(), StatusCode::kUnsupported);
}

TEST_F(TableTest, ReadersAndAWriterAtOnce) {
  SimpleLog(0);
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      int64_t last = 0;
      while (!done) {
        auto snapshot = table->Latest();
        ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
        const int64_t version = (*snapshot)->version().value();
        ASSERT_GE(version, last) << "a handle never goes back";
        ASSERT_EQ((*snapshot)->num_files(), static_cast<uint32_t>(version + 1));
        ASSERT_TRUE((*snapshot)->FindFile("f" + std::to_string(version)));
        ASSERT_FALSE((*snapshot)->FindFile("f" + std::to_string(version + 1)));
        last = version;
      }
    });
  }
  for (int64_t v = 1; v <= 300; ++v) Commit(v, Add("f" + std::to_string(v)));
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(Latest()->num_files(), 301u);
}

// Damaged bytes anywhere in a log give an error or a state, never a crash; the same bytes, the same
// answer.
TEST_F(TableTest, RandomDamageIsSurvived) {
  const std::string good = Definition() + Add("a b", 3, Records(4) + Vector("v")) +
                           RemoveLine("c") + SerializeAction(SetTransaction{"app", 1, {}}) + "\n" +
                           SerializeAction(DomainMetadata{"d", "{}", false}) + "\n";
  SeededRandom random(11);
  int errors = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (uint64_t n = 1 + random.Uniform(3); n-- > 0 && !bytes.empty();) {
      const size_t at = random.Uniform(bytes.size());
      switch (random.Uniform(4)) {
        case 0: bytes[at] = static_cast<char>(random.NextU64()); break;
        case 1: bytes.erase(at, 1 + random.Uniform(20)); break;
        case 2:
          bytes.insert(at, bytes.substr(random.Uniform(bytes.size()), random.Uniform(30)));
          break;
        default: bytes.resize(at + 1);
      }
    }
    Commit(0, bytes);
    const auto first = Fresh()->Latest(), second = Fresh()->Latest();
    ASSERT_EQ(first.ok(), second.ok());
    if (!first.ok()) {
      ++errors;
      ASSERT_EQ(first.status().message(), second.status().message());
      ASSERT_EQ(first.status().message().find('\n'), std::string::npos) << "one line";
      continue;
    }
    for (uint32_t f = 0; f < (*first)->num_files(); ++f) {
      ASSERT_EQ((*first)->FindFile((*first)->File(FileIndex(f)).path), FileIndex(f));
    }
  }
  EXPECT_GT(errors, 1000);
}

}  // namespace
}  // namespace tarn::delta
