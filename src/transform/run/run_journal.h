// RunJournal: which nodes of a running command are done, for `retry` after the process was killed.
//
// What it is: target/run_journal.ndjson, one line for the command and one for each node that is
// done. It goes when run_results.json is there; one that is left belongs to a run that was cut off.
//
// What it does not do: it is not synced. After a power cut it may lack lines; nodes without a line
// count as not run.
//
// Threads: Done is safe for concurrent calls. Processes: the file is locked while the command runs;
// a second command in the same folder runs without a journal.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "transform/run/run_result.h"

namespace tarn::transform {

// Runs of which it is not known whether they got as far as this node's commit, by unique_id.
using OpenRuns = std::map<std::string, std::vector<std::string>>;

class RunJournal {
 public:
  // Null when the file cannot be had: a run goes without.
  static std::unique_ptr<RunJournal> Begin(const std::string& target_folder,
                                           const std::string& run_id, const Json& arguments,
                                           const std::vector<Node*>& nodes,
                                           const OpenRuns& earlier);
  ~RunJournal();
  RunJournal(const RunJournal&) = delete;
  RunJournal& operator=(const RunJournal&) = delete;

  void Done(const NodeResult& result);
  // The results are written: the file goes.
  void Finish();

 private:
  RunJournal(int file, std::string path) : file_(file), path_(std::move(path)) {}
  void Append(const Json& line);
  int file_;
  std::string path_;
  std::mutex mutex_;
};

// What a run that was cut off leaves.
struct CutOffRun {
  Json arguments;
  std::vector<std::string> left;  // unique_ids that failed, were skipped or have no line
  OpenRuns open;                  // those without a line
};
// Nothing when the last run came to its end. Errors: kConflict while that run goes on.
Result<std::optional<CutOffRun>> FindCutOffRun(const std::string& target_folder);

}  // namespace tarn::transform
