// The store tests and simulations run on: one map under one mutex.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "store/object_store.h"

namespace tarn::store {
namespace {

struct StoredObject {
  std::string bytes;
  int64_t modified_micros = 0;
};

class MemoryStore final : public ObjectStore, public std::enable_shared_from_this<MemoryStore> {
 public:
  Result<std::string> Get(const std::string& key) override {
    std::lock_guard lock(mutex_);
    TARN_ASSIGN_OR_RETURN(const StoredObject* object, FindLocked(key));
    return object->bytes;
  }

  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override {
    std::lock_guard lock(mutex_);
    TARN_ASSIGN_OR_RETURN(const StoredObject* object, FindLocked(key));
    if (offset > object->bytes.size()) {
      return Status::InvalidArgument("offset " + std::to_string(offset) + " is beyond the end of " +
                                     key);
    }
    return object->bytes.substr(offset, length);
  }

  Result<ObjectInfo> Head(const std::string& key) override {
    std::lock_guard lock(mutex_);
    TARN_ASSIGN_OR_RETURN(const StoredObject* object, FindLocked(key));
    return ObjectInfo{key, object->bytes.size(), object->modified_micros};
  }

  Status Put(const std::string& key, std::string_view bytes, PutMode mode) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    std::lock_guard lock(mutex_);
    if (mode == PutMode::kCreateOnly && objects_.count(key) != 0) {
      return Status::AlreadyExists(key + " exists in " + Describe());
    }
    objects_[key] = StoredObject{std::string(bytes), Clock::System().NowMicros()};
    return Status::Ok();
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key, PutMode mode) override;

  Status Delete(const std::string& key) override {
    std::lock_guard lock(mutex_);
    objects_.erase(key);
    return Status::Ok();
  }

  Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& start_after,
                                       size_t limit) override {
    std::lock_guard lock(mutex_);
    std::vector<ObjectInfo> out;
    auto it =
        start_after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(start_after);
    for (; it != objects_.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it) {
      if (limit != 0 && out.size() == limit) break;
      out.push_back({it->first, it->second.bytes.size(), it->second.modified_micros});
    }
    return out;
  }

  Result<Listing> ListFolder(const std::string& folder) override {
    const std::string prefix = folder.empty() ? "" : folder + "/";
    std::lock_guard lock(mutex_);
    Listing out;
    std::set<std::string> folders;
    for (auto it = objects_.lower_bound(prefix);
         it != objects_.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it) {
      const std::string rest = it->first.substr(prefix.size());
      const size_t slash = rest.find('/');
      if (slash == std::string::npos) {
        out.objects.push_back(rest);
      } else {
        folders.insert(rest.substr(0, slash));
      }
    }
    out.folders.assign(folders.begin(), folders.end());
    return out;
  }

  std::string EnginePath(const std::string&) const override { return ""; }
  std::string Describe() const override { return "memory"; }

 private:
  Result<const StoredObject*> FindLocked(const std::string& key) const {
    const auto it = objects_.find(key);
    if (it == objects_.end()) return Status::NotFound(key + " does not exist in " + Describe());
    return &it->second;
  }

  std::mutex mutex_;
  std::map<std::string, StoredObject> objects_;
};

class MemoryWriter final : public ObjectWriter {
 public:
  MemoryWriter(std::shared_ptr<ObjectStore> store, std::string key, PutMode mode)
      : store_(std::move(store)), key_(std::move(key)), mode_(mode) {}
  Status Append(std::string_view bytes) override {
    bytes_.append(bytes);
    return Status::Ok();
  }
  Status Finish() override { return store_->Put(key_, bytes_, mode_); }

 private:
  std::shared_ptr<ObjectStore> store_;
  std::string key_;
  PutMode mode_;
  std::string bytes_;
};

Result<std::unique_ptr<ObjectWriter>> MemoryStore::OpenWriter(const std::string& key,
                                                              PutMode mode) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  return std::unique_ptr<ObjectWriter>(new MemoryWriter(shared_from_this(), key, mode));
}

}  // namespace

std::shared_ptr<ObjectStore> MakeMemoryStore() { return std::make_shared<MemoryStore>(); }

}  // namespace tarn::store
