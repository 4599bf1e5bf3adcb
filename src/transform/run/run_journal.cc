#include "transform/run/run_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "transform/project/project_file.h"

namespace tarn::transform {
namespace {

std::string PathIn(const std::string& target_folder) {
  return target_folder + "/run_journal.ndjson";
}

bool IsDone(const std::string& status) {
  return status == "success" || status == "pass" || status == "warn" || status == "no-op";
}

}  // namespace

std::unique_ptr<RunJournal> RunJournal::Begin(const std::string& target_folder,
                                              const std::string& run_id, const Json& arguments,
                                              const std::vector<Node*>& nodes,
                                              const OpenRuns& earlier) {
  std::error_code error;
  std::filesystem::create_directories(target_folder, error);
  const std::string path = PathIn(target_folder);
  // The journal that is there stays until the new one can take its place with a whole first line: a
  // retry that is killed at its very start must leave what it was to take up.
  const int before = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool busy = before >= 0 && ::flock(before, LOCK_EX | LOCK_NB) != 0;
  if (before >= 0 && busy) ::close(before);
  if (busy) return nullptr;
  const std::string fresh = path + "." + std::to_string(::getpid());
  const int file = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0 || ::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (file >= 0) ::close(file);
    if (before >= 0) ::close(before);
    return nullptr;
  }
  auto journal = std::unique_ptr<RunJournal>(new RunJournal(file, path));
  Json ids = Json::array();
  for (const Node* node : nodes) ids.push_back(node->unique_id);
  journal->Append({{"run_id", run_id},
                   {"pid", static_cast<int64_t>(::getpid())},
                   {"args", arguments},
                   {"nodes", std::move(ids)},
                   {"open", earlier}});
  const bool placed = ::rename(fresh.c_str(), path.c_str()) == 0;
  if (before >= 0) ::close(before);
  return placed ? std::move(journal) : nullptr;
}

RunJournal::~RunJournal() { ::close(file_); }

void RunJournal::Append(const Json& line) {
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::lock_guard<std::mutex> guard(mutex_);
  // One call per line: a kill leaves whole lines. One that is lost costs a node's second run.
  (void)!::write(file_, text.data(), text.size());
}

void RunJournal::Done(const NodeResult& result) {
  Append({{"unique_id", result.node->unique_id}, {"status", NodeStatusName(result.status)}});
}

void RunJournal::Finish() {
  // Another command may have put its own there.
  struct stat ours {
  }, there{};
  if (::fstat(file_, &ours) == 0 && ::stat(path_.c_str(), &there) == 0 &&
      ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) {
    ::unlink(path_.c_str());
  }
}

Result<std::optional<CutOffRun>> FindCutOffRun(const std::string& target_folder) {
  const std::string path = PathIn(target_folder);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::optional<CutOffRun>();
  const bool running = ::flock(file, LOCK_SH | LOCK_NB) != 0;
  const auto text = ReadFile(path);
  ::close(file);
  if (!text.ok()) return std::optional<CutOffRun>();
  const size_t head_end = text->find('\n');
  const Json head = head_end == std::string::npos
                        ? Json()
                        : Json::parse(text->substr(0, head_end), nullptr, false);
  if (running) {
    return Status::Conflict("a run is going on in " + target_folder + " (process " +
                            TextMember(head, "pid", "unknown") + "); wait for it or stop it");
  }
  if (!head.is_object()) return std::optional<CutOffRun>();
  std::map<std::string, std::string> status;
  for (size_t at = head_end + 1; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const Json line = Json::parse(text->substr(at, end - at), nullptr, false);
    at = end + 1;
    if (!line.is_object()) continue;
    status[TextMember(line, "unique_id")] = TextMember(line, "status");
  }
  CutOffRun run;
  run.arguments = Member(head, "args");
  for (const std::string& id : TextList(Member(head, "nodes"))) {
    const auto found = status.find(id);
    if (found != status.end() && IsDone(found->second)) continue;
    run.left.push_back(id);
    if (found != status.end() && found->second != "skipped") continue;
    std::vector<std::string>& runs = run.open[id] = TextList(Member(Member(head, "open"), id));
    if (found == status.end()) runs.push_back(TextMember(head, "run_id"));
  }
  return std::optional<CutOffRun>(std::move(run));
}

}  // namespace tarn::transform
