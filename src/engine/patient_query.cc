#include "engine/patient_query.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "duckdb/main/pending_query_result.hpp"

namespace tarn::engine {
namespace {

using duckdb::PendingExecutionResult;

// Grows while nothing is to be done: the end of a pipeline takes microseconds, a disk milliseconds.
class Pause {
 public:
  void Take() {
    if (taken_ < kYields) {
      ++taken_;
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(micros_));
    micros_ = std::min(kLongestMicros, 2 * micros_);
  }
  void Reset() { *this = Pause(); }

 private:
  static constexpr int kYields = 8, kLongestMicros = 200;
  int taken_ = 0;
  int micros_ = 20;
};

}  // namespace

std::unique_ptr<duckdb::QueryResult> RunPatiently(
    duckdb::Connection& connection, duckdb::unique_ptr<duckdb::SQLStatement> statement,
    duckdb::QueryResultOutputType output) {
  auto pending = connection.PendingQuery(std::move(statement), duckdb::QueryParameters(output));
  if (pending->HasError()) {
    return std::make_unique<duckdb::MaterializedQueryResult>(pending->GetErrorObject());
  }
  Pause pause;
  for (;;) {
    const PendingExecutionResult now = pending->ExecuteTask();
    if (duckdb::PendingQueryResult::IsResultReady(now)) break;
    if (now == PendingExecutionResult::BLOCKED) {
      pending->WaitForTask();
    } else if (now == PendingExecutionResult::NO_TASKS_AVAILABLE) {
      pause.Take();
    } else {
      pause.Reset();
    }
  }
  if (pending->HasError()) {  // Execute() would hide the error behind one about itself
    return std::make_unique<duckdb::MaterializedQueryResult>(pending->GetErrorObject());
  }
  return pending->Execute();
}

}  // namespace tarn::engine
