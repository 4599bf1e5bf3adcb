// sim: runs seeds of the simulation, in several processes, and counts what happened.
//
//   sim [--first N] [--seeds N] [--jobs N] [--regressions FILE] [--require-all] [--quiet]
//   sim --trace --first N          one seed, with everything it does
//
// Exit codes: 0 everything held, 1 a seed failed (its trace and the command to replay it are
// printed) or, with --require-all, something never happened; 2 wrong usage.
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tally.h"
#include "world.h"

namespace tarn::sim {
namespace {

struct Options {
  uint64_t first = 1;
  uint64_t seeds = 1000;
  uint64_t jobs = 2;
  std::string regressions;
  bool trace = false;
  bool require_all = false;
  bool quiet = false;
};

constexpr size_t kSeedsForRareThings = 50'000;
constexpr uint64_t kReportEvery = 200;
constexpr size_t kTraceLines = 400;
// Determinism is what makes a seed worth printing; checking it doubles a run.
constexpr uint64_t kRepeatEvery = 500;

void PrintTrace(const World& world) {
  const auto& lines = world.trace();
  const size_t from = lines.size() > kTraceLines ? lines.size() - kTraceLines : 0;
  if (from > 0) std::printf("  ... %zu earlier lines\n", from);
  for (size_t i = from; i < lines.size(); ++i) std::printf("  %s\n", lines[i].c_str());
}

// The world of a failed seed is not torn down: its fibers stand in the middle of things.
[[noreturn]] void ReportFailure(uint64_t seed, const std::string& violation) {
  auto* again = new World(seed, /*tracing=*/true);
  again->Run();
  PrintTrace(*again);
  std::printf("seed %llu failed: %s\n", static_cast<unsigned long long>(seed), violation.c_str());
  if (again->violation() != violation)
    std::printf("it failed otherwise when run again: %s\n", again->violation().c_str());
  std::printf("replay: make sim-replay SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  _exit(1);
}

void RunSeed(uint64_t seed, Tally* tally) {
  auto world = std::make_unique<World>(seed, /*tracing=*/false);
  if (!world->Run()) {
    const std::string violation = world->violation();
    (void)world.release();
    ReportFailure(seed, violation);
  }
  tally->Add(world->tally());
  if (seed % kRepeatEvery != 0) return;
  World again(seed, /*tracing=*/false);
  again.Run();
  if (again.digest() != world->digest()) {
    std::printf("seed %llu: two runs differ; something asks neither clock nor random\n",
                static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    _exit(1);
  }
}

void Send(int pipe, const std::string& line) {
  if (write(pipe, line.data(), line.size()) < 0) _exit(3);
}

// Runs every `jobs`-th seed; tells the parent how many are done and, at the end, the counts.
[[noreturn]] void Child(const std::vector<uint64_t>& seeds, size_t job, size_t jobs, int pipe) {
  Tally tally;
  uint64_t done = 0;
  for (size_t i = job; i < seeds.size(); i += jobs) {
    RunSeed(seeds[i], &tally);
    if (++done % kReportEvery == 0) Send(pipe, "done " + std::to_string(kReportEvery) + "\n");
  }
  Send(pipe, "done " + std::to_string(done % kReportEvery) + "\n");
  for (int event = 0; event < kEventCount; ++event)
    Send(pipe, "count " + std::to_string(event) + " " + std::to_string(tally[event]) + "\n");
  _exit(0);
}

struct Worker {
  pid_t pid = -1;
  int pipe = -1;
  std::string pending;
  bool open = true;
};

void Take(Worker* worker, Tally* tally, uint64_t* done) {
  size_t end;
  while ((end = worker->pending.find('\n')) != std::string::npos) {
    std::istringstream line(worker->pending.substr(0, end));
    worker->pending.erase(0, end + 1);
    std::string word;
    uint64_t first = 0, second = 0;
    line >> word >> first >> second;
    if (word == "done") {
      *done += first;
    } else {
      tally->Set(static_cast<int>(first), (*tally)[static_cast<int>(first)] + second);
    }
  }
}

// Reads from the workers until all have ended. False: one failed; the others are stopped.
bool Collect(std::vector<Worker>* workers, uint64_t total, bool quiet, Tally* tally) {
  const auto start = std::chrono::steady_clock::now();
  uint64_t done = 0;
  bool good = true;
  size_t open = workers->size();
  auto last = start;
  while (open > 0) {
    std::vector<pollfd> polls;
    for (const Worker& worker : *workers)
      polls.push_back({worker.open ? worker.pipe : -1, POLLIN, 0});
    poll(polls.data(), polls.size(), 1000);
    for (size_t i = 0; i < polls.size(); ++i) {
      Worker& worker = (*workers)[i];
      if (polls[i].revents == 0) continue;
      char bytes[4096];
      const ssize_t size = read(worker.pipe, bytes, sizeof bytes);
      if (size > 0) {
        worker.pending.append(bytes, static_cast<size_t>(size));
        Take(&worker, tally, &done);
        continue;
      }
      worker.open = false;
      --open;
      int status = 0;
      waitpid(worker.pid, &status, 0);
      if (WIFSIGNALED(status)) std::printf("a worker died of signal %d\n", WTERMSIG(status));
      if (status == 0 || !good) continue;
      good = false;
      for (const Worker& other : *workers) {
        if (other.open) kill(other.pid, SIGTERM);
      }
    }
    const auto now = std::chrono::steady_clock::now();
    if (quiet || now - last < std::chrono::seconds(5)) continue;
    last = now;
    std::fprintf(stderr, "sim: %llu of %llu seeds, %lld s\n", static_cast<unsigned long long>(done),
                 static_cast<unsigned long long>(total),
                 static_cast<long long>((now - start) / std::chrono::seconds(1)));
  }
  return good;
}

std::vector<uint64_t> SeedsOf(const Options& options) {
  std::vector<uint64_t> seeds;
  if (!options.regressions.empty()) {
    std::ifstream file(options.regressions);
    for (std::string line; std::getline(file, line);) {
      if (!line.empty() && line[0] != '#')
        seeds.push_back(std::strtoull(line.c_str(), nullptr, 10));
    }
  }
  for (uint64_t i = 0; i < options.seeds; ++i) seeds.push_back(options.first + i);
  return seeds;
}

int Summarize(const Tally& tally, size_t seeds, bool require_all) {
  std::printf("%zu seeds, 0 violations\n", seeds);
  int missing = 0;
  for (int event = 0; event < kEventCount; ++event) {
    const uint64_t count = tally[event];
    const std::string name(kEventNames[static_cast<size_t>(event)]);
    std::printf("%12llu  %s%s\n", static_cast<unsigned long long>(count), name.c_str(),
                count == 0 ? "   <-- never" : "");
    const bool rare = event == static_cast<int>(Event::kStray) && seeds < kSeedsForRareThings;
    missing += count == 0 && !rare;
  }
  if (missing == 0 || !require_all) return 0;
  std::printf("%d of %d things never happened: the simulation does not cover what it says\n",
              missing, kEventCount);
  return 1;
}

int RunTraced(uint64_t seed) {
  auto* world = new World(seed, /*tracing=*/true);
  const bool good = world->Run();
  for (const std::string& line : world->trace()) std::printf("%s\n", line.c_str());
  std::printf("seed %llu %s%s\n", static_cast<unsigned long long>(seed),
              good ? "holds" : "failed: ", world->violation().c_str());
  std::fflush(stdout);
  _exit(good ? 0 : 1);
}

int RunAll(const Options& options) {
  const std::vector<uint64_t> seeds = SeedsOf(options);
  std::vector<Worker> workers;
  for (size_t job = 0; job < options.jobs; ++job) {
    int ends[2];
    if (pipe(ends) != 0) return 2;
    const pid_t pid = fork();
    if (pid == 0) {
      close(ends[0]);
      Child(seeds, job, options.jobs, ends[1]);
    }
    close(ends[1]);
    workers.push_back({pid, ends[0], "", true});
  }
  Tally tally;
  if (!Collect(&workers, seeds.size(), options.quiet, &tally)) return 1;
  return Summarize(tally, seeds.size(), options.require_all);
}

int Usage() {
  std::fprintf(stderr,
               "usage: sim [--first N] [--seeds N] [--jobs N] [--regressions FILE] [--require-all] "
               "[--quiet] [--trace]\n");
  return 2;
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto next = [&] { return i + 1 < argc ? argv[++i] : "0"; };
    if (flag == "--first") {
      options.first = std::strtoull(next(), nullptr, 10);
    } else if (flag == "--seeds") {
      options.seeds = std::strtoull(next(), nullptr, 10);
    } else if (flag == "--jobs") {
      options.jobs = std::strtoull(next(), nullptr, 10);
    } else if (flag == "--regressions") {
      options.regressions = next();
    } else if (flag == "--trace") {
      options.trace = true;
    } else if (flag == "--require-all") {
      options.require_all = true;
    } else if (flag == "--quiet") {
      options.quiet = true;
    } else {
      return Usage();
    }
  }
  if (options.jobs == 0) return Usage();
  spdlog::set_level(spdlog::level::off);  // what fails after a commit is no news here
  return options.trace ? RunTraced(options.first) : RunAll(options);
}

}  // namespace
}  // namespace tarn::sim

int main(int argc, char** argv) { return tarn::sim::Main(argc, argv); }
