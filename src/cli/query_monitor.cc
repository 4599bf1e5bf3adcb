#include "cli/query_monitor.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "cli/command.h"

namespace tarn::cli {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kPoll{50};
constexpr milliseconds kQuiet{700};  // statements shorter than this show no bar
constexpr milliseconds kRedraw{200};

// The only state a signal handler may touch.
volatile std::sig_atomic_t g_signals = 0;

extern "C" void OnStopSignal(int) {
  g_signals = g_signals + 1;
  if (g_signals >= 2) _exit(kExitCancelled);
}

struct sigaction g_previous_int, g_previous_term;

void CatchSignals() {
  g_signals = 0;
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &g_previous_int);
  sigaction(SIGTERM, &action, &g_previous_term);
}

void ReleaseSignals() {
  sigaction(SIGINT, &g_previous_int, nullptr);
  sigaction(SIGTERM, &g_previous_term, nullptr);
}

}  // namespace

StopOnSignals::StopOnSignals() { CatchSignals(); }
StopOnSignals::~StopOnSignals() { ReleaseSignals(); }
bool StopOnSignals::StopRequested() { return g_signals > 0; }

std::string ProgressBar(double fraction, double seconds) {
  char text[96];
  if (fraction < 0) {
    std::snprintf(text, sizeof text, "running  %.1f s", seconds);
    return text;
  }
  constexpr int kCells = 24;
  const double bounded = std::clamp(fraction, 0.0, 1.0);
  const int full = static_cast<int>(bounded * kCells);
  const std::string bar = std::string(full, '#') + std::string(kCells - full, ' ');
  std::snprintf(text, sizeof text, "[%s] %3d %%  %.1f s", bar.c_str(),
                static_cast<int>(bounded * 100), seconds);
  return text;
}

QueryMonitor::QueryMonitor(engine::Session& session, std::ostream& err, bool show_progress)
    : session_(session), err_(err), show_progress_(show_progress) {
  CatchSignals();
  thread_ = std::thread([this] { Watch(); });
}

QueryMonitor::~QueryMonitor() {
  {
    std::lock_guard lock(mutex_);
    done_ = true;
    ClearBar();
  }
  wake_.notify_all();
  thread_.join();
  ReleaseSignals();
}

bool QueryMonitor::cancelled() const { return g_signals > 0; }

void QueryMonitor::HideProgress() {
  std::lock_guard lock(mutex_);
  show_progress_ = false;
  ClearBar();
}

void QueryMonitor::ClearBar() {
  if (!bar_shown_) return;
  err_ << "\r\x1b[K" << std::flush;
  bar_shown_ = false;
}

void QueryMonitor::Watch() {
  const auto start = SteadyClock::now();
  auto next_draw = start + kQuiet;
  std::unique_lock lock(mutex_);
  while (!done_) {
    wake_.wait_for(lock, kPoll);
    if (done_) return;
    // Again and again: an interrupt that falls between two statements of a script would be lost.
    if (g_signals > 0) session_.Interrupt();
    const auto now = SteadyClock::now();
    if (!show_progress_ || now < next_draw) continue;
    next_draw = now + kRedraw;
    const double percent = session_.Progress();
    const double seconds = std::chrono::duration<double>(now - start).count();
    err_ << "\r\x1b[K" << ProgressBar(percent < 0 ? -1 : percent / 100, seconds) << std::flush;
    bar_shown_ = true;
  }
}

}  // namespace tarn::cli
