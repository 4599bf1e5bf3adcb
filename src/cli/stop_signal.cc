#include "cli/stop_signal.h"

#include <chrono>

namespace tarn::cli {

SignalStop::SignalStop() : thread_([this](std::stop_token own) { Watch(std::move(own)); }) {}

void SignalStop::Watch(std::stop_token own) {
  while (!own.stop_requested() && !StopOnSignals::StopRequested()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (StopOnSignals::StopRequested()) source_.request_stop();
}

}  // namespace tarn::cli
