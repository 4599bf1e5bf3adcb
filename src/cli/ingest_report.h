// What `tarn ingest files` shows: the bar while it runs, the report at its end.
#pragma once

#include <chrono>
#include <string>

#include "cli/command.h"
#include "ingest/ingest_files.h"

namespace tarn::cli {

// Draws on standard error at a terminal; prints a line per file while watching.
// Threads: called on the ingesting thread.
class IngestDisplay final : public ingest::ProgressSink {
 public:
  IngestDisplay(Streams& streams, bool bar, bool watching, std::string format);
  void OnProgress(const ingest::IngestProgress& progress) override;
  void OnFile(const ingest::FileReport& file) override;
  // Takes the bar away.
  void Finish();

 private:
  Streams& streams_;
  const bool bar_;
  const bool watching_;
  const std::string format_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool shown_ = false;
};

// `format`: "table" or "json".
void PrintIngestReport(const ingest::IngestFilesReport& report,
                       const ingest::IngestFilesOptions& options, const std::string& format,
                       Streams& streams);

}  // namespace tarn::cli
