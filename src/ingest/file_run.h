// FileRun: what IngestFiles and WatchFiles share: one listed file -> Bronze, and the report about
// it.
//
// Threads: one user at a time. The engine and the progress sink outlive it.
#pragma once

#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "ingest/bronze_writer.h"
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

  // Takes one file. The status is about the lake: with it failed, other files would fail as well.
  // What is wrong with the file alone is in the report.
  Status Take(const sources::files::ListedFile& file, FileReport* report);

  // Adds to the totals and tells the progress sink.
  void Record(FileReport report);
  void Announce(uint64_t files, uint64_t bytes);
  void Tell(std::string_view phase, bool always);

  IngestFilesReport TakeReport() { return std::move(report_); }
  void MarkStopped() { report_.stopped = true; }
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
  Status TakeChecked(sources::files::CheckedFile file, FileReport* report);
  Status RunSource(sources::Source& source, const sources::files::CheckedFile& file,
                   FileReport* report);
  void OnStream(const sources::Source& source, const FileReport& file, const StreamReport& stream,
                std::string_view phase);

  engine::Engine& engine_;
  IngestFilesOptions options_;
  ProgressSink* sink_;
  std::stop_token stop_;
  Clock* clock_;
  std::unique_ptr<BronzeWriter> writer_;
  std::string writer_id_;
  IngestFilesReport report_;
  IngestProgress progress_;
  uint64_t bytes_before_file_ = 0;
  int64_t last_told_micros_ = 0;
  std::set<std::string> taken_;  // stream ids of this run
  bool remember_contents_ = true;
  size_t keep_files_ = SIZE_MAX;
};

}  // namespace tarn::ingest
