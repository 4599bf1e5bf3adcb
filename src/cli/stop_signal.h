// SignalStop: Ctrl-C or a stop signal as a stop token: what runs ends after the commit under way.
//
// Threads: owns one. At most one at a time in the process.
#pragma once

#include <stop_token>
#include <thread>

#include "cli/query_monitor.h"

namespace tarn::cli {

class SignalStop {
 public:
  SignalStop();
  std::stop_token token() { return source_.get_token(); }

 private:
  void Watch(std::stop_token own);

  StopOnSignals signals_;
  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace tarn::cli
