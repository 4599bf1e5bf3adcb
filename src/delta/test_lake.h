// A table in a memory store for tests: short ways to commit, and a store that fails on demand.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "delta/table.h"
#include "delta/transaction.h"
#include "store/object_store.h"

namespace tarn::delta::testing {

enum class Fault {
  kNone,
  kFailBefore,   // nothing happened, and the caller is told so
  kLostRequest,  // nothing happened, and the caller cannot know
  kLostReply,    // it happened, and the caller cannot know
};

// Passes calls on, after asking `hook` what to do with each. Not for threads.
class FaultyStore final : public store::ObjectStore {
 public:
  using Hook = std::function<Fault(const std::string& operation, const std::string& key)>;
  explicit FaultyStore(std::shared_ptr<store::ObjectStore> inner) : inner_(std::move(inner)) {}
  void SetHook(Hook hook) { hook_ = std::move(hook); }

  Result<std::string> Get(const std::string& key) override {
    TARN_RETURN_IF_ERROR(Read("get", key));
    return inner_->Get(key);
  }
  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override {
    TARN_RETURN_IF_ERROR(Read("get", key));
    return inner_->GetRange(key, offset, length);
  }
  Result<store::ObjectInfo> Head(const std::string& key) override {
    TARN_RETURN_IF_ERROR(Read("head", key));
    return inner_->Head(key);
  }
  Status Put(const std::string& key, std::string_view bytes, store::PutMode mode) override {
    switch (Ask("put", key)) {
      case Fault::kNone: return inner_->Put(key, bytes, mode);
      case Fault::kFailBefore: return Status::Io("put refused: " + key, RetryClass::kBackoff);
      case Fault::kLostRequest: return Status::OutcomeUnknown("no reply: " + key);
      case Fault::kLostReply: {
        const Status status = inner_->Put(key, bytes, mode);
        return status.ok() ? Status::OutcomeUnknown("no reply: " + key) : status;
      }
    }
    return Status::Internal("unreachable");
  }
  Result<std::unique_ptr<store::ObjectWriter>> OpenWriter(const std::string& key,
                                                          store::PutMode mode) override {
    TARN_RETURN_IF_ERROR(Read("writer", key));
    return inner_->OpenWriter(key, mode);
  }
  Status Delete(const std::string& key) override {
    TARN_RETURN_IF_ERROR(Read("delete", key));
    return inner_->Delete(key);
  }
  Result<std::vector<store::ObjectInfo>> List(const std::string& prefix,
                                              const std::string& start_after,
                                              size_t limit) override {
    TARN_RETURN_IF_ERROR(Read("list", prefix));
    return inner_->List(prefix, start_after, limit);
  }
  Result<Listing> ListFolder(const std::string& folder) override {
    TARN_RETURN_IF_ERROR(Read("list", folder));
    return inner_->ListFolder(folder);
  }
  std::string EnginePath(const std::string& key) const override { return inner_->EnginePath(key); }
  std::string Describe() const override { return inner_->Describe(); }

 private:
  Fault Ask(const std::string& operation, const std::string& key) {
    const Hook hook = hook_;  // a hook may replace itself
    return hook ? hook(operation, key) : Fault::kNone;
  }
  Status Read(const std::string& operation, const std::string& key) {
    if (Ask(operation, key) == Fault::kNone) return Status::Ok();
    return Status::Io(operation + " failed: " + key, RetryClass::kBackoff);
  }
  std::shared_ptr<store::ObjectStore> inner_;
  Hook hook_;
};

inline constexpr char kPlainSchema[] =
    R"({"type":"struct","fields":[)"
    R"({"name":"id","type":"long","nullable":true,"metadata":{}},)"
    R"({"name":"name","type":"string","nullable":true,"metadata":{}},)"
    R"({"name":"day","type":"date","nullable":true,"metadata":{}}]})";

// A lake of one store, clock and random.
struct TestLake {
  std::shared_ptr<store::ObjectStore> memory = store::MakeMemoryStore();
  std::shared_ptr<FaultyStore> store = std::make_shared<FaultyStore>(memory);
  ManualClock clock{1'700'000'000'000'000};
  SeededRandom random{42};

  // A handle of its own, as another process would have.
  std::shared_ptr<Table> Open(const std::string& root = "t") {
    TableEnvironment environment;
    environment.store = store;
    environment.clock = &clock;
    environment.random = &random;
    return Table::At(environment, root);
  }
  static Metadata PlainMetadata(StringMap properties = {},
                                std::vector<std::string> partition_columns = {}) {
    Metadata metadata;
    metadata.schema_string = kPlainSchema;
    metadata.configuration = std::move(properties);
    metadata.partition_columns = std::move(partition_columns);
    return metadata;
  }
  std::shared_ptr<Table> Create(StringMap properties = {},
                                std::vector<std::string> partition_columns = {}) {
    auto table = Open();
    auto transaction = Transaction::Create(
        table, PlainMetadata(std::move(properties), std::move(partition_columns)));
    EXPECT_TRUE(transaction.ok()) << transaction.status().ToString();
    auto result = (*transaction)->Commit();
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return table;
  }
};

// A file whose column `id` spans [low, high].
inline AddFile MakeFile(const std::string& path, int64_t low, int64_t high,
                        PartitionValues partition = {}) {
  AddFile file;
  file.path = path;
  file.size_bytes = 100;
  file.modification_time_ms = 1;
  file.partition_values = std::move(partition);
  file.stats = "{\"numRecords\":" + std::to_string(high - low + 1) +
               ",\"minValues\":{\"id\":" + std::to_string(low) +
               "},\"maxValues\":{\"id\":" + std::to_string(high) + "},\"nullCount\":{\"id\":0}}";
  return file;
}

inline std::unique_ptr<Transaction> Begin(const std::shared_ptr<Table>& table) {
  auto latest = table->Latest();
  EXPECT_TRUE(latest.ok()) << latest.status().ToString();
  auto transaction = Transaction::Begin(table, *latest);
  EXPECT_TRUE(transaction.ok()) << transaction.status().ToString();
  return std::move(*transaction);
}

inline Result<CommitResult> Append(const std::shared_ptr<Table>& table, const AddFile& file) {
  auto transaction = Begin(table);
  TARN_RETURN_IF_ERROR(transaction->AddDataFile(file));
  return transaction->Commit();
}

inline std::vector<std::string> Paths(const Snapshot& snapshot) {
  std::vector<std::string> out;
  for (uint32_t i = 0; i < snapshot.num_files(); ++i)
    out.push_back(snapshot.File(FileIndex(i)).path);
  return out;
}

inline Predicate IdEquals(int64_t id) {
  return Predicate::Compare(PredicateKind::kEqual, {"id"}, Value(Value::Rep(id)));
}

}  // namespace tarn::delta::testing
