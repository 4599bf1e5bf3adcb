// FileRun: what IngestFiles and WatchFiles share: one listed file -> Bronze, and the report about
// it.
//
// Threads: one user at a time. The engine and the progress sink outlive it.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "ingest/bronze_writer.h"
#include "ingest/contract_watch.h"
#include "ingest/ingest_files.h"
#include "ingest/stream_ingestor.h"
#include "sources/files/file_check.h"
#include "sources/files/file_listing.h"
#include "sources/files/file_source.h"

namespace tarn::ingest {

class FileRun {
 public:
  // Checks the options and makes the tables when they are missing.
  static Result<std::unique_ptr<FileRun>> Start(engine::Engine& engine,
                                                const IngestFilesOptions& options,
                                                ProgressSink* progress, std::stop_token stop);

  // Takes one file and records its report; a small one perhaps only at the next Flush, with others
  // in one commit. The status is about the lake: with it failed, other files would fail as well.
  // What is wrong with a file alone is in its report.
  Status Take(const sources::files::ListedFile& file);
  // Commits the small files that wait.
  Status Flush();

  // Adds to the totals and tells the progress sink and on_recorded.
  void Record(FileReport report);
  std::function<void(const FileReport&)> on_recorded;

  void Announce(uint64_t files, uint64_t bytes);
  void Tell(std::string_view phase, bool always);

  IngestFilesReport TakeReport() { return std::move(report_); }
  void MarkStopped() { report_.stopped = true; }
  // At the end: what contracts counted goes to system.contract_results.
  Status FinishContracts() { return contracts_ == nullptr ? Status::Ok() : contracts_->Finish(); }
  void TickContracts() {
    if (contracts_ != nullptr) contracts_->Tick();
  }
  Clock& clock() { return *clock_; }
  // Repeats within one run are told apart from files of earlier runs; a watch does not keep that
  // list.
  void set_remember_contents(bool remember) { remember_contents_ = remember; }
  void set_keep_files(size_t count) { keep_files_ = count; }

 private:
  FileRun(engine::Engine& engine, const IngestFilesOptions& options, ProgressSink* progress,
          std::stop_token stop);
  Result<sources::files::CheckedFile> Check(const sources::files::ListedFile& file);
  Result<sources::files::FileKind> KindOf(const sources::files::CheckedFile& file) const;
  void FindTableDamage(sources::files::CheckedFile* file, sources::files::FileKind kind) const;
  // A file of which it is known how to read it.
  struct Ready {
    sources::files::CheckedFile file;
    sources::files::FileSourceOptions options;
    std::string stream_id;
    bool damaged = false;
    FileReport report;
  };
  struct Waiting {
    Ready ready;
    WholeStream whole;
  };
  // False: the report says why it cannot be read.
  bool Prepare(sources::files::CheckedFile file, FileReport report, Ready* ready);
  std::unique_ptr<sources::Source> SourceOf(const Ready& ready) const;
  StreamOptions OptionsFor(const Ready& ready) const;
  Status TakeReady(Ready ready);
  Status RunAlone(Ready ready);
  Result<bool> TryToWait(Ready* ready);
  Result<std::vector<Ready>> CommitWaiting();
  void Finish(const StreamReport& stream, Ready ready);
  Status Fail(const Status& status, const StreamReport& stream, Ready ready);
  void OnStream(const sources::Source& source, const FileReport& file, const StreamReport& stream,
                std::string_view phase);

  engine::Engine& engine_;
  IngestFilesOptions options_;
  ProgressSink* sink_;
  std::stop_token stop_;
  Clock* clock_;
  std::unique_ptr<BronzeWriter> writer_;
  std::unique_ptr<ContractWatch> contracts_;  // null: no contract names the table
  std::string writer_id_;
  IngestFilesReport report_;
  IngestProgress progress_;
  uint64_t bytes_before_file_ = 0;
  int64_t last_told_micros_ = 0;
  std::set<std::string> taken_;  // stream ids of this run
  std::vector<Waiting> waiting_;
  uint64_t waiting_rows_ = 0;
  uint64_t waiting_bytes_ = 0;
  bool remember_contents_ = true;
  size_t keep_files_ = SIZE_MAX;
};

}  // namespace tarn::ingest
