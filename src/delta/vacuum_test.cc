#include "delta/vacuum.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/history.h"
#include "delta/log.h"
#include "delta/maintain_bins.h"
#include "delta/path_key.h"
#include "delta/restore.h"
#include "delta/shallow_clone.h"
#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::TestLake;

constexpr int64_t kHourMs = 3'600'000;

// Times by a manual clock, paths as on a disk.
class ClockedStore final : public store::ObjectStore {
 public:
  ClockedStore(std::shared_ptr<store::ObjectStore> inner, Clock* clock)
      : inner_(std::move(inner)), clock_(clock) {}

  Result<std::string> Get(const std::string& key) override { return inner_->Get(key); }
  Result<std::string> GetRange(const std::string& key, uint64_t from, uint64_t length) override {
    return inner_->GetRange(key, from, length);
  }
  Result<store::ObjectInfo> Head(const std::string& key) override {
    TARN_ASSIGN_OR_RETURN(auto info, inner_->Head(key));
    info.modified_micros = times_[key];
    return info;
  }
  Status Put(const std::string& key, std::string_view bytes, store::PutMode mode) override {
    const Status status = inner_->Put(key, bytes, mode);
    if (status.ok()) times_[key] = clock_->NowMicros();
    return status;
  }
  Result<std::unique_ptr<store::ObjectWriter>> OpenWriter(const std::string& key,
                                                          store::PutMode mode) override {
    return inner_->OpenWriter(key, mode);
  }
  Status Delete(const std::string& key) override { return inner_->Delete(key); }
  Result<std::vector<store::ObjectInfo>> List(const std::string& prefix, const std::string& after,
                                              size_t limit) override {
    TARN_ASSIGN_OR_RETURN(auto all, inner_->List(prefix, after, limit));
    for (auto& info : all) info.modified_micros = times_[info.key];
    return all;
  }
  Result<Listing> ListFolder(const std::string& folder) override {
    return inner_->ListFolder(folder);
  }
  std::string EnginePath(const std::string& key) const override { return "/mem/" + key; }
  std::string Describe() const override { return "/mem"; }

 private:
  std::shared_ptr<store::ObjectStore> inner_;
  Clock* clock_;
  std::map<std::string, int64_t> times_;
};

using Rows = std::multiset<int64_t>;

// A lake of tables whose data files are texts of row ids, beside a model of what each version says.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {
    store_ = std::make_shared<ClockedStore>(store::MakeMemoryStore(), &clock_);
    Make("a");
  }

  std::shared_ptr<Table> Open(const std::string& root) {
    TableEnvironment environment;
    environment.store = store_;
    environment.clock = &clock_;
    environment.random = &random_;
    return Table::At(environment, root);
  }

  void Make(const std::string& root) {
    auto table = Open(root);
    auto transaction = Transaction::Create(
        table, TestLake::PlainMetadata({{"delta.enableDeletionVectors", "true"},
                                        {"delta.enableChangeDataFeed", "true"}}));
    ASSERT_TRUE(transaction.ok()) << transaction.status().ToString();
    Record(table, (*transaction)->Commit(), {});
  }

  void Step() {
    clock_.Advance(static_cast<int64_t>(random_.Uniform(6 * kHourMs) * 1000 + 2000));
    const auto tables = Names();
    const std::string root = tables[random_.Uniform(tables.size())];
    auto table = Open(root);
    switch (random_.Uniform(12)) {
      case 0: return Vacuum(table);
      case 1: return Restore(table);
      case 2: return Clone(table);
      case 3: return Overwrite(table);
      case 4:
      case 5: return Optimize(table);
      case 6:
      case 7:
      case 8: return DeleteRows(table);
      case 9: return Race(table);
      default: return Append(table);
    }
  }

  // Every version that must be readable is, and says what it said.
  void Check(const std::string& why) {
    for (const std::string& root : Names()) {
      auto table = Open(root);
      auto listing = ListLog(*store_, root);
      ASSERT_TRUE(listing.ok());
      const auto times = FileTimes(*listing);
      for (size_t i = 0; i < times.size(); ++i) {
        const bool newest = i + 1 == times.size();
        const int64_t until = newest ? INT64_MAX : times[i + 1].timestamp_ms;
        if (until < cutoff_[root]) continue;
        if (times[i].timestamp_ms >= cutoff_[root]) CheckChangeData(*table, times[i].version);
        auto snapshot = table->At(times[i].version);
        ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
        const auto rows = Read(*table, **snapshot);
        ASSERT_TRUE(rows.ok()) << why << ": " << root << " version " << times[i].version.value()
                               << ": " << rows.status().ToString();
        ASSERT_EQ(*rows, model_[root].at(times[i].version.value()))
            << why << ": " << root << " version " << times[i].version.value();
      }
    }
  }

  void CheckChangeData(Table& table, Version version) {
    const auto actions = table.ReadCommit(version);
    ASSERT_TRUE(actions.ok());
    for (const Action& action : *actions) {
      const auto* file = std::get_if<AddCdcFile>(&action);
      if (file == nullptr) continue;
      ASSERT_TRUE(store_->Head(table.root() + "/" + file->path).ok())
          << table.root() << " version " << version.value() << " lost " << file->path;
    }
  }

  int64_t deleted() const { return deleted_; }
  int clones() const { return clones_; }

 private:
  std::vector<std::string> Names() const {
    std::vector<std::string> out;
    for (const auto& [root, versions] : model_) out.push_back(root);
    return out;
  }

  void Record(const std::shared_ptr<Table>& table, const Result<CommitResult>& result, Rows rows) {
    if (!result.ok()) {
      ASSERT_EQ(result.status().code(), StatusCode::kConflict) << result.status().ToString();
      return;
    }
    // Versions in between were recorded by those who made them.
    model_[table->root()][result->version.value()] = std::move(rows);
  }

  Rows Current(const std::string& root) { return model_[root].rbegin()->second; }

  AddFile WriteFile(const std::string& root, const std::vector<int64_t>& rows) {
    AddFile file = testing::MakeFile("part-" + std::to_string(++names_) + ".parquet", 1,
                                     static_cast<int64_t>(rows.size()));
    std::string text;
    for (const int64_t row : rows) text += std::to_string(row) + "\n";
    EXPECT_TRUE(store_->Put(root + "/" + file.path, text, store::PutMode::kCreateOnly).ok());
    return file;
  }

  std::vector<int64_t> Fresh() {
    std::vector<int64_t> rows(10 + random_.Uniform(80));
    for (int64_t& row : rows) row = ++row_;
    return rows;
  }

  // Physical rows of a file; the store is found as a reader would.
  Result<std::vector<int64_t>> Physical(Table& table, const std::string& path) {
    TARN_ASSIGN_OR_RETURN(const std::string key, table.KeyOf(path));
    TARN_ASSIGN_OR_RETURN(const std::string text, store_->Get(key));
    std::vector<int64_t> out;
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      out.push_back(std::stoll(text.substr(at, end - at)));
      at = end + 1;
    }
    return out;
  }

  Result<std::vector<int64_t>> ReadFile(Table& table, const AddFile& file) {
    TARN_ASSIGN_OR_RETURN(const auto physical, Physical(table, file.path));
    RowSet deleted;
    if (file.deletion_vector) {
      TARN_ASSIGN_OR_RETURN(deleted,
                            ReadDeletionVector(*store_, table.root(), *file.deletion_vector));
    }
    std::vector<int64_t> out;
    for (size_t i = 0; i < physical.size(); ++i) {
      if (!deleted.Contains(i)) out.push_back(physical[i]);
    }
    return out;
  }

  Result<Rows> Read(Table& table, const Snapshot& snapshot) {
    Rows rows;
    for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
      TARN_ASSIGN_OR_RETURN(const auto part, ReadFile(table, snapshot.File(FileIndex(i))));
      rows.insert(part.begin(), part.end());
    }
    return rows;
  }

  void Append(const std::shared_ptr<Table>& table) {
    const auto fresh = Fresh();
    auto transaction = testing::Begin(table);
    ASSERT_TRUE(transaction->AddDataFile(WriteFile(table->root(), fresh)).ok());
    Rows rows = Current(table->root());
    rows.insert(fresh.begin(), fresh.end());
    Record(table, transaction->Commit(), std::move(rows));
  }

  // A writer that began on an older version: what it appends is rebased over the others.
  void Race(const std::shared_ptr<Table>& table) {
    auto late = testing::Begin(Open(table->root()));
    const auto fresh = Fresh();
    ASSERT_TRUE(late->AddDataFile(WriteFile(table->root(), fresh)).ok());
    DeleteRows(table);
    clock_.Advance(static_cast<int64_t>(random_.Uniform(kHourMs)) * 1000 + 1000);
    Rows rows = Current(table->root());
    rows.insert(fresh.begin(), fresh.end());
    Record(table, late->Commit(), std::move(rows));
  }

  void Overwrite(const std::shared_ptr<Table>& table) {
    auto transaction = testing::Begin(table);
    transaction->ReadWholeTable();
    for (uint32_t i = 0; i < transaction->base()->num_files(); ++i) {
      ASSERT_TRUE(transaction->RemoveDataFile(FileIndex(i)).ok());
    }
    const auto fresh = Fresh();
    ASSERT_TRUE(transaction->AddDataFile(WriteFile(table->root(), fresh)).ok());
    Record(table, transaction->Commit(), Rows(fresh.begin(), fresh.end()));
  }

  void DeleteRows(const std::shared_ptr<Table>& table) {
    auto transaction = testing::Begin(table);
    const Snapshot& base = *transaction->base();
    if (base.num_files() == 0) return;
    const FileIndex index(static_cast<uint32_t>(random_.Uniform(base.num_files())));
    const AddFile file = base.File(index);
    RowSet gone;
    if (file.deletion_vector) {
      auto old = ReadDeletionVector(*store_, table->root(), *file.deletion_vector);
      ASSERT_TRUE(old.ok()) << old.status().ToString();
      gone = *old;
    }
    const auto physical = Physical(*table, file.path);
    ASSERT_TRUE(physical.ok()) << physical.status().ToString();
    Rows rows = Current(table->root());
    std::string changes;
    for (size_t i = 0; i < physical->size(); ++i) {
      if (random_.Uniform(2) == 0 || gone.Contains(i)) continue;
      gone.Add(i);
      rows.erase(rows.find((*physical)[i]));
      changes += std::to_string((*physical)[i]) + "\n";
    }
    auto vectors = WriteDeletionVectors(*store_, table->root(), {gone}, random_);
    ASSERT_TRUE(vectors.ok());
    transaction->ReadFile(index);
    ASSERT_TRUE(transaction->UpdateDeletionVector(index, vectors->front()).ok());
    const std::string cdc = "_change_data/cdc-" + std::to_string(++names_) + ".parquet";
    ASSERT_TRUE(store_->Put(table->root() + "/" + cdc, changes, store::PutMode::kCreateOnly).ok());
    transaction->AddChangeFile({cdc, {}, 10, {}});
    // Files may be a good deal older than the commit that names them.
    clock_.Advance(static_cast<int64_t>(random_.Uniform(8 * kHourMs)) * 1000);
    Record(table, transaction->Commit(), std::move(rows));
  }

  void Optimize(const std::shared_ptr<Table>& table) {
    auto transaction = testing::Begin(table);
    const Snapshot& base = *transaction->base();
    std::vector<FileIndex> all;
    for (uint32_t i = 0; i < base.num_files(); ++i) all.push_back(FileIndex(i));
    for (const Bin& bin : PlanBins(base, all, {})) {
      std::vector<int64_t> rows;
      for (const AddFile& file : bin.files) {
        const auto part = ReadFile(*table, file);
        ASSERT_TRUE(part.ok()) << part.status().ToString();
        rows.insert(rows.end(), part->begin(), part->end());
      }
      const auto same = FindUnchanged(base, bin);
      ASSERT_TRUE(same.has_value());
      for (const FileIndex index : *same) {
        ASSERT_TRUE(transaction->RemoveDataFile(index, false).ok());
      }
      AddFile file = WriteFile(table->root(), rows);
      file.data_change = false;
      ASSERT_TRUE(transaction->AddDataFile(file).ok());
    }
    if (!transaction->HasChanges()) return;
    Record(table, transaction->Commit(), Current(table->root()));
  }

  void Restore(const std::shared_ptr<Table>& table) {
    const auto& versions = model_[table->root()];
    auto chosen = versions.begin();
    std::advance(chosen, random_.Uniform(versions.size()));
    auto target = table->At(Version(chosen->first));
    ASSERT_TRUE(target.ok()) << target.status().ToString();
    const Rows rows = chosen->second;
    auto outcome = delta::Restore(table, *target, {});
    if (!outcome.ok()) {
      // Its files are gone: allowed only outside the retention, where Check does not look.
      ASSERT_EQ(outcome.status().code(), StatusCode::kNotFound) << outcome.status().ToString();
      return;
    }
    model_[table->root()][outcome->version.value()] = rows;
  }

  void Clone(const std::shared_ptr<Table>& table) {
    if (model_.size() >= 5) return;
    const auto& versions = model_[table->root()];
    auto chosen = versions.end();
    std::advance(chosen,
                 -1 - static_cast<int64_t>(random_.Uniform(std::min<size_t>(versions.size(), 4))));
    CloneRequest request;
    request.source = table;
    request.version = *table->At(Version(chosen->first));
    request.target = Open("clone" + std::to_string(model_.size()));
    request.source_name = table->root();
    request.open = Opener();
    const Rows rows = chosen->second;
    auto outcome = ShallowClone(request);
    if (!outcome.ok()) {
      ASSERT_EQ(outcome.status().code(), StatusCode::kNotFound) << outcome.status().ToString();
      return;
    }
    ++clones_;
    model_[request.target->root()][outcome->version.value()] = rows;
  }

  OpenLocation Opener() {
    return [this](const std::string& location) -> Result<std::shared_ptr<Table>> {
      if (location.rfind("/mem/", 0) != 0) return Status::NotFound(location);
      return Open(location.substr(5));
    };
  }

  void Vacuum(const std::shared_ptr<Table>& table) {
    VacuumOptions options;
    options.retention_ms = static_cast<int64_t>(random_.Uniform(60)) * kHourMs;
    options.check_retention = false;
    options.lite = random_.Uniform(4) == 0;
    options.dry_run = random_.Uniform(5) == 0;
    options.open_clone = Opener();
    const int64_t cutoff = clock_.NowMillis() - *options.retention_ms;
    const Rows rows = Current(table->root());
    auto outcome = delta::Vacuum(table, options);
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    if (options.dry_run) return;
    deleted_ += static_cast<int64_t>(outcome->keys.size());
    cutoff_[table->root()] = std::max(cutoff_[table->root()], cutoff);
    auto& versions = model_[table->root()];
    const int64_t last = versions.rbegin()->first;
    versions[last + 1] = rows;
    versions[last + 2] = rows;
    Check("after a VACUUM of " + table->root());
  }

  ManualClock clock_{1'700'000'000'000'000};
  SeededRandom random_;
  std::shared_ptr<ClockedStore> store_;
  std::map<std::string, std::map<int64_t, Rows>> model_;
  std::map<std::string, int64_t> cutoff_;  // what is before it may be unreadable
  int64_t names_ = 0, row_ = 0, deleted_ = 0;
  int clones_ = 0;
};

TEST(VacuumTest, KeepsEveryVersionInsideTheRetentionAndEveryClone) {
  int64_t deleted = 0;
  int clones = 0;
  const char* more = std::getenv("TARN_VACUUM_SEEDS");
  const uint64_t seeds = more ? std::strtoull(more, nullptr, 10) : 40;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    for (int step = 0; step < 60 && !::testing::Test::HasFailure(); ++step) world.Step();
    world.Check("at the end");
    ASSERT_FALSE(::testing::Test::HasFailure());
    deleted += world.deleted();
    clones += world.clones();
  }
  // The histories are of the kind that leaves something to delete.
  EXPECT_GT(deleted, static_cast<int64_t>(seeds) * 5);
  EXPECT_GT(clones, static_cast<int>(seeds));
}

// --- one rule each ---

struct VacuumLake : TestLake {
  std::shared_ptr<Table> table = Create({{"delta.enableDeletionVectors", "true"}});

  void Put(const std::string& key) {
    EXPECT_TRUE(store->Put(key, "x", store::PutMode::kOverwrite).ok());
  }
  // Files of the memory store are stamped by the real clock; this one runs ahead of it.
  Result<VacuumOutcome> Run(std::optional<int64_t> hours, bool check = false, bool dry = false) {
    clock.Advance(Clock::System().NowMicros() - clock.NowMicros() + 3'600'000'000LL * 24 * 30);
    VacuumOptions options;
    if (hours) options.retention_ms = *hours * kHourMs;
    options.check_retention = check;
    options.dry_run = dry;
    return Vacuum(table, options);
  }
};

TEST(VacuumTest, RefusesShortRetentionUnlessTold) {
  VacuumLake lake;
  const auto refused = lake.Run(1, true);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("RETAIN 1 HOURS is less than the table's 168 hours"),
            std::string::npos)
      << refused.status().message();
  EXPECT_EQ((*lake.table->Latest())->version(), Version(0));  // nothing was written
  EXPECT_TRUE(lake.Run(168, true).ok());
}

TEST(VacuumTest, LeavesHiddenNamesNestedTablesAndTheLog) {
  VacuumLake lake;
  ASSERT_TRUE(testing::Append(lake.table, testing::MakeFile("live%20one.parquet", 1, 5)).ok());
  const std::vector<std::string> kept = {"t/live one.parquet",
                                         "t/_metadata",
                                         "t/_symlink_format_manifest/manifest",
                                         "t/.hidden/x.parquet",
                                         "t/sub/_SUCCESS",
                                         "t/nested/_delta_log/0.json",
                                         "t/nested/part.parquet",
                                         "t/_delta_log/_tarn_clones/readme"};
  for (const auto& key : kept) lake.Put(key);
  ASSERT_TRUE(lake.store->Delete("t/_delta_log/_tarn_clones/readme").ok());
  const std::vector<std::string> garbage = {"t/orphan.parquet", "t/day=1/orphan.parquet",
                                            "t/_change_data/cdc-1.parquet",
                                            "t/deletion_vector_x.bin"};
  for (const auto& key : garbage) lake.Put(key);
  auto dry = lake.Run(std::nullopt, true, true);
  ASSERT_TRUE(dry.ok()) << dry.status().ToString();
  EXPECT_EQ(dry->keys.size(), garbage.size());
  for (const auto& key : garbage) EXPECT_TRUE(lake.store->Head(key).ok()) << key;
  EXPECT_EQ((*lake.table->Latest())->version(), Version(1));
  ASSERT_TRUE(lake.Run(std::nullopt, true).ok());
  for (const auto& key : garbage) EXPECT_FALSE(lake.store->Head(key).ok()) << key;
  for (size_t i = 0; i + 1 < kept.size(); ++i)
    EXPECT_TRUE(lake.store->Head(kept[i]).ok()) << kept[i];
  const auto history = lake.table->History();
  ASSERT_TRUE(history.ok());
  EXPECT_EQ((*history)[0].info.operation, "VACUUM END");
  EXPECT_EQ((*history)[0].info.operation_metrics.at("numDeletedFiles"), "4");
  EXPECT_EQ((*history)[1].info.operation, "VACUUM START");
  EXPECT_EQ((*history)[1].info.operation_metrics.at("sizeOfDataToDelete"), "4");
}

TEST(VacuumTest, DeletesNothingWhenACloneCannotBeLookedAt) {
  VacuumLake lake;
  lake.Put("t/orphan.parquet");
  ASSERT_TRUE(RegisterClone(*lake.table, "/elsewhere/clone", Version(0)).ok());
  const auto refused = lake.Run(200);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("/elsewhere/clone"), std::string::npos)
      << refused.status().message();
  EXPECT_TRUE(lake.store->Head("t/orphan.parquet").ok());
}

TEST(VacuumTest, AFailedDeleteIsToldAndTheRestGoes) {
  VacuumLake lake;
  lake.Put("t/a.parquet");
  lake.Put("t/b.parquet");
  lake.store->SetHook([](const std::string& operation, const std::string& key) {
    return operation == "delete" && key == "t/a.parquet" ? testing::Fault::kFailBefore
                                                         : testing::Fault::kNone;
  });
  const auto failed = lake.Run(200);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.status().message().find("1 of 2 files were deleted"), std::string::npos)
      << failed.status().message();
  EXPECT_FALSE(lake.store->Head("t/b.parquet").ok());
  lake.store->SetHook(nullptr);
  EXPECT_TRUE(lake.Run(200).ok());
  EXPECT_FALSE(lake.store->Head("t/a.parquet").ok());
}

}  // namespace
}  // namespace tarn::delta
