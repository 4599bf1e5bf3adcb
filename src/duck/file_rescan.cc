#include "duck/file_rescan.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <utility>

#include "duck/delta_scan.h"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/parallel/task_executor.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "duckdb/parallel/thread_context.hpp"

namespace tarn::duck {
namespace {

// A scan that sees exactly `files`, in this order: they are its only "added" files.
std::shared_ptr<DeltaScanInfo> ScanOf(const RescanSource& source,
                                      std::vector<delta::AddFile> files) {
  auto info =
      MakeScanInfo(source.name, source.table, nullptr, source.schema, source.metadata, nullptr);
  auto overlay = std::make_shared<ScanOverlay>();
  overlay->added = std::move(files);
  info->overlay = std::move(overlay);
  return info;
}

// Binding may touch settings of the session, and tasks of one statement may bind at once.
std::mutex& BindMutex() {
  static std::mutex mutex;
  return mutex;
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
  const RescanSource source{entry.QualifiedName(), entry.table(), entry.delta_schema(),
                            entry.metadata()};
  std::vector<duckdb::idx_t> columns(source.schema.fields.size());
  std::iota(columns.begin(), columns.end(), duckdb::idx_t{0});
  const size_t workers = RescanWorkers(context, files.size());
  RescanFiles(context, source, std::move(files), columns, workers, visitor);
}

void RescanFiles(duckdb::ClientContext& context, const RescanSource& source,
                 std::vector<delta::AddFile> files, const std::vector<duckdb::idx_t>& columns,
                 size_t workers, const RescanVisitor& visitor) {
  if (files.empty()) return;
  workers = std::min(workers, RescanWorkers(context, files.size()));
  std::unique_lock<std::mutex> binding(BindMutex());
  Rescan rescan{context, BindDeltaScan(context, ScanOf(source, std::move(files))), {}, {}, {},
                nullptr};
  binding.unlock();
  const auto& list =
      rescan.scan.bind_data->Cast<duckdb::MultiFileBindData>().file_list->Cast<DeltaFileList>();
  for (const duckdb::idx_t column : columns) {
    rescan.columns.push_back(column);
    rescan.types.push_back(list.info().types.at(column));
  }
  rescan.columns.push_back(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX);
  rescan.types.push_back(duckdb::LogicalType::UBIGINT);
  rescan.columns.push_back(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER);
  rescan.types.push_back(duckdb::LogicalType::BIGINT);
  if (list.info().row_tracking) {
    for (const auto column : {kRowIdColumn, kRowVersionColumn}) {
      rescan.columns.push_back(column);
      rescan.types.push_back(duckdb::LogicalType::BIGINT);
    }
  }
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
