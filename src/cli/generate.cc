#include "cli/generate.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/clock.h"
#include "cli/generate_file.h"
#include "cli/generate_lines.h"
#include "cli/generate_text.h"
#include "cli/generate_truth.h"
#include "cli/generate_world.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStreams[] = {"events", "users", "transactions", "sessions"};

Status Check(const GenerateOptions& options) {
  if (!(options.scale > 0 && options.scale <= 10'000)) {
    return Status::InvalidArgument("--scale must be above 0 and at most 10000");
  }
  if (options.days < 1 || options.days > 3660) {
    return Status::InvalidArgument("--days must be between 1 and 3660");
  }
  if (options.end_day < 3660 || options.end_day > 400'000) {
    return Status::InvalidArgument("--end-date must lie between 1980 and 3065");
  }
  return Status::Ok();
}

// Data of other options in the same folder would be ingested along with ours.
Status PrepareFolder(const GenerateOptions& options) {
  const fs::path out(options.out);
  std::ifstream old(out / "truth.json", std::ios::binary);
  const std::string truth{std::istreambuf_iterator<char>(old), std::istreambuf_iterator<char>()};
  std::error_code error;
  const bool same = truth.starts_with("{\n" + ParametersJson(options));
  bool occupied = false;
  for (const char* stream : kStreams) occupied = occupied || fs::exists(out / stream, error);
  if (occupied && !same) {
    if (!options.overwrite) {
      return Status::AlreadyExists(
          options.out +
          " holds data made with other options, or only half of it; choose "
          "another --out, or replace it with --overwrite");
    }
    for (const char* stream : kStreams) fs::remove_all(out / stream, error);
    fs::remove(out / "truth.json", error);
  }
  for (const char* stream : kStreams) {
    fs::create_directories(out / stream, error);
    if (error) {
      return Status::Io((out / stream).string() + " cannot be made: " + error.message());
    }
  }
  return Status::Ok();
}

class Generator {
 public:
  explicit Generator(const GenerateOptions& options)
      : options_(options),
        world_(options.seed, options.scale, options.days, options.end_day),
        seen_(kPlatformCount, SeenUsers(world_.AllUsers())) {
    truth_.activity.resize(static_cast<size_t>(options.days) * kPlatformCount);
  }

  Result<GenerateReport> Run(const std::function<void(double)>& progress) {
    for (int day = 0; day < world_.days(); ++day) {
      TARN_RETURN_IF_ERROR(WriteDay(day));
      if (progress) progress(static_cast<double>(day + 1) / world_.days());
    }
    CountUserHistory(world_, &truth_);
    // Last, so that a folder with a truth is complete.
    GenerateFile file((fs::path(options_.out) / "truth.json").string(), false);
    file.buffer() += TruthJson(truth_, options_, world_);
    TARN_RETURN_IF_ERROR(file.Close());
    report_.events = truth_.events.lines;
    report_.users = truth_.users.lines;
    report_.transactions = truth_.transactions.lines;
    report_.sessions = truth_.sessions.lines;
    return report_;
  }

 private:
  std::string Path(const char* stream, int day, const char* extension) const {
    return (fs::path(options_.out) / stream /
            (std::string(stream) + "-" + FormatDate(world_.EpochDay(day)) + extension))
        .string();
  }

  Status WriteDay(int day) {
    GenerateFile events(Path("events", day, ".ndjson"), options_.gzip);
    GenerateFile sessions(Path("sessions", day, ".ndjson"), options_.gzip);
    GenerateFile transactions(Path("transactions", day, ".csv"), options_.gzip);
    GenerateFile users(Path("users", day, options_.users_csv ? ".csv" : ".ndjson"), options_.gzip);
    transactions.buffer() += kTransactionsHeader;
    for (SeenUsers& seen : seen_) seen.Clear();
    for (int base = std::max(0, day - kMaxDelayDays); base <= day; ++base) {
      last_session_ = 0;
      world_.ForEachEvent(base, [&](const Session& session, const Event& event) {
        EmitEvent(day, session, event, events);
        WriteTransaction(world_, session, event, base, day, transactions, &truth_);
        if (base == day) CountDay(day, session, event);
      });
    }
    for (uint64_t i = 0; i < world_.SessionsPerDay(); ++i) EmitSession(day, i, sessions);
    WriteUserChanges(world_, day, options_.users_csv, users, &truth_.users);
    for (GenerateFile* file : {&events, &sessions, &transactions, &users}) {
      TARN_RETURN_IF_ERROR(file->Close());
      report_.bytes += file->bytes();
      ++report_.files;
    }
    return Status::Ok();
  }

  void EmitSession(int day, uint64_t index, GenerateFile& file) {
    const Session session = world_.SessionAt(day, index);
    int64_t clock_ms = session.start_ms;
    for (int n = 0; n < session.events; ++n) (void)world_.EventAt(day, session, n, &clock_ms);
    WriteSession(session, clock_ms, file, &truth_.sessions);
  }

  void EmitEvent(int day, const Session& session, const Event& event, GenerateFile& file) {
    if (world_.DayOf(event.received_ms) == day) {
      AppendEventLine(&file.buffer(), session, event, event.received_ms);
      ++truth_.events.lines;
      if (event.garbage_after) {
        file.buffer() += kGarbage[event.details % kGarbage.size()];
        file.buffer() += '\n';
        ++truth_.events.lines;
        ++truth_.events.malformed;
      }
    }
    if (event.redelivered && world_.DayOf(event.redelivered_ms) == day) {
      AppendEventLine(&file.buffer(), session, event,
                      event.exact_copy ? event.received_ms : event.redelivered_ms);
      ++truth_.events.lines;
      ++truth_.events.duplicates;
    }
    file.Spill();
  }

  void CountDay(int day, const Session& session, const Event& event) {
    CountEvent(event, &truth_);
    if (event.fault != EventFault::kNone) return;
    ActivityTruth& row = truth_.activity[day * kPlatformCount + session.platform];
    ++row.events;
    row.late += event.late ? 1 : 0;
    row.dau += seen_[session.platform].Add(session.user) ? 1 : 0;
    // Events of a session follow each other.
    if (session.id != last_session_) ++row.sessions;
    last_session_ = session.id;
  }

  const GenerateOptions& options_;
  const World world_;
  std::vector<SeenUsers> seen_;
  Truth truth_;
  GenerateReport report_;
  uint64_t last_session_ = 0;
};

}  // namespace

Result<GenerateReport> Generate(const GenerateOptions& options,
                                const std::function<void(double)>& progress) {
  TARN_RETURN_IF_ERROR(Check(options));
  TARN_RETURN_IF_ERROR(PrepareFolder(options));
  return Generator(options).Run(progress);
}

}  // namespace tarn::cli
