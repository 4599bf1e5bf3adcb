#include "cli/ingest_report.h"

#include "cli/query_monitor.h"
#include "cli/render.h"
#include "cli/text_width.h"

namespace tarn::cli {
namespace {

constexpr std::chrono::milliseconds kQuiet{500};  // shorter runs show no bar

std::string Count(uint64_t number, const char* one, const char* many) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits + " " + (number == 1 ? one : many);
}

bool WorthALine(const ingest::FileReport& file) {
  switch (file.outcome) {
    case ingest::FileOutcome::kIngested:
    case ingest::FileOutcome::kUnchanged:
    case ingest::FileOutcome::kIgnored: return false;
    default: return true;
  }
}

std::string FileJson(const ingest::FileReport& file) {
  return "{\"path\": " + JsonString(file.path) +
         ", \"outcome\": " + JsonString(ingest::FileOutcomeName(file.outcome)) +
         ", \"rows\": " + std::to_string(file.rows) +
         ", \"dead_letters\": " + std::to_string(file.dead_letters) +
         ", \"bytes\": " + std::to_string(file.bytes) + ", \"sha256\": " + JsonString(file.sha256) +
         ", \"message\": " + JsonString(file.message) + "}";
}

void PrintJson(const ingest::IngestFilesReport& report, const ingest::IngestFilesOptions& options,
               std::ostream& out) {
  out << "{\"into\": " << JsonString(options.into) << ", \"rows\": " << report.rows
      << ", \"dead_letters\": " << report.dead_letters << ", \"files_read\": " << report.files_read
      << ", \"files_skipped\": " << report.files_skipped
      << ", \"files_failed\": " << report.files_failed << ", \"bytes\": " << report.bytes
      << ", \"commits\": " << report.commits
      << ", \"stopped\": " << (report.stopped ? "true" : "false") << ", \"files\": [";
  for (size_t i = 0; i < report.files.size(); ++i) {
    out << (i == 0 ? "\n  " : ",\n  ") << FileJson(report.files[i]);
  }
  out << (report.files.empty() ? "]}\n" : "\n]}\n");
}

}  // namespace

IngestDisplay::IngestDisplay(Streams& streams, bool bar, bool watching, std::string format)
    : streams_(streams), bar_(bar), watching_(watching), format_(std::move(format)) {}

void IngestDisplay::OnProgress(const ingest::IngestProgress& progress) {
  const auto elapsed = std::chrono::steady_clock::now() - start_;
  if (!bar_ || elapsed < kQuiet) return;
  if (progress.phase == "waiting") {
    Finish();
    return;
  }
  const double fraction = progress.bytes_total == 0 ? -1
                                                    : static_cast<double>(progress.bytes_done) /
                                                          static_cast<double>(progress.bytes_total);
  std::string line = ProgressBar(fraction, std::chrono::duration<double>(elapsed).count()) + "  " +
                     Count(progress.rows, "row", "rows") + "  " + std::string(progress.phase) +
                     " " + progress.current_file;
  streams_.err << "\r\x1b[K" << FitWidth(OneLine(line), streams_.terminal_columns - 1)
               << std::flush;
  shown_ = true;
}

void IngestDisplay::OnFile(const ingest::FileReport& file) {
  if (!watching_ || file.outcome == ingest::FileOutcome::kUnchanged) return;
  Finish();
  if (format_ == "json") {
    streams_.out << FileJson(file) << "\n" << std::flush;
    return;
  }
  streams_.out << ingest::FileOutcomeName(file.outcome) << " " << OneLine(file.path) << ": "
               << Count(file.rows, "row", "rows");
  if (file.dead_letters > 0) {
    streams_.out << ", " << Count(file.dead_letters, "dead letter", "dead letters");
  }
  if (!file.message.empty()) streams_.out << "; " << OneLine(file.message);
  streams_.out << "\n" << std::flush;
}

void IngestDisplay::Finish() {
  if (shown_) streams_.err << "\r\x1b[K" << std::flush;
  shown_ = false;
}

void PrintIngestReport(const ingest::IngestFilesReport& report,
                       const ingest::IngestFilesOptions& options, const std::string& format,
                       Streams& streams) {
  if (format == "json") {
    PrintJson(report, options, streams.out);
    return;
  }
  streams.out << options.into << ": " << Count(report.rows, "new row", "new rows");
  if (report.dead_letters > 0) {
    streams.out << ", " << Count(report.dead_letters, "dead letter", "dead letters") << " in "
                << options.dead_letters;
  }
  streams.out << " (" << Count(report.files_read, "file", "files") << " read, "
              << Count(report.files_skipped, "file", "files") << " skipped";
  if (report.files_failed > 0) streams.out << ", " << report.files_failed << " failed";
  streams.out << ")\n";
  streams.out.flush();
  for (const auto& file : report.files) {
    if (!WorthALine(file)) continue;
    streams.err << "tarn: " << ingest::FileOutcomeName(file.outcome) << ": " << OneLine(file.path);
    if (!file.message.empty()) streams.err << ": " << OneLine(file.message);
    streams.err << "\n";
  }
}

}  // namespace tarn::cli
