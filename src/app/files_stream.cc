// kind: files
#include "app/stream_config.h"
#include "ingest/ingest_files.h"

namespace tarn::app {
namespace {

// Totals of the watch as a stream's status.
class StatusSink final : public ingest::ProgressSink {
 public:
  StatusSink(const operate::ReportTo& report, Clock& clock) : report_(report), clock_(clock) {}
  void OnProgress(const ingest::IngestProgress& progress) override {
    if (progress.rows != said_.rows || progress.dead_letters != said_.dead_letters) {
      said_.last_commit_micros = clock_.NowMicros();
    }
    said_.rows = progress.rows;
    said_.bytes = progress.bytes_done;
    said_.dead_letters = progress.dead_letters;
    said_.last_progress_micros = clock_.NowMicros();
    said_.parts = {progress.current_file};
    report_(said_);
  }
  void OnFile(const ingest::FileReport& file) override {
    using Outcome = ingest::FileOutcome;
    if (file.outcome != Outcome::kFailed && file.outcome != Outcome::kDamaged) return;
    said_.error = file.path + ": " + file.message;
  }

 private:
  const operate::ReportTo& report_;
  Clock& clock_;
  operate::StreamStatus said_;
};

class FilesStream final : public StreamConfig {
 public:
  OptionSet Options() override;
  Status Check() override { return Status::Ok(); }
  Result<operate::StreamJob> MakeJob(StreamContext& context) override;

 private:
  ingest::IngestFilesOptions options_;
  ingest::WatchOptions watch_;
};

OptionSet FilesStream::Options() {
  OptionSet options("Files that arrive in folders into a Bronze table, each content once.");
  options.List("paths", &options_.paths, "files, folders or globs").Required();
  options.Text("into", &options_.into, "the table").Required();
  options.Parsed(
      "format", "auto",
      [this](const std::string& text) -> Status {
        TARN_ASSIGN_OR_RETURN(options_.format, ingest::ParseFileFormat(text));
        return Status::Ok();
      },
      "auto, csv, json, ndjson or parquet");
  options.Parsed(
      "delimiter", "auto",
      [this](const std::string& text) -> Status {
        TARN_ASSIGN_OR_RETURN(options_.delimiter, ingest::ParseDelimiter(text));
        return Status::Ok();
      },
      "CSV: auto, a character, tab, semicolon, pipe");
  options.Parsed(
      "header", "auto",
      [this](const std::string& text) -> Status {
        TARN_ASSIGN_OR_RETURN(options_.header, ingest::ParseCsvHeader(text));
        return Status::Ok();
      },
      "CSV: auto, yes or no");
  options.Parsed(
      "key", "",
      [this](const std::string& text) {
        options_.key = text;
        return Status::Ok();
      },
      "CSV column or JSON field for record_key");
  options.Parsed(
      "event_time", "",
      [this](const std::string& text) {
        options_.event_time = text;
        return Status::Ok();
      },
      "CSV column or JSON field for event_timestamp");
  options.Text("source_system", &options_.source_system, "column source_system");
  options.Text("dead_letters", &options_.dead_letters, "table for bad records");
  options.Size("batch_size", &options_.batch_bytes, "payload bytes of one commit");
  options.Size("max_record", &options_.max_record_bytes, "a longer record is a dead letter");
  options.Duration("poll", &watch_.poll_micros, "between two listings");
  return options;
}

Result<operate::StreamJob> FilesStream::MakeJob(StreamContext& context) {
  options_.pipeline_version = context.pipeline_version;
  options_.clock = &context.clock;
  options_.contracts = context.contracts;
  operate::StreamJob job;
  job.name = name;
  job.kind = kind;
  job.target = options_.into;
  job.run = [this, &context](std::stop_token stop, const operate::ReportTo& report) -> Status {
    StatusSink sink(report, context.clock);
    return ingest::WatchFiles(context.engine, options_, watch_, &sink, std::move(stop)).status();
  };
  return job;
}

}  // namespace

std::unique_ptr<StreamConfig> MakeFilesStream() { return std::make_unique<FilesStream>(); }

}  // namespace tarn::app
