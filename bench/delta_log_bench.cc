// What a commit and the opening of a log cost, without a SQL engine.
//
//   Commit/N      one durable append (fsync of file and folder) on a log that holds N commits
//   already FsyncProxy    the least a durable commit can cost here: write, fsync, link, fsync of
//   the folder OpenJson/N    opening a table of N JSON commits without a checkpoint Refresh/N
//   noticing one new commit on an open table of N
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "delta/table.h"
#include "delta/transaction.h"
#include "store/object_store.h"

namespace tarn::delta {
namespace {

namespace fs = std::filesystem;

constexpr char kSchema[] =
    R"({"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},)"
    R"({"name":"day","type":"date","nullable":true,"metadata":{}}]})";

struct ScratchLake {
  explicit ScratchLake(bool fsync) {
    std::string pattern = (fs::temp_directory_path() / "tarn-bench-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    store::LocalStoreOptions options;
    options.fsync = fsync;
    environment.store = store::OpenLocalStore(folder.string(), options).value();
  }
  ~ScratchLake() { fs::remove_all(folder); }
  fs::path folder;
  TableEnvironment environment;
};

AddFile NumberedFile(int64_t number) {
  AddFile file;
  const std::string day = "2026-01-" + std::to_string(10 + number % 20);
  file.path = "day=" + day + "/part-" + std::to_string(number) + ".parquet";
  file.partition_values["day"] = day;
  file.size_bytes = 1'000'000 + number;
  file.modification_time_ms = 1'790'000'000'000 + number;
  const std::string low = std::to_string(number);
  const std::string high = std::to_string(number + 1000);
  file.stats = R"({"numRecords":1000,"minValues":{"id":)" + low + R"(},"maxValues":{"id":)" + high +
               R"(},"nullCount":{"id":0}})";
  return file;
}

void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

// A table of `commits` appends after its creation. Checkpoints are off: they need a Parquet
// library.
std::shared_ptr<Table> MakeTable(ScratchLake& lake, int64_t commits) {
  auto table = Table::At(lake.environment, "t");
  Metadata metadata;
  metadata.id = MakeUuid(Random::System());
  metadata.schema_string = kSchema;
  metadata.partition_columns = {"day"};
  metadata.configuration["delta.checkpointInterval"] = "1000000";
  Require((*Transaction::Create(table, metadata))->Commit().status());
  for (int64_t i = 0; i < commits; ++i) {
    auto transaction = std::move(*Transaction::Begin(table, *table->Latest()));
    Require(transaction->AddDataFile(NumberedFile(i)));
    Require(transaction->Commit().status());
  }
  return table;
}

void BM_Commit(benchmark::State& state) {
  ScratchLake lake(true);
  auto table = MakeTable(lake, state.range(0));
  int64_t number = state.range(0);
  for (auto _ : state) {
    auto transaction = std::move(*Transaction::Begin(table, *table->Latest()));
    Require(transaction->AddDataFile(NumberedFile(number++)));
    Require(transaction->Commit().status());
  }
}
BENCHMARK(BM_Commit)->Name("Commit")->Arg(50)->Arg(1000)->Arg(5000)->Iterations(200)->UseRealTime();

void BM_FsyncProxy(benchmark::State& state) {
  ScratchLake lake(true);
  int64_t number = 0;
  const std::string bytes(500, 'x');
  for (auto _ : state) {
    Require(lake.environment.store->Put("log/" + std::to_string(number++), bytes,
                                        store::PutMode::kCreateOnly));
  }
}
BENCHMARK(BM_FsyncProxy)->Name("FsyncProxy")->Iterations(200)->UseRealTime();

void BM_OpenJson(benchmark::State& state) {
  ScratchLake lake(false);
  MakeTable(lake, state.range(0));
  for (auto _ : state) {
    auto table = Table::At(lake.environment, "t");
    benchmark::DoNotOptimize((*table->Latest())->num_files());
  }
}
BENCHMARK(BM_OpenJson)->Name("OpenJson")->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);

void BM_Refresh(benchmark::State& state) {
  ScratchLake lake(false);
  MakeTable(lake, state.range(0));
  auto reader = Table::At(lake.environment, "t");
  auto writer = Table::At(lake.environment, "t");
  Require(reader->Latest().status());
  int64_t number = state.range(0);
  for (auto _ : state) {
    state.PauseTiming();
    auto transaction = std::move(*Transaction::Begin(writer, *writer->Latest()));
    Require(transaction->AddDataFile(NumberedFile(number++)));
    Require(transaction->Commit().status());
    state.ResumeTiming();
    benchmark::DoNotOptimize((*reader->Latest())->num_files());
  }
}
BENCHMARK(BM_Refresh)->Name("Refresh")->Arg(100)->Arg(10'000)->Iterations(200);

}  // namespace
}  // namespace tarn::delta

BENCHMARK_MAIN();
