// Watches one running statement: turns Ctrl-C into its cancellation and shows its progress.
//
// While a QueryMonitor lives, SIGINT is caught: the first one interrupts the statement, the second
// one ends the process with exit code 130. A bar appears on standard error (a terminal only) once a
// statement runs longer than a moment.
//
// Threads: owns one; at most one monitor at a time in the process. Lifetime: the session outlives
// it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <ostream>
#include <thread>

#include "engine/engine.h"

namespace tarn::cli {

class QueryMonitor {
 public:
  QueryMonitor(engine::Session& session, std::ostream& err, bool show_progress);
  ~QueryMonitor();
  QueryMonitor(const QueryMonitor&) = delete;
  QueryMonitor& operator=(const QueryMonitor&) = delete;

  // Ctrl-C came since the monitor was made.
  bool cancelled() const;
  // Rows of the statement are about to be printed: the bar goes away and stays away.
  void HideProgress();

 private:
  void Watch();
  void ClearBar();

  engine::Session& session_;
  std::ostream& err_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;           // guarded by mutex_
  bool show_progress_ = false;  // guarded by mutex_
  bool bar_shown_ = false;      // guarded by mutex_
  std::thread thread_;
};

// Runs `body` with SIGINT calling nothing but setting a flag; `StopRequested` tells.
class StopOnSignals {
 public:
  StopOnSignals();
  ~StopOnSignals();
  static bool StopRequested();
};

// "[#########           ]  45 %  1.2 s" for a fraction in [0, 1]; without the bar when it is
// negative.
std::string ProgressBar(double fraction, double seconds);

}  // namespace tarn::cli
