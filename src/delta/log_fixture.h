// For tests only: a table in a memory store whose log is written by hand, and a CheckpointFormat
// that keeps actions as JSON lines behind a "PAR1" mark.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "delta/checkpoint_format.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/table.h"
#include "store/object_store.h"

namespace tarn::delta {

class FakeCheckpointFormat final : public CheckpointFormat {
 public:
  static constexpr const char* kMark = "PAR1\n";
  Status Read(store::ObjectStore& store, const std::string& key, const CheckpointReadOptions&,
              CheckpointSink* sink) override {
    ++reads;
    TARN_ASSIGN_OR_RETURN(std::string bytes, store.Get(key));
    if (!bytes.starts_with(kMark)) return Status::Corruption(key + " is not a Parquet file");
    return ReadActions(bytes.substr(5), key, sink);
  }
  Result<uint64_t> Write(store::ObjectStore& store, const std::string& key, const Metadata&,
                         const std::function<Result<std::optional<Action>>()>& next) override {
    std::string bytes = kMark;
    for (;;) {
      TARN_ASSIGN_OR_RETURN(auto action, next());
      if (!action) break;
      AppendAction(*action, &bytes);
    }
    TARN_RETURN_IF_ERROR(store.Put(key, bytes, store::PutMode::kOverwrite));
    return bytes.size();
  }
  int reads = 0;
};

// Counts calls, so that tests can hold the table to what it promises about listing.
class CountingStore final : public store::ObjectStore {
 public:
  explicit CountingStore(std::shared_ptr<store::ObjectStore> inner) : inner_(std::move(inner)) {}
  Result<std::string> Get(const std::string& key) override {
    ++gets;
    return inner_->Get(key);
  }
  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override {
    return inner_->GetRange(key, offset, length);
  }
  Result<store::ObjectInfo> Head(const std::string& key) override {
    ++heads;
    return inner_->Head(key);
  }
  Status Put(const std::string& key, std::string_view bytes, store::PutMode mode) override {
    return inner_->Put(key, bytes, mode);
  }
  Result<std::unique_ptr<store::ObjectWriter>> OpenWriter(const std::string& key,
                                                          store::PutMode mode) override {
    return inner_->OpenWriter(key, mode);
  }
  Status Delete(const std::string& key) override { return inner_->Delete(key); }
  Result<std::vector<store::ObjectInfo>> List(const std::string& prefix,
                                              const std::string& start_after,
                                              size_t limit) override {
    ++lists;
    auto listed = inner_->List(prefix, start_after, limit);
    if (listed.ok()) {
      for (auto& info : *listed) {
        const auto time = times.find(info.key);
        if (time != times.end()) info.modified_micros = time->second;
      }
    }
    return listed;
  }
  Result<Listing> ListFolder(const std::string& folder) override {
    return inner_->ListFolder(folder);
  }
  std::string EnginePath(const std::string& key) const override {
    return engine_root.empty() ? "" : engine_root + "/" + key;
  }
  std::string Describe() const override { return "the test store"; }

  int gets = 0, heads = 0, lists = 0;
  std::string engine_root;
  std::map<std::string, int64_t> times;  // modification times that List reports instead

 private:
  std::shared_ptr<store::ObjectStore> inner_;
};

inline constexpr const char* kSimpleSchema =
    R"({"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},)"
    R"({"name":"p","type":"string","nullable":true,"metadata":{}}]})";

class LogFixture : public ::testing::Test {
 protected:
  LogFixture()
      : store(std::make_shared<CountingStore>(store::MakeMemoryStore())),
        format(std::make_shared<FakeCheckpointFormat>()) {
    environment.store = store;
    environment.checkpoint_format = format;
    environment.clock = &clock;
    table = Table::At(environment, "t");
  }

  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(store->Put("t/_delta_log/" + name, bytes, store::PutMode::kOverwrite).ok());
  }
  void Remove(const std::string& name) { ASSERT_TRUE(store->Delete("t/_delta_log/" + name).ok()); }
  void Commit(int64_t version, const std::string& lines) {
    Put(CommitName(Version(version)), lines);
  }
  void PutCheckpoint(const std::string& name, const std::string& lines) {
    Put(name, FakeCheckpointFormat::kMark + lines);
  }

  static std::string ProtocolLine(int reader = 1, int writer = 2) {
    return SerializeAction(Protocol{reader, writer, {}, {}}) + "\n";
  }
  static std::string MetadataLine(StringMap configuration = {},
                                  std::vector<std::string> partitions = {}) {
    Metadata metadata;
    metadata.id = "5f3a2b10-0000-4000-8000-000000000001";
    metadata.schema_string = kSimpleSchema;
    metadata.partition_columns = std::move(partitions);
    metadata.configuration = std::move(configuration);
    return SerializeAction(metadata) + "\n";
  }
  static std::string Definition() { return ProtocolLine() + MetadataLine(); }
  static std::string Add(const std::string& path, int64_t size = 10, const std::string& more = "") {
    return R"({"add":{"path":)" + JsonQuote(path) + R"(,"partitionValues":{},"size":)" +
           std::to_string(size) + R"(,"modificationTime":1,"dataChange":true)" + more + "}}\n";
  }
  static std::string RemoveLine(const std::string& path, const std::string& more = "") {
    return R"({"remove":{"path":)" + JsonQuote(path) +
           R"(,"deletionTimestamp":1700000000000,"dataChange":true)" + more + "}}\n";
  }
  static std::string Vector(const std::string& name, int64_t cardinality = 1) {
    return R"(,"deletionVector":{"storageType":"u","pathOrInlineDv":")" + name +
           R"(","offset":1,"sizeInBytes":40,"cardinality":)" + std::to_string(cardinality) + "}";
  }
  static std::string Records(int64_t records) {
    return R"(,"stats":"{\"numRecords\":)" + std::to_string(records) + R"(}")";
  }
  // Commits 0 … last, each adding "f<version>".
  void SimpleLog(int64_t last) {
    Commit(0, Definition() + Add("f0"));
    for (int64_t version = 1; version <= last; ++version)
      Commit(version, Add("f" + std::to_string(version)));
  }

  static std::vector<std::string> Paths(const SnapshotPtr& snapshot) {
    std::vector<std::string> paths;
    for (uint32_t i = 0; i < snapshot->num_files(); ++i)
      paths.push_back(snapshot->File(FileIndex(i)).path);
    return paths;
  }
  SnapshotPtr Latest() {
    auto snapshot = table->Latest();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
    return snapshot.ok() ? *snapshot : nullptr;
  }
  // A handle without a cache.
  std::shared_ptr<Table> Fresh() { return Table::At(environment, "t"); }

  ManualClock clock{1'800'000'000'000'000};
  std::shared_ptr<CountingStore> store;
  std::shared_ptr<FakeCheckpointFormat> format;
  TableEnvironment environment;
  std::shared_ptr<Table> table;
};

}  // namespace tarn::delta
