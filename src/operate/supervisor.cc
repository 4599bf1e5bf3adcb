#include "operate/supervisor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>

#include "operate/lease.h"

namespace tarn::operate {
namespace {

constexpr const char* kStatusFolder = "_tarn/status";
constexpr int64_t kNapMicros = 50'000;
// A stream that ran this long before it failed is new luck: the pause begins small again.
constexpr int64_t kGoodRunMicros = 60'000'000;

std::string StatusKey(const std::string& instance) {
  return std::string(kStatusFolder) + "/" + instance + ".json";
}

}  // namespace

struct Supervisor::Slot {
  StreamJob job;
  StreamStatus status;     // guarded by the supervisor's mutex
  int64_t rate_since = 0;  // monotonic; of rate_rows
  uint64_t rate_rows = 0;
  uint64_t rows_before = 0;  // of earlier lives in this process
  uint64_t bytes_before = 0, letters_before = 0, commits_before = 0;
  int64_t pause_micros = 0;
  std::jthread thread;
};

Supervisor::Supervisor(std::shared_ptr<store::ObjectStore> store, SupervisorOptions options,
                       Log& log, Clock& clock)
    : store_(std::move(store)), options_(std::move(options)), log_(log), clock_(clock) {}

Supervisor::~Supervisor() { Stop(); }

void Supervisor::Start(std::vector<StreamJob> jobs) {
  started_micros_ = clock_.NowMicros();
  for (StreamJob& job : jobs) {
    auto slot = std::make_unique<Slot>();
    slot->status.name = job.name;
    slot->status.kind = job.kind;
    slot->status.target = job.target;
    slot->status.max_lag_micros = job.max_lag_micros;
    slot->status.last_progress_micros = started_micros_;
    slot->pause_micros = options_.first_pause_micros;
    slot->job = std::move(job);
    slots_.push_back(std::move(slot));
  }
  for (auto& slot : slots_) {
    Slot& one = *slot;
    one.thread = std::jthread([this, &one](std::stop_token stop) {
      one.job.shared ? RunShared(one, stop) : RunLeased(one, stop);
    });
  }
  status_thread_ = std::jthread([this](std::stop_token stop) { WriteStatus(std::move(stop)); });
}

void Supervisor::Stop() {
  for (auto& slot : slots_) slot->thread.request_stop();
  for (auto& slot : slots_) {
    if (slot->thread.joinable()) slot->thread.join();
  }
  if (status_thread_.joinable()) {
    status_thread_.request_stop();
    status_thread_.join();
    (void)store_->Delete(StatusKey(options_.instance));
  }
}

bool Supervisor::Sleep(std::stop_token stop, int64_t micros) const {
  const int64_t until = clock_.MonotonicMicros() + micros;
  while (!stop.stop_requested() && clock_.MonotonicMicros() < until) {
    clock_.SleepMicros(std::min(kNapMicros, micros));
  }
  return !stop.stop_requested();
}

void Supervisor::SetState(Slot& slot, StreamState state, const std::string& holder) {
  const std::lock_guard lock(mutex_);
  slot.status.state = state;
  slot.status.holder = holder;
  slot.status.last_progress_micros = clock_.NowMicros();
  if (state != StreamState::kRunning) slot.status.rows_per_second = 0;
}

void Supervisor::Report(Slot& slot, const StreamStatus& said) {
  const std::lock_guard lock(mutex_);
  StreamStatus& status = slot.status;
  status.rows = slot.rows_before + said.rows;
  status.bytes = slot.bytes_before + said.bytes;
  status.dead_letters = slot.letters_before + said.dead_letters;
  status.commits = slot.commits_before + said.commits;
  status.lag_records = said.lag_records;
  status.batch_lag_micros = said.batch_lag_micros;
  status.commit_micros = said.commit_micros;
  status.last_commit_micros = std::max(status.last_commit_micros, said.last_commit_micros);
  status.last_progress_micros = std::max(status.last_progress_micros, said.last_progress_micros);
  status.error = said.error;
  status.parts = said.parts;
  const int64_t now = clock_.MonotonicMicros();
  constexpr int64_t kRateWindowMicros = 2'000'000;
  if (slot.rate_since == 0) {
    slot.rate_since = now;
    slot.rate_rows = status.rows;
  } else if (now - slot.rate_since >= kRateWindowMicros) {
    status.rows_per_second = static_cast<double>(status.rows - slot.rate_rows) * 1e6 /
                             static_cast<double>(now - slot.rate_since);
    slot.rate_since = now;
    slot.rate_rows = status.rows;
  }
}

void Supervisor::RunOnce(Slot& slot, std::stop_token stop) {
  SetState(slot, StreamState::kRunning);
  log_.Info("stream started", {{"stream", slot.job.name}, {"target", slot.job.target}});
  const int64_t began = clock_.MonotonicMicros();
  Status status;
  try {
    status = slot.job.run(stop, [this, &slot](const StreamStatus& said) { Report(slot, said); });
  } catch (const std::exception& error) {
    status = Status::Internal(slot.job.name + ": " + error.what());
  }
  {
    const std::lock_guard lock(mutex_);
    slot.rows_before = slot.status.rows;
    slot.bytes_before = slot.status.bytes;
    slot.letters_before = slot.status.dead_letters;
    slot.commits_before = slot.status.commits;
    slot.rate_since = 0;
    if (!status.ok()) {
      slot.status.error = status.message();
      ++slot.status.restarts;
    }
  }
  if (clock_.MonotonicMicros() - began > kGoodRunMicros) {
    slot.pause_micros = options_.first_pause_micros;
  }
  if (status.ok()) {
    log_.Info("stream stopped", {{"stream", slot.job.name}});
  } else {
    log_.Error("stream failed", {{"stream", slot.job.name}, {"error", status.message()}});
  }
  SetState(slot, status.ok() ? StreamState::kStopped : StreamState::kWaiting);
}

bool Supervisor::Pause(Slot& slot, std::stop_token stop) {
  const int64_t pause = slot.pause_micros;
  slot.pause_micros = std::min(pause * 2, options_.longest_pause_micros);
  return Sleep(std::move(stop), pause);
}

void Supervisor::RunShared(Slot& slot, std::stop_token stop) {
  do {
    RunOnce(slot, stop);
  } while (!stop.stop_requested() && Pause(slot, stop));
  SetState(slot, StreamState::kStopped);
}

bool Supervisor::HoldsTooMany() const {
  size_t leased = 0;
  for (const auto& slot : slots_) leased += !slot->job.shared;
  const std::lock_guard lock(mutex_);
  return held_ > (leased + processes_ - 1) / processes_;
}

void Supervisor::RunLeased(Slot& slot, std::stop_token stop) {
  LeaseOptions options;
  options.name = slot.job.name;
  options.holder = options_.instance;
  options.ttl_micros = options_.lease_ttl_micros;
  Lease lease(store_, options, clock_);
  while (!stop.stop_requested()) {
    // A lease whose holder is silent is taken whatever the share: better unfair than not run.
    const auto got = lease.TryAcquire();
    if (!got.ok()) {
      const std::lock_guard lock(mutex_);
      slot.status.error = got.status().message();
    }
    if (!got.ok() || !*got) {
      SetState(slot, StreamState::kElsewhere, lease.seen_holder());
      (void)Sleep(stop, options_.look_micros);
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      ++held_;
    }
    std::atomic<bool> ended{false};
    std::jthread life([&](std::stop_token own) {
      RunOnce(slot, std::move(own));
      ended = true;
    });
    bool surplus = false;
    while (!stop.stop_requested() && !ended && lease.LeftMicros() > 0) {
      surplus = HoldsTooMany();
      if (surplus) break;
      (void)Sleep(stop, options_.look_micros / 2);
      const auto renewed = lease.Renew();
      if (renewed.ok() && !*renewed) break;
    }
    life.request_stop();
    life.join();
    {
      const std::lock_guard lock(mutex_);
      --held_;
    }
    (void)lease.Release();
    if (surplus) {
      SetState(slot, StreamState::kElsewhere);
      (void)Sleep(stop, options_.look_micros * 3);  // the others come first
    } else if (!stop.stop_requested()) {
      (void)Pause(slot, stop);
    }
  }
  SetState(slot, StreamState::kStopped);
}

ProcessStatus Supervisor::Snapshot() const {
  ProcessStatus out;
  out.instance = options_.instance;
  out.started_micros = started_micros_;
  out.written_micros = clock_.NowMicros();
  const std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) out.streams.push_back(slot->status);
  return out;
}

void Supervisor::WriteStatus(std::stop_token stop) {
  do {
    const Status written =
        store_->Put(StatusKey(options_.instance), ToJson(Snapshot()), store::PutMode::kOverwrite);
    const auto others = ReadStatuses(*store_, clock_.NowMicros());
    if (written.ok() && others.ok()) {
      const std::lock_guard lock(mutex_);
      processes_ = std::max<size_t>(others->size(), 1);
    }
  } while (Sleep(stop, options_.look_micros));
}

Result<std::vector<ProcessStatus>> ReadStatuses(store::ObjectStore& store, int64_t now_micros,
                                                int64_t silent_micros) {
  TARN_ASSIGN_OR_RETURN(const auto listing, store.ListFolder(kStatusFolder));
  std::vector<ProcessStatus> out;
  for (const std::string& name : listing.objects) {
    if (!name.ends_with(".json")) continue;
    const std::string key = std::string(kStatusFolder) + "/" + name;
    const auto text = store.Get(key);
    if (!text.ok()) continue;  // its process stopped this moment
    auto status = ProcessStatusFromJson(*text);
    if (!status.ok()) continue;
    if (now_micros - status->written_micros > silent_micros) {
      // Dead for long: nobody else tidies up after it.
      if (now_micros - status->written_micros > 40 * silent_micros) (void)store.Delete(key);
      continue;
    }
    out.push_back(std::move(*status));
  }
  return out;
}

}  // namespace tarn::operate
