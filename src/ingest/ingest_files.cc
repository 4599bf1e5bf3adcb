#include "ingest/ingest_files.h"

#include <algorithm>
#include <map>

#include "ingest/file_run.h"
#include "sources/files/file_listing.h"

namespace tarn::ingest {
namespace {

namespace files = sources::files;

constexpr size_t kFilesKeptByWatch = 10'000;
constexpr int kLakeFailuresInARow = 5;
constexpr int64_t kLongestSleepMicros = 200'000;
constexpr int64_t kRetryFailedMicros = 30'000'000;

// Sleeps in short steps, so that a stop is noticed.
void SleepUnlessStopped(Clock& clock, int64_t micros, const std::stop_token& stop) {
  const int64_t until = clock.MonotonicMicros() + micros;
  for (int64_t now = until - micros; now < until && !stop.stop_requested();
       now = clock.MonotonicMicros()) {
    clock.SleepMicros(std::min(until - now, kLongestSleepMicros));
  }
}

// Where the kernel does not say whether somebody writes, a young file is given time to show it.
bool IsAtRest(files::ListedFile* file, int64_t settle_micros, Clock& clock,
              const std::stop_token& stop) {
  if (files::FindWriter(file->path) != files::WriterState::kUnknown) return true;
  const int64_t age = clock.NowMicros() - file->stamp.modified_nanos / 1000;
  if (age >= settle_micros) return true;
  SleepUnlessStopped(clock, std::min(settle_micros - age, settle_micros), stop);
  const auto now = files::StampOf(file->path);
  return now.ok() && *now == file->stamp;
}

// What a watch knows of a path: how it looked, since when, and whether that is dealt with.
struct Seen {
  files::FileStamp stamp;
  int64_t since_micros = 0;     // monotone
  int64_t retry_at_micros = 0;  // monotone; of failures that may pass
  bool settled_with = false;
  uint64_t round = 0;
};

class Watcher {
 public:
  Watcher(FileRun& run, const IngestFilesOptions& options, std::stop_token stop)
      : run_(run), options_(options), stop_(std::move(stop)) {
    run_.on_recorded = [this](const FileReport& report) { OnRecorded(report); };
  }

  Status Round() {
    ++round_;
    TARN_ASSIGN_OR_RETURN(const files::Listing listing,
                          files::ListFiles(options_.paths, files::Missing::kIgnore));
    for (const files::ListedFile& file : listing.files) {
      if (stop_.stop_requested()) break;
      if (!IsDue(file)) continue;
      run_.Announce(1, file.stamp.size_bytes);
      TARN_RETURN_IF_ERROR(run_.Take(file));
    }
    TARN_RETURN_IF_ERROR(run_.Flush());
    std::erase_if(seen_, [&](const auto& entry) { return entry.second.round != round_; });
    return Status::Ok();
  }

 private:
  bool IsDue(const files::ListedFile& file) {
    const int64_t now = run_.clock().MonotonicMicros();
    auto [at, is_new] = seen_.try_emplace(file.path);
    Seen& seen = at->second;
    seen.round = round_;
    if (is_new || seen.stamp != file.stamp) {
      const uint64_t round = seen.round;
      seen = Seen{};
      seen.stamp = file.stamp;
      seen.since_micros = now;
      seen.round = round;
    }
    if (seen.settled_with || now < seen.retry_at_micros) return false;
    // Either watched unchanged long enough, or old already when first seen.
    const int64_t age = run_.clock().NowMicros() - file.stamp.modified_nanos / 1000;
    return now - seen.since_micros >= options_.settle_micros || age >= options_.settle_micros;
  }

  void OnRecorded(const FileReport& report) {
    const auto found = seen_.find(report.path);
    if (found == seen_.end()) return;
    switch (report.outcome) {
      case FileOutcome::kBusy:
      case FileOutcome::kPartial: break;  // looked at again in the next round
      case FileOutcome::kFailed:
        found->second.retry_at_micros = run_.clock().MonotonicMicros() + kRetryFailedMicros;
        break;
      default: found->second.settled_with = true;
    }
  }

  FileRun& run_;
  const IngestFilesOptions& options_;
  std::stop_token stop_;
  std::map<std::string, Seen> seen_;
  uint64_t round_ = 0;
};

bool MayPass(const Status& status) {
  return status.retry() == RetryClass::kBackoff || status.retry() == RetryClass::kAfterRefresh ||
         status.retry() == RetryClass::kOutcomeUnknown;
}

}  // namespace

std::string_view FileOutcomeName(FileOutcome outcome) {
  switch (outcome) {
    case FileOutcome::kIngested: return "ingested";
    case FileOutcome::kUnchanged: return "unchanged";
    case FileOutcome::kDuplicate: return "duplicate";
    case FileOutcome::kBusy: return "busy";
    case FileOutcome::kIgnored: return "ignored";
    case FileOutcome::kDamaged: return "damaged";
    case FileOutcome::kFailed: return "failed";
    case FileOutcome::kPartial: break;
  }
  return "partial";
}

Result<FileFormat> ParseFileFormat(const std::string& text) {
  if (text == "auto") return FileFormat::kAuto;
  if (text == "csv") return FileFormat::kCsv;
  if (text == "json") return FileFormat::kJson;
  if (text == "ndjson" || text == "jsonl") return FileFormat::kNdjson;
  if (text == "parquet") return FileFormat::kParquet;
  return Status::InvalidArgument("no format '" + text +
                                 "'; choose auto, csv, json, ndjson or parquet");
}

Result<CsvHeader> ParseCsvHeader(const std::string& text) {
  if (text == "auto") return CsvHeader::kAuto;
  if (text == "yes" || text == "true") return CsvHeader::kYes;
  if (text == "no" || text == "false") return CsvHeader::kNo;
  return Status::InvalidArgument("header is auto, yes or no, not '" + text + "'");
}

Result<std::optional<char>> ParseDelimiter(const std::string& text) {
  static const std::map<std::string, char> kNames = {{"tab", '\t'},  {"\\t", '\t'},
                                                     {"comma", ','}, {"semicolon", ';'},
                                                     {"pipe", '|'},  {"space", ' '}};
  if (text.empty() || text == "auto") return std::optional<char>();
  if (const auto found = kNames.find(text); found != kNames.end()) {
    return std::optional<char>(found->second);
  }
  if (text.size() == 1) return std::optional<char>(text[0]);
  return Status::InvalidArgument(
      "the delimiter is one character, auto, tab, comma, semicolon, pipe or "
      "space, not '" +
      text + "'");
}

Result<IngestFilesReport> IngestFiles(engine::Engine& engine, const IngestFilesOptions& options,
                                      ProgressSink* progress, std::stop_token stop) {
  TARN_ASSIGN_OR_RETURN(files::Listing listing,
                        files::ListFiles(options.paths, files::Missing::kError));
  TARN_ASSIGN_OR_RETURN(const auto run, FileRun::Start(engine, options, progress, stop));
  uint64_t bytes = 0;
  for (const files::ListedFile& file : listing.files) bytes += file.stamp.size_bytes;
  run->Announce(listing.files.size(), bytes);
  for (const Status& problem : listing.problems) {
    FileReport report;
    report.message = problem.message();
    run->Record(std::move(report));
  }
  for (files::ListedFile& file : listing.files) {
    if (stop.stop_requested()) {
      run->MarkStopped();
      break;
    }
    if (IsAtRest(&file, options.settle_micros, run->clock(), stop)) {
      TARN_RETURN_IF_ERROR(run->Take(file));
      continue;
    }
    FileReport report;
    report.path = file.path;
    report.bytes = file.stamp.size_bytes;
    report.outcome = FileOutcome::kBusy;
    report.message = "the file is still growing";
    run->Record(std::move(report));
  }
  TARN_RETURN_IF_ERROR(run->Flush());
  TARN_RETURN_IF_ERROR(run->FinishContracts());
  return run->TakeReport();
}

Result<IngestFilesReport> WatchFiles(engine::Engine& engine, const IngestFilesOptions& options,
                                     const WatchOptions& watch, ProgressSink* progress,
                                     std::stop_token stop) {
  TARN_ASSIGN_OR_RETURN(const auto run, FileRun::Start(engine, options, progress, stop));
  run->set_remember_contents(false);
  run->set_keep_files(kFilesKeptByWatch);
  Watcher watcher(*run, options, stop);
  for (int failures = 0; !stop.stop_requested();) {
    const Status status = watcher.Round();
    failures = status.ok() ? 0 : failures + 1;
    if (!status.ok() && (!MayPass(status) || failures == kLakeFailuresInARow)) return status;
    run->TickContracts();
    run->Tell("waiting", true);
    SleepUnlessStopped(run->clock(), watch.poll_micros, stop);
  }
  TARN_RETURN_IF_ERROR(run->FinishContracts());
  run->MarkStopped();
  return run->TakeReport();
}

}  // namespace tarn::ingest
