// IngestFiles: files on local disk -> a Bronze table, each file's content exactly once.
//
// What it is: the one call behind `tarn ingest files`. It lists what the paths name, recognises
// content it has taken before, reads the rest record by record and appends to Bronze; what is no
// record goes to bronze.dead_letters. Both tables are created on first use.
//
// Exactly once: a file is its content (SHA-256 and size), not its name. The position inside the
// content rides in the Delta commit of the rows (src/ingest/README.md), so kill -9 at any moment, a
// renamed or re-uploaded file, or a second process on the same file neither loses nor doubles a
// row.
//
// What it does not do: no parsing into columns (Silver does), no deleting or moving of files, no
// remote paths.
//
// Threads: one call runs on the caller's thread (Parquet files: plus one reader thread). Several
// processes or threads may ingest into one table at the same time, each with its own call. The
// engine must outlive the call.
//
// Commits: a file larger than a batch takes several; small files (up to 4 MiB) share one, up to 500
// of them. While it watches, what one listing found is committed at the end of that round at the
// latest.
//
// Memory: bounded by `batch_bytes` + `max_record_bytes` + the engine's own limit, whatever the size
// of a file.
//
// Errors: options that make no sense and paths that match nothing end the call (kInvalidArgument,
// kNotFound) before anything is written; a lake that cannot be written ends it too. A single bad
// file does not: it is in the report as kFailed, kDamaged or kBusy, and the call goes on with the
// next.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engine/engine.h"
#include "govern/contract.h"

namespace tarn::ingest {

enum class FileFormat { kAuto, kCsv, kJson, kNdjson, kParquet };
enum class CsvHeader { kAuto, kYes, kNo };

// "auto", "csv", "json", "ndjson" ("jsonl"), "parquet"; kInvalidArgument otherwise, naming the
// choices.
Result<FileFormat> ParseFileFormat(const std::string& text);
// "auto", "yes", "no" (also "true", "false").
Result<CsvHeader> ParseCsvHeader(const std::string& text);
// One character, or "tab", "\t", "comma", "semicolon", "pipe", "space"; nullopt for "auto".
Result<std::optional<char>> ParseDelimiter(const std::string& text);

struct IngestFilesOptions {
  std::vector<std::string> paths;  // files, folders (read recursively) or globs (* ? [] **)
  std::string into;                // "bronze.retail"
  std::string dead_letters = "bronze.dead_letters";
  std::string source_system = "files";  // column source_system, a partition column
  std::optional<std::string> topic;     // column source_topic; default: the file's base name
  std::optional<std::string> key;       // CSV column or top-level JSON field that fills record_key
  std::optional<std::string>
      event_time;  // likewise for event_timestamp (ISO 8601, or epoch s/ms/us)
  FileFormat format = FileFormat::kAuto;  // auto: by name, then by content
  std::optional<char> delimiter;          // CSV; absent: detected
  CsvHeader header = CsvHeader::kAuto;    // CSV
  uint64_t batch_bytes = 64ull << 20;     // payload bytes of one commit
  uint64_t batch_rows = 200'000;  // rows of one commit: short ones cost more than their bytes
  uint64_t max_record_bytes = 64ull << 20;  // a longer record becomes a dead letter
  std::string pipeline_version;             // empty: "tarn-<version>"
  std::vector<govern::Contract> contracts;  // those that name `into` judge every record
  int64_t settle_micros = 2'000'000;  // watching: a file is ready when unchanged for this long
  Clock* clock = nullptr;             // null: the system's
};

enum class FileOutcome {
  kIngested,   // read to its end (in this run, or the rest of it in this run)
  kUnchanged,  // this content was taken before: 0 new
  kDuplicate,  // same content as another file of this very run
  kBusy,       // still being written: left for the next run
  kIgnored,    // in a folder, but not of a known format
  kDamaged,    // truncated or corrupt as a whole (compressed, Parquet): one dead letter, no rows
  kFailed,     // could not be read; see `message`
  kPartial,  // stopped by the stop token or an error after some commits; the next run goes on there
};
std::string_view FileOutcomeName(FileOutcome outcome);

struct FileReport {
  std::string path;
  FileOutcome outcome = FileOutcome::kFailed;
  std::string sha256;         // empty when the file was not read
  uint64_t bytes = 0;         // size on disk
  uint64_t rows = 0;          // appended by this run
  uint64_t dead_letters = 0;  // recorded by this run
  std::string message;        // one line; empty when there is nothing to say
};

struct IngestFilesReport {
  uint64_t files_read = 0;        // kIngested or kPartial
  uint64_t files_skipped = 0;     // kUnchanged, kDuplicate, kBusy, kIgnored
  uint64_t files_failed = 0;      // kDamaged, kFailed
  uint64_t rows = 0;              // new in Bronze
  uint64_t dead_letters = 0;      // new in bronze.dead_letters
  uint64_t bytes = 0;             // bytes on disk of the files read
  uint64_t commits = 0;           // to both tables
  bool stopped = false;           // the stop token ended it
  std::vector<FileReport> files;  // in the order taken; watching keeps the last 10,000
};

struct IngestProgress {
  uint64_t files_total = 0;
  uint64_t files_done = 0;
  uint64_t bytes_total = 0;   // on disk, of all files listed
  uint64_t bytes_done = 0;    // on disk; never beyond bytes_total
  uint64_t rows = 0;          // committed
  uint64_t dead_letters = 0;  // committed
  std::string current_file;
  std::string_view phase;  // "checking", "reading", "writing", "waiting"
};

// Told about progress on the ingesting thread, at most about ten times a second; must return
// quickly.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void OnProgress(const IngestProgress& progress) = 0;
  // A file is finished with; watching front ends print these.
  virtual void OnFile(const FileReport& file) {}
};

// Takes what is there now. `progress` may be null. With a stop requested it ends after the commit
// under way and says so in the report (`stopped`); nothing is lost.
Result<IngestFilesReport> IngestFiles(engine::Engine& engine, const IngestFilesOptions& options,
                                      ProgressSink* progress, std::stop_token stop = {});

struct WatchOptions {
  int64_t poll_micros = 1'000'000;  // between two listings
};

// Takes what is there and what comes, until `stop`; the report covers the whole time. A folder that
// is not there yet (or not there for a while) is waited for. Errors as above; transient ones are
// retried.
Result<IngestFilesReport> WatchFiles(engine::Engine& engine, const IngestFilesOptions& options,
                                     const WatchOptions& watch, ProgressSink* progress,
                                     std::stop_token stop);

}  // namespace tarn::ingest
