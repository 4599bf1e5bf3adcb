#include "sim_store.h"

#include <algorithm>

#include "delta/json.h"
#include "delta/log.h"
#include "model.h"

namespace tarn::sim {
namespace {

constexpr uint64_t kStaleChanges = 3;  // how far behind a stale answer is, at most

// Damage that can be noticed: a compacted log cut between two lines would be a valid, shorter one.
void CutInsideLine(std::string* bytes, Random& random) {
  if (bytes->size() < 2) return;
  size_t cut = 1 + random.Uniform(bytes->size() - 1);
  while (cut > 1 && ((*bytes)[cut - 1] == '\n' || (*bytes)[cut] == '\n')) --cut;
  bytes->resize(cut);
}

}  // namespace

Result<const SimStore::Object*> SimStore::Find(const std::string& key) {
  const auto found = objects_.find(key);
  const bool there = found != objects_.end();
  if (there && world_.conditions().eventual &&
      found->second.written_at + kStaleChanges > changes_ &&
      world_.Strikes(Event::kStaleRead, 12)) {
    return Status::NotFound(key + " is not visible yet");
  }
  if (!there) return Status::NotFound(key + " does not exist in " + Describe());
  return &found->second;
}

// The way to the store and its answer to a call that changes nothing.
Status SimStore::Ask(const char* what, const std::string& key, Event fault, uint64_t one_in) {
  world_.Step(what, key);
  if (world_.CutOff() || world_.Strikes(fault, one_in)) {
    return Status::Io(std::string("simulated failure of ") + what + " " + key,
                      RetryClass::kBackoff);
  }
  return Status::Ok();
}

Result<std::string> SimStore::Get(const std::string& key) {
  TARN_RETURN_IF_ERROR(Ask("get", key, Event::kReadFailed, 90));
  TARN_ASSIGN_OR_RETURN(const Object* object, Find(key));
  if (key.ends_with(".compacted.json")) world_.Count(Event::kCompactedRead);
  return object->bytes;
}

Result<std::string> SimStore::GetRange(const std::string& key, uint64_t offset, uint64_t length) {
  TARN_ASSIGN_OR_RETURN(std::string bytes, Get(key));
  if (offset > bytes.size()) return Status::InvalidArgument("offset beyond the end of " + key);
  return bytes.substr(offset, length);
}

Result<store::ObjectInfo> SimStore::Head(const std::string& key) {
  TARN_RETURN_IF_ERROR(Ask("head", key, Event::kReadFailed, 90));
  TARN_ASSIGN_OR_RETURN(const Object* object, Find(key));
  return store::ObjectInfo{key, object->bytes.size(), object->modified_micros, {}};
}

Status SimStore::Put(const std::string& key, std::string_view bytes, store::PutMode mode) {
  TARN_RETURN_IF_ERROR(Ask("put", key, Event::kPutFailed, 40));
  if (world_.Strikes(Event::kPutRefused, 150))
    return Status::Resource("simulated full disk at put " + key);
  if (world_.Strikes(Event::kLostRequest, 50))
    return Status::OutcomeUnknown("simulated lost request of put " + key);
  if (world_.Strikes(Event::kDelayedPut, 50)) {
    delayed_.push_back({key, std::string(bytes), mode, false, 0});
    return Status::OutcomeUnknown("simulated delay of put " + key);
  }
  const Status status = Apply(key, std::string(bytes), mode);
  world_.Step("put reply", key);
  if (world_.CutOff() || (status.ok() && world_.Strikes(Event::kLostReply, 30)))
    return Status::OutcomeUnknown("simulated lost reply of put " + key);
  return status;
}

Status SimStore::Delete(const std::string& key) {
  TARN_RETURN_IF_ERROR(Ask("delete", key, Event::kPutFailed, 40));
  if (world_.Strikes(Event::kDelayedDelete, 15)) {
    delayed_.push_back({key, "", store::PutMode::kOverwrite, true, world_.vacuum_began});
    return Status::OutcomeUnknown("simulated delay of delete " + key);
  }
  ApplyDelete(key, world_.vacuum_began);
  world_.Step("delete reply", key);
  return Status::Ok();
}

// Only what readers can do without: the rest of the log is the table.
bool SimStore::MayRot(const std::string& key) {
  return key.find(".checkpoint.") != std::string::npos || key.ends_with(".compacted.json") ||
         key.ends_with("_last_checkpoint");
}

Status SimStore::Apply(const std::string& key, std::string bytes, store::PutMode mode) {
  const bool there = objects_.count(key) != 0;
  if (there && mode == store::PutMode::kCreateOnly)
    return Status::AlreadyExists(key + " exists in " + Describe());
  const auto slash = key.rfind('/');
  const auto name = delta::ParseLogFileName(key.substr(slash + 1));
  const bool commit = name && name->kind == delta::LogFileKind::kCommit;
  if (commit && there) world_.Fail("commit " + key + " was overwritten");
  if (world_.conditions().rot && MayRot(key) && world_.Strikes(Event::kRottenBytes, 4)) {
    CutInsideLine(&bytes, world_.random());
  }
  Object& object = objects_[key];
  object.bytes = std::move(bytes);
  object.modified_micros = world_.clock().store_micros();
  object.written_at = ++changes_;
  if (world_.tracing()) world_.Trace("  stored " + key);
  world_.model().OnPut(key);
  if (commit) world_.model().OnEntry(key, name->version.value(), object.bytes);
  return Status::Ok();
}

void SimStore::ApplyDelete(const std::string& key, int64_t vacuum_began) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  world_.model().OnDelete(key, vacuum_began);
  const Object& object = found->second;
  gone_.push_back(
      {{key, object.bytes.size(), object.modified_micros, {}}, object.written_at, ++changes_});
  if (gone_.size() > 2 * kStaleChanges) gone_.pop_front();
  objects_.erase(found);
  if (world_.tracing()) world_.Trace("  deleted " + key);
}

Result<std::vector<store::ObjectInfo>> SimStore::List(const std::string& prefix,
                                                      const std::string& start_after,
                                                      size_t limit) {
  TARN_RETURN_IF_ERROR(Ask("list", prefix, Event::kListFailed, 40));
  uint64_t as_of = changes_;
  if (world_.conditions().eventual && world_.Strikes(Event::kStaleList, 4))
    as_of -= std::min(as_of, 1 + world_.random().Uniform(kStaleChanges));
  std::vector<store::ObjectInfo> out;
  auto it = start_after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(start_after);
  for (; it != objects_.end() && it->first.starts_with(prefix); ++it) {
    if (it->second.written_at <= as_of)
      out.push_back({it->first, it->second.bytes.size(), it->second.modified_micros, {}});
  }
  if (as_of < changes_) {
    for (const Gone& gone : gone_) {
      if (gone.written_at <= as_of && as_of < gone.deleted_at && gone.info.key > start_after &&
          gone.info.key.starts_with(prefix) && objects_.count(gone.info.key) == 0) {
        out.push_back(gone.info);
      }
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  }
  if (limit != 0 && out.size() > limit) out.resize(limit);
  return out;
}

std::vector<store::ObjectInfo> SimStore::Everything() const {
  std::vector<store::ObjectInfo> out;
  for (const auto& [key, object] : objects_)
    out.push_back({key, object.bytes.size(), object.modified_micros, {}});
  return out;
}

Result<store::ObjectStore::Listing> SimStore::ListFolder(const std::string& folder) {
  TARN_ASSIGN_OR_RETURN(const auto objects, List(folder + "/", "", 0));
  Listing out;
  for (const auto& object : objects) {
    const std::string rest = object.key.substr(folder.size() + 1);
    const size_t slash = rest.find('/');
    auto& names = slash == std::string::npos ? out.objects : out.folders;
    if (names.empty() || names.back() != rest.substr(0, slash))
      names.push_back(rest.substr(0, slash));
  }
  return out;
}

namespace {

class SimWriter final : public store::ObjectWriter {
 public:
  SimWriter(std::shared_ptr<SimStore> store, std::string key, store::PutMode mode)
      : store_(std::move(store)), key_(std::move(key)), mode_(mode) {}
  Status Append(std::string_view bytes) override {
    bytes_.append(bytes);
    return Status::Ok();
  }
  Status Finish() override { return store_->Put(key_, bytes_, mode_); }

 private:
  std::shared_ptr<SimStore> store_;
  std::string key_;
  store::PutMode mode_;
  std::string bytes_;
};

constexpr std::string_view kBegin = "checkpoint\n";
constexpr std::string_view kEnd = "end\n";

class SimCheckpointFormat final : public delta::CheckpointFormat {
 public:
  explicit SimCheckpointFormat(World& world) : world_(world) {}
  Status Read(store::ObjectStore& store, const std::string& key,
              const delta::CheckpointReadOptions&, delta::CheckpointSink* sink) override {
    TARN_ASSIGN_OR_RETURN(const std::string bytes, store.Get(key));
    if (!bytes.starts_with(kBegin) || !bytes.ends_with(kEnd))
      return Status::Corruption(key + " is cut off");
    world_.Count(Event::kCheckpointRead);
    return delta::ReadActions(
        bytes.substr(kBegin.size(), bytes.size() - kBegin.size() - kEnd.size()), key, sink);
  }
  Result<uint64_t> Write(
      store::ObjectStore& store, const std::string& key, const delta::Metadata&,
      const std::function<Result<std::optional<delta::Action>>()>& next) override {
    std::string bytes(kBegin);
    while (true) {
      TARN_ASSIGN_OR_RETURN(const auto action, next());
      if (!action) break;
      delta::AppendAction(*action, &bytes);
    }
    bytes += kEnd;
    TARN_RETURN_IF_ERROR(store.Put(key, bytes, store::PutMode::kOverwrite));
    world_.Count(Event::kCheckpoint);
    return bytes.size();
  }

 private:
  World& world_;
};

}  // namespace

Result<std::unique_ptr<store::ObjectWriter>> SimStore::OpenWriter(const std::string& key,
                                                                  store::PutMode mode) {
  return std::unique_ptr<store::ObjectWriter>(new SimWriter(shared_from_this(), key, mode));
}

void SimStore::DeliverDelayed(uint64_t one_in) {
  for (size_t i = 0; i < delayed_.size();) {
    if (!world_.Chance(one_in)) {
      ++i;
      continue;
    }
    const Request request = std::move(delayed_[i]);
    delayed_.erase(delayed_.begin() + static_cast<int64_t>(i));
    if (world_.tracing()) world_.Trace("late arrival: " + request.key);
    if (request.is_delete) {
      ApplyDelete(request.key, request.vacuum_began);
    } else {
      (void)Apply(request.key, request.bytes, request.mode).ok();  // nobody hears the answer
    }
  }
}

std::shared_ptr<delta::CheckpointFormat> MakeSimCheckpointFormat(World& world) {
  return std::make_shared<SimCheckpointFormat>(world);
}

}  // namespace tarn::sim
