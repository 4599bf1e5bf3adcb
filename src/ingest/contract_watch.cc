#include "ingest/contract_watch.h"

namespace tarn::ingest {
namespace {

constexpr int64_t kCollectEveryMicros = 10'000'000;

}  // namespace

Result<std::unique_ptr<ContractWatch>> ContractWatch::Make(engine::Engine& engine,
                                                           ContractJudgeOptions options) {
  auto out = std::make_unique<ContractWatch>();
  out->before_ = options.before;
  out->clock_ = options.clock;
  out->collected_micros_ = options.clock->MonotonicMicros();
  if (options.contracts.empty()) return out;
  TARN_ASSIGN_OR_RETURN(out->results_, ContractResults::Open(engine, *options.clock));
  options.on_table = [results = out->results_.get()](const std::string& table) {
    return results->Follow(table);
  };
  TARN_ASSIGN_OR_RETURN(out->judge_, ContractRecordJudge::Make(std::move(options)));
  return out;
}

RecordJudge* ContractWatch::judge() { return judge_ != nullptr ? judge_.get() : before_; }

void ContractWatch::Tick() {
  if (results_ == nullptr) return;
  const int64_t now = clock_->MonotonicMicros();
  if (now - collected_micros_ < kCollectEveryMicros) return;
  collected_micros_ = now;
  (void)results_->Collect();  // what failed is collected by the next one
}

Status ContractWatch::Finish() { return results_ == nullptr ? Status::Ok() : results_->Collect(); }

}  // namespace tarn::ingest
