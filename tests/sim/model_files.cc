// What the model knows of files: which versions and clones need them, and what the change feed
// says.
#include <algorithm>

#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/path_key.h"
#include "delta/vacuum_mark.h"
#include "model.h"
#include "sim_store.h"

namespace tarn::sim {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kMarkMs = 2 * delta::kLongestDeletingMs;
constexpr int64_t kMakingMs = 24 * kHourMs;  // how long a clone's registration stands without it

bool IsLog(const std::string& key) { return key.find("/_delta_log/") != std::string::npos; }

// A file of the source, named by a clone: its key.
std::string SourceKey(const std::string& absolute) {
  std::string scratch;
  const std::string path(delta::CanonicalPath(absolute, &scratch));
  return path.starts_with(SimStore::kPlace) ? path.substr(sizeof(SimStore::kPlace) - 1) : path;
}

}  // namespace

int64_t Model::NowMs() const { return world_.clock().store_micros() / 1000; }

// The oldest version that was the newest at some time since then.
int64_t Model::FirstReplacedSince(int64_t ms) const {
  int64_t version = latest();
  while (version > 0 && commit_ms_[static_cast<size_t>(version)] >= ms) --version;
  return version;
}

int64_t Model::oldest() const {
  if (!world_.conditions().cleanup) return 0;
  return FirstReplacedSince(NowMs() - world_.conditions().log_hours * kHourMs);
}

int64_t Model::oldest_with_files() const {
  if (!world_.conditions().vacuum) return 0;
  // Of what has left the log VACUUM knows nothing.
  return std::max(oldest(), FirstReplacedSince(NowMs() - world_.conditions().file_hours * kHourMs));
}

Intent* Model::IntentOf(const delta::CommitInfo* info) {
  if (info == nullptr) return nullptr;
  if (info->operation.starts_with("VACUUM")) {
    Intent& intent = NewIntent(Kind::kChange);
    intent.fate = Intent::Fate::kAcknowledged;
    return &intent;
  }
  const auto parameter = info->operation_parameters.find(kIntent);
  const auto found = intents_.find(parameter != info->operation_parameters.end()
                                       ? NumberOf(parameter->second)
                                       : NumberOf(info->user_metadata.value_or("0")));
  if (found == intents_.end()) return nullptr;
  if (found->second.kind == Kind::kRestore) found->second.base = info->read_version.value_or(-1);
  return &found->second;
}

// --- files ---

void Model::OnPut(const std::string& key) {
  if (!IsLog(key)) put_ms_[key] = NowMs();
}

void Model::OnEntry(const std::string& key, int64_t version, const std::string& bytes) {
  const std::string root = key.substr(0, key.find("/_delta_log/"));
  if (root == kRoot) return OnCommit(version, bytes);
  OnCloneCommit(root, bytes);
}

bool Model::Needs(const State& state, const std::string& key) const {
  return std::any_of(state.files.begin(), state.files.end(), [&](const auto& file) {
    if (kTable + file.first == key) return true;
    const auto vector = vector_keys_.find(file.second.vector);
    return vector != vector_keys_.end() && vector->second == key;
  });
}

std::set<std::string> Model::KeysOf(const State& state) const {
  std::set<std::string> out = state.change_files;
  for (const auto& [path, file] : state.files) {
    out.insert(kTable + path);
    const auto vector = vector_keys_.find(file.vector);
    if (vector != vector_keys_.end() && !vector->second.empty()) out.insert(vector->second);
  }
  return out;
}

void Model::NameFilesOf(const std::vector<delta::Action>& actions) {
  State named;
  for (const delta::Action& action : actions) {
    if (const auto* add = std::get_if<delta::AddFile>(&action)) {
      named.files[add->path].vector = add->deletion_vector ? add->deletion_vector->UniqueId() : "";
    } else if (const auto* change = std::get_if<delta::AddCdcFile>(&action)) {
      named.change_files.insert(kTable + change->path);
    }
  }
  named_.merge(KeysOf(named));
}

// What a commit names is there, unless its writer was slower than a VACUUM waits.
void Model::CheckFiles(const State& before, const State& after) {
  const std::set<std::string> had = KeysOf(before);
  for (const std::string& key : KeysOf(after)) {
    const bool first = named_.insert(key).second;
    if (had.count(key) != 0 || world_.store()->Holds(key)) continue;
    const auto put = put_ms_.find(key);
    const bool slow = first && world_.conditions().vacuum && put != put_ms_.end() &&
                      NowMs() - put->second >= world_.conditions().file_hours * kHourMs;
    if (!slow) return Fail("names " + key + ", which is not there");
    lost_files_ = true;
    world_.Count(Event::kVacuumOutranSlow);
  }
}

void Model::OnDelete(const std::string& key, int64_t vacuum_began_micros) {
  at_ = latest();
  if (!IsLog(key)) return CheckDelete(key, vacuum_began_micros / 1000);
  const size_t slash = key.rfind('/');
  const auto name = delta::ParseLogFileName(key.substr(slash + 1));
  if (!name || name->kind != delta::LogFileKind::kCommit) return;
  if (key.starts_with(std::string(kTable) + "_delta_log/") && name->version.value() >= oldest())
    Fail("entry " + key + " goes, which is inside the log's retention");
}

void Model::CheckDelete(const std::string& key, int64_t vacuum_began_ms) {
  if (vacuum_began_ms == 0) return Fail(key + " is deleted by nobody's VACUUM");
  world_.Count(Event::kVacuumDeleted);
  // A request that arrives after the mark of its VACUUM has expired may meet a file that was
  // brought back since.
  const bool expired = NowMs() - vacuum_began_ms >= kMarkMs;
  for (const auto& [root, clone] : clones_) {
    const bool before = !expired || clone.landed_ms < vacuum_began_ms;
    if (clone.landed && clone.vouched && before && clone.keys.count(key) != 0)
      Fail("VACUUM deletes " + key + ", which clone " + root + " needs");
  }
  for (int64_t version = oldest_with_files(); version <= latest(); ++version) {
    // What changed is kept of what was committed inside the retention, not of what stood then.
    const bool changes = version > oldest_with_files() && state(version).change_files.count(key);
    if (!changes && !Needs(state(version), key)) continue;
    // The first commit that names a file may come after VACUUM took it for an orphan: its writer
    // was slower than the retention.
    int64_t first = version;
    while (first > 0 && !changes && Needs(state(first - 1), key)) --first;
    bool earlier = false;
    for (int64_t before = 0; before < first && !earlier; ++before)
      earlier = Needs(state(before), key);
    if ((!earlier || expired) && commit_ms_[static_cast<size_t>(first)] >= vacuum_began_ms) {
      lost_files_ = true;
      return world_.Count(Event::kVacuumOutranSlow);
    }
    at_ = version;
    return Fail("VACUUM deletes " + key + ", which this version needs");
  }
}

// --- clones ---

CloneFacts& Model::BeginClone(const std::string& root, int64_t source_version) {
  CloneFacts& clone = clones_[root];
  clone.source_version = source_version;
  clone.begun_ms = NowMs();
  return clone;
}

void Model::OnCloneCommit(const std::string& root, const std::string& bytes) {
  const auto found = clones_.find(root);
  const auto actions = delta::ParseActions(bytes, root);
  if (found == clones_.end() || !actions.ok()) return world_.Fail(root + " is no clone");
  CloneFacts& clone = found->second;
  if (clone.dropped) return;
  if (clone.landed) return world_.Fail("clone " + root + " is made twice");
  clone.landed = true;
  clone.landed_ms = NowMs();
  for (const delta::Action& action : *actions) {
    const auto* add = std::get_if<delta::AddFile>(&action);
    if (add == nullptr) continue;
    ++clone.files;
    clone.keys.insert(SourceKey(add->path));
    if (add->deletion_vector && add->deletion_vector->storage_type == 'p')
      clone.keys.insert(SourceKey(add->deletion_vector->path_or_inline));
  }
  const std::set<std::string> wanted = KeysOf(state(clone.source_version));
  for (const std::string& key : clone.keys) {
    if (wanted.count(key) == 0) world_.Fail("clone " + root + " names " + key + " for nothing");
  }
  // A registration without a clone is forgotten after a day, and stands for nothing once the log of
  // its version is cleaned up.
  clone.vouched = NowMs() - clone.begun_ms < kMakingMs && clone.source_version >= oldest();
  for (const std::string& key : clone.keys) {
    if (clone.vouched && !lost_files_ && !world_.store()->Holds(key))
      world_.Fail("clone " + root + " is made over " + key + ", which is gone");
  }
}

// --- the change feed ---

Change Model::ChangeOf(const delta::ChangeFile& file) {
  Change out;
  if (!file.change) {
    const auto found = changes_.find(file.file.path);
    if (found != changes_.end()) return found->second;
    Fail("change file " + file.file.path + " was never written");
    return out;
  }
  const auto contents = contents_.find(file.file.path);
  if (contents == contents_.end()) {
    Fail("the feed names " + file.file.path + ", which was never written");
    return out;
  }
  const auto& hidden =
      vectors_.at(file.file.deletion_vector ? file.file.deletion_vector->UniqueId() : "");
  Rows& rows = *file.change == "insert" ? out.inserted : out.deleted;
  for (size_t i = 0; i < contents->second.size(); ++i) {
    if (file.only ? file.only->Contains(i) : hidden.count(i) == 0)
      rows.push_back(contents->second[i]);
  }
  return out;
}

void Model::OnChangeFeed(int64_t first, int64_t last, const delta::ChangeFeed& feed) {
  at_ = last;
  std::map<Uid, int64_t> counts;
  if (first > 0) {
    for (const Uid uid : state(first - 1).rows) ++counts[uid];
  }
  for (const delta::ChangeFile& file : feed.files) {
    const Change change = ChangeOf(file);
    for (const Uid uid : change.inserted) ++counts[uid];
    for (const Uid uid : change.deleted) --counts[uid];
  }
  for (const Uid uid : state(last).rows) --counts[uid];
  for (const auto& [uid, count] : counts) {
    if (count == 0) continue;
    return Fail("the change feed from version " + std::to_string(first) + " leaves row " +
                std::to_string(uid) + (count > 0 ? " over" : " out"));
  }
}

}  // namespace tarn::sim
