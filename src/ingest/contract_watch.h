// ContractWatch: what a stream needs of contracts while it runs: the judge for its records, and
// system.contract_results kept up to date from its commits.
//
// Threads: one user at a time (the ingesting thread). The engine and the judge in front outlive it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "ingest/contract_record_judge.h"
#include "ingest/contract_results.h"

namespace tarn::ingest {

class ContractWatch {
 public:
  // `options.on_table` is set here. Without contracts it judges with the judge in front alone.
  static Result<std::unique_ptr<ContractWatch>> Make(engine::Engine& engine,
                                                     ContractJudgeOptions options);

  // Null: nothing is judged.
  RecordJudge* judge();
  // After progress: collects now and then. A failure is kept for the next time.
  void Tick();
  // At the end of a run: collects what is there.
  Status Finish();

 private:
  std::unique_ptr<ContractResults> results_;    // null: no contracts
  std::unique_ptr<ContractRecordJudge> judge_;  // null: no contracts
  RecordJudge* before_ = nullptr;
  Clock* clock_ = nullptr;
  int64_t collected_micros_ = 0;
};

}  // namespace tarn::ingest
