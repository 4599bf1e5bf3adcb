// A checkpoint in Parquet, through DuckDB's reader. DuckDB itself is not instrumented: what is
// tested is that damaged bytes come out as a status, and that no exception passes the border.
#include "duck/checkpoint_parquet.h"

#include "fuzz.h"

namespace {

class Sink final : public tarn::delta::CheckpointSink {
 public:
  tarn::Status OnAdd(const tarn::delta::AddView& add) override {
    bytes += add.path.size() + add.stats.size();
    return tarn::Status::Ok();
  }
  tarn::Status OnAction(tarn::delta::Action) override { return tarn::Status::Ok(); }
  size_t bytes = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  static auto* database = new duckdb::DuckDB(nullptr);
  static const auto* format = new std::shared_ptr<delta::CheckpointFormat>(
      duck::MakeParquetCheckpointFormat(*database->instance));
  auto store = store::MakeMemoryStore();
  const std::string key = "t/_delta_log/00000000000000000001.checkpoint.parquet";
  if (!store->Put(key, fuzz::TextOf(data, size), store::PutMode::kOverwrite).ok()) return 0;
  Sink sink;
  (void)(*format)->Read(*store, key, {}, &sink).ok();
  return 0;
}
