#include "duck/file_rescan.h"

#include <algorithm>
#include <utility>

#include "duck/delta_scan.h"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/parallel/task_executor.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "duckdb/parallel/thread_context.hpp"

namespace tarn::duck {
namespace {

// A scan that sees exactly `files`, in this order: they are its only "added" files.
std::shared_ptr<DeltaScanInfo> ScanOf(const DeltaTableEntry& entry,
                                      std::vector<delta::AddFile> files) {
  auto info = MakeScanInfo(entry.QualifiedName(), entry.table(), nullptr, entry.delta_schema(),
                           entry.metadata(), nullptr);
  info->mapping = entry.column_mapping();
  auto overlay = std::make_shared<ScanOverlay>();
  overlay->added = std::move(files);
  info->overlay = std::move(overlay);
  return info;
}

class RescanTask : public duckdb::BaseExecutorTask {
 public:
  RescanTask(duckdb::TaskExecutor& executor, std::function<void()> work)
      : BaseExecutorTask(executor), work_(std::move(work)) {}
  void ExecuteTask() override { work_(); }

 private:
  std::function<void()> work_;
};

struct Rescan {
  duckdb::ClientContext& context;
  BoundDeltaScan scan;
  duckdb::vector<duckdb::column_t> columns;
  duckdb::vector<duckdb::LogicalType> types;
  duckdb::vector<duckdb::idx_t> projection;
  duckdb::unique_ptr<duckdb::GlobalTableFunctionState> global;

  duckdb::TableFunctionInitInput Input() {
    return duckdb::TableFunctionInitInput(scan.bind_data.get(), columns, projection, nullptr);
  }

  void Run(size_t worker, const RescanVisitor& visitor) {
    duckdb::ThreadContext thread(context);
    duckdb::ExecutionContext execution(context, thread, nullptr);
    auto input = Input();
    auto local = scan.function.init_local(execution, input, global.get());
    visitor.begin(execution, worker);
    duckdb::DataChunk rows;
    rows.Initialize(context, types);
    while (local) {
      if (context.interrupted) throw duckdb::InterruptException();
      rows.Reset();
      duckdb::TableFunctionInput call(scan.bind_data.get(), local.get(), global.get());
      call.results_execution_mode = duckdb::AsyncResultsExecutionMode::SYNCHRONOUS;
      scan.function.function(context, call, rows);
      if (rows.size() > 0) visitor.rows(execution, worker, rows);
      if (call.async_result.GetResultType() == duckdb::AsyncResultType::FINISHED) break;
    }
    visitor.end(execution, worker);
  }
};

}  // namespace

size_t RescanWorkers(duckdb::ClientContext& context, size_t files) {
  const size_t threads = duckdb::TaskScheduler::GetScheduler(context).NumberOfThreads();
  return std::max<size_t>(1, std::min(threads, files));
}

void RescanFiles(duckdb::ClientContext& context, const DeltaTableEntry& entry,
                 std::vector<delta::AddFile> files, const RescanVisitor& visitor) {
  if (files.empty()) return;
  const size_t workers = RescanWorkers(context, files.size());
  Rescan rescan{context, BindDeltaScan(context, ScanOf(entry, std::move(files))), {}, {}, {},
                nullptr};
  const auto& fields = entry.delta_schema().fields;
  const auto& list =
      rescan.scan.bind_data->Cast<duckdb::MultiFileBindData>().file_list->Cast<DeltaFileList>();
  for (duckdb::idx_t i = 0; i < fields.size(); ++i) {
    rescan.columns.push_back(i);
    rescan.types.push_back(list.info().types[i]);
  }
  rescan.columns.push_back(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX);
  rescan.types.push_back(duckdb::LogicalType::UBIGINT);
  rescan.columns.push_back(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER);
  rescan.types.push_back(duckdb::LogicalType::BIGINT);
  auto input = rescan.Input();
  rescan.global = rescan.scan.function.init_global(context, input);
  if (workers == 1) {
    rescan.Run(0, visitor);
    return;
  }
  duckdb::TaskExecutor executor(context);
  for (size_t worker = 0; worker < workers; ++worker) {
    executor.ScheduleTask(duckdb::make_uniq<RescanTask>(
        executor, [&rescan, &visitor, worker] { rescan.Run(worker, visitor); }));
  }
  executor.WorkOnTasks();
}

}  // namespace tarn::duck
