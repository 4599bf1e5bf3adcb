#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/ingest_report.h"
#include "cli/kafka_command.h"
#include "cli/lake_options.h"
#include "cli/stop_signal.h"
#include "govern/contract_yaml.h"
#include "ingest/ingest_files.h"

namespace tarn::cli {
namespace {

struct IngestArguments {
  LakeOptions lake;
  ingest::IngestFilesOptions options;
  std::string input_format = "auto";
  std::string delimiter = "auto";
  std::string header = "auto";
  std::string batch_size, max_record;
  std::string topic, key, event_time;
  std::string contracts;
  std::string format = "table";
  bool watch = false;
  bool no_progress = false;
  uint64_t rows_per_second = 0;
  std::string bytes_per_second;
  uint64_t rate_bytes = 0;
};

// A backfill beside a live stream leaves it room: after each piece of work it waits until rows and
// bytes are within their rates again.
class ThrottledSink final : public ingest::ProgressSink {
 public:
  ThrottledSink(ingest::ProgressSink& inner, const IngestArguments& arguments, std::stop_token stop)
      : inner_(inner),
        rows_per_second_(static_cast<double>(arguments.rows_per_second)),
        bytes_per_second_(static_cast<double>(arguments.rate_bytes)),
        stop_(std::move(stop)),
        began_micros_(Clock::System().MonotonicMicros()) {}

  void OnProgress(const ingest::IngestProgress& progress) override {
    inner_.OnProgress(progress);
    double due = 0;
    if (rows_per_second_ > 0) due = static_cast<double>(progress.rows) / rows_per_second_;
    if (bytes_per_second_ > 0) {
      due = std::max(due, static_cast<double>(progress.bytes_done) / bytes_per_second_);
    }
    const auto until = began_micros_ + static_cast<int64_t>(due * 1e6);
    Clock& clock = Clock::System();
    while (!stop_.stop_requested() && clock.MonotonicMicros() < until) {
      clock.SleepMicros(std::min<int64_t>(until - clock.MonotonicMicros(), 50'000));
    }
  }
  void OnFile(const ingest::FileReport& file) override { inner_.OnFile(file); }

 private:
  ingest::ProgressSink& inner_;
  double rows_per_second_, bytes_per_second_;
  std::stop_token stop_;
  int64_t began_micros_;
};

// Batches of about a second, so that the rate is even.
Status ReadRates(IngestArguments& arguments) {
  ingest::IngestFilesOptions& options = arguments.options;
  if (!arguments.bytes_per_second.empty()) {
    TARN_ASSIGN_OR_RETURN(arguments.rate_bytes, ParseBytes(arguments.bytes_per_second));
    options.batch_bytes =
        std::min(options.batch_bytes, std::max<uint64_t>(arguments.rate_bytes, 1));
  }
  if (arguments.rows_per_second > 0) {
    options.batch_rows = std::min(options.batch_rows, arguments.rows_per_second);
  }
  return Status::Ok();
}

// The Parquet files of a Delta table are not its rows: some are old, some rows are deleted.
Status RefuseTables(const std::vector<std::string>& paths) {
  std::error_code error;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(std::filesystem::path(path) / "_delta_log", error)) continue;
    return Status::InvalidArgument(
        "'" + path +
        "' is a Delta table, whose files hold rows that were deleted too; take its rows "
        "with INSERT INTO ... SELECT ... FROM delta_scan('" +
        path + "'), or COPY them to Parquet");
  }
  return Status::Ok();
}

Status ReadOptions(IngestArguments& arguments, engine::EngineOptions* engine_options) {
  ingest::IngestFilesOptions& options = arguments.options;
  engine_options->create_lake = true;
  TARN_RETURN_IF_ERROR(ReadLakeOptions(arguments.lake, engine_options));
  TARN_ASSIGN_OR_RETURN(options.format, ingest::ParseFileFormat(arguments.input_format));
  TARN_ASSIGN_OR_RETURN(options.delimiter, ingest::ParseDelimiter(arguments.delimiter));
  TARN_ASSIGN_OR_RETURN(options.header, ingest::ParseCsvHeader(arguments.header));
  if (!arguments.batch_size.empty()) {
    TARN_ASSIGN_OR_RETURN(options.batch_bytes, ParseBytes(arguments.batch_size));
  }
  if (!arguments.max_record.empty()) {
    TARN_ASSIGN_OR_RETURN(options.max_record_bytes, ParseBytes(arguments.max_record));
  }
  if (!arguments.contracts.empty()) {
    TARN_ASSIGN_OR_RETURN(options.contracts, govern::LoadContracts(arguments.contracts));
  }
  TARN_RETURN_IF_ERROR(ReadRates(arguments));
  TARN_RETURN_IF_ERROR(RefuseTables(options.paths));
  if (!arguments.topic.empty()) options.topic = arguments.topic;
  if (!arguments.key.empty()) options.key = arguments.key;
  if (!arguments.event_time.empty()) options.event_time = arguments.event_time;
  return Status::Ok();
}

int RunIngest(IngestArguments& arguments, Streams& streams) {
  engine::EngineOptions engine_options;
  if (Status read = ReadOptions(arguments, &engine_options); !read.ok()) {
    return ReportUsage(streams, read);
  }
  auto engine = engine::Engine::Open(engine_options);
  if (!engine.ok()) return ReportError(streams, engine.status());

  SignalStop stop;
  IngestDisplay display(streams, !arguments.no_progress && streams.err_is_terminal, arguments.watch,
                        arguments.format);
  ThrottledSink sink(display, arguments, stop.token());
  auto report = arguments.watch
                    ? ingest::WatchFiles(**engine, arguments.options, {}, &sink, stop.token())
                    : ingest::IngestFiles(**engine, arguments.options, &sink, stop.token());
  display.Finish();
  if (!report.ok()) return ReportError(streams, report.status());
  PrintIngestReport(*report, arguments.options, arguments.format, streams);
  // Being told to stop is how watching ends; for a single pass it means that work was left.
  if (report->stopped && !arguments.watch) return kExitCancelled;
  return report->files_failed > 0 ? kExitFailed : kExitOk;
}

}  // namespace

void RegisterIngest(CLI::App& app, Invocation& invocation) {
  auto* ingest = app.add_subcommand("ingest", "take rows from a source into Bronze");
  ingest->require_subcommand(0, 1);
  ingest->footer(kExitCodesHelp);
  auto* command = ingest->add_subcommand(
      "files", "take CSV, JSON, NDJSON or Parquet files (plain, .gz, .zst) into a Bronze table");
  auto arguments = std::make_shared<IngestArguments>();
  ingest::IngestFilesOptions& options = arguments->options;
  command->add_option("paths", options.paths, "files, folders or globs ('data/*.csv.gz')")
      ->required()
      ->type_name("PATH|GLOB|DIR");
  command->add_option("--into", options.into, "the table, e.g. bronze.orders")
      ->required()
      ->type_name("SCHEMA.TABLE");
  command
      ->add_option("--input-format", arguments->input_format, "auto, csv, json, ndjson or parquet")
      ->capture_default_str();
  command
      ->add_option("--delimiter", arguments->delimiter,
                   "CSV: auto, a character, tab, semicolon, pipe")
      ->capture_default_str();
  command->add_option("--header", arguments->header, "CSV: auto, yes or no")->capture_default_str();
  command->add_option("--key", arguments->key, "CSV column or JSON field for record_key");
  command->add_option("--event-time", arguments->event_time,
                      "CSV column or JSON field for event_timestamp");
  command->add_option("--source-system", options.source_system, "column source_system")
      ->capture_default_str();
  command->add_option("--topic", arguments->topic,
                      "column source_topic (default: the file's name)");
  command->add_option("--dead-letters", options.dead_letters, "table for bad records")
      ->capture_default_str();
  command->add_option("--contracts", arguments->contracts,
                      "a file or folder; those that name the table judge every record");
  command->add_option("--batch-size", arguments->batch_size, "bytes of one commit (default: 64MB)");
  command->add_option("--max-record", arguments->max_record,
                      "a longer record is a dead letter (default: 64MB)");
  command->add_option("--max-rows-per-second", arguments->rows_per_second,
                      "not faster, to leave room for a live stream");
  command->add_option("--max-bytes-per-second", arguments->bytes_per_second,
                      "the same for bytes of files, e.g. 20MB");
  command->add_flag("--watch", arguments->watch,
                    "stay and take files as they arrive, until Ctrl-C");
  command->add_option("--format", arguments->format, "of the report: table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->add_flag("--no-progress", arguments->no_progress, "no progress bar");
  AddLakeOptions(*command, arguments->lake);
  command->footer(
      std::string("The lake is made when it is absent. A file is taken once, whatever its name: "
                  "a second run adds nothing.\nBad records go to the dead letters and are no "
                  "failure; a file that cannot be read is.\n") +
      kExitCodesHelp);
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return RunIngest(*arguments, invocation.streams); };
  });
  RegisterIngestKafka(*ingest, invocation);
}

}  // namespace tarn::cli
