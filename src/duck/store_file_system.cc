#include "duck/store_file_system.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>

namespace tarn::duck {
namespace {

constexpr const char* kScheme = "tarnstore://";

struct MountTable {
  std::mutex mutex;
  std::unordered_map<uint64_t, store::ObjectStore*> stores;
  uint64_t next_id = 1;  // never reused: a path means one store for ever
};

MountTable& Mounts() {
  static MountTable table;
  return table;
}

struct Place {
  store::ObjectStore* store;
  std::string key;
};

Place Resolve(const std::string& path) {
  const size_t begin = std::strlen(kScheme);
  const size_t slash = path.find('/', begin);
  if (slash == std::string::npos) throw duckdb::IOException("'%s' names no object", path);
  const uint64_t id = std::stoull(path.substr(begin, slash - begin));
  MountTable& mounts = Mounts();
  std::lock_guard<std::mutex> guard(mounts.mutex);
  const auto found = mounts.stores.find(id);
  if (found == mounts.stores.end()) throw duckdb::IOException("the store of '%s' is closed", path);
  return {found->second, path.substr(slash + 1)};
}

[[noreturn]] void Throw(const Status& status) {
  if (status.code() == StatusCode::kPermission)
    throw duckdb::PermissionException("%s", status.message());
  throw duckdb::IOException("%s", status.message());
}

class StoreHandle final : public duckdb::FileHandle {
 public:
  StoreHandle(duckdb::FileSystem& fs, const std::string& path, duckdb::FileOpenFlags flags,
              Place place)
      : FileHandle(fs, path, flags), place_(std::move(place)) {
    if (flags.OpenForWriting()) {
      auto writer = place_.store->OpenWriter(place_.key, store::PutMode::kOverwrite);
      if (!writer.ok()) Throw(writer.status());
      writer_ = std::move(writer).value();
      return;
    }
    auto info = place_.store->Head(place_.key);
    if (!info.ok()) Throw(info.status());
    size_ = info->size_bytes;
    modified_micros_ = info->modified_micros;
  }

  void Close() override {
    if (!writer_) return;
    auto writer = std::move(writer_);
    if (Status status = writer->Finish(); !status.ok()) Throw(status);
  }

  void ReadAt(void* buffer, uint64_t count, uint64_t offset) {
    if (count == 0) return;
    auto bytes = place_.store->GetRange(place_.key, offset, count);
    if (!bytes.ok()) Throw(bytes.status());
    if (bytes->size() != count) {
      throw duckdb::IOException("%s ends before byte %llu; the file is truncated", place_.key,
                                static_cast<unsigned long long>(offset + count));
    }
    std::memcpy(buffer, bytes->data(), count);
  }

  void Append(const void* buffer, uint64_t count) {
    if (!writer_) throw duckdb::IOException("%s is not open for writing", place_.key);
    Status status = writer_->Append({static_cast<const char*>(buffer), count});
    if (!status.ok()) Throw(status);
    position_ += count;
  }

  uint64_t size_ = 0;
  int64_t modified_micros_ = 0;
  uint64_t position_ = 0;

 private:
  Place place_;
  std::unique_ptr<store::ObjectWriter> writer_;
};

class StoreFileSystem final : public duckdb::FileSystem {
 public:
  StoreFileSystem() : local_(duckdb::FileSystem::CreateLocal()) {}

  duckdb::unique_ptr<duckdb::FileHandle> OpenFile(
      const std::string& path, duckdb::FileOpenFlags flags,
      duckdb::optional_ptr<duckdb::FileOpener> opener) override {
    Place place = Resolve(path);
    if (!flags.OpenForWriting()) {
      // A local object is read by the engine itself: no copy, and reads of one handle in parallel.
      const std::string local = place.store->EnginePath(place.key);
      if (!local.empty() && local.front() == '/') return local_->OpenFile(local, flags, opener);
    }
    return duckdb::make_uniq<StoreHandle>(*this, path, flags, std::move(place));
  }

  void Read(duckdb::FileHandle& handle, void* buffer, int64_t count,
            duckdb::idx_t offset) override {
    static_cast<StoreHandle&>(handle).ReadAt(buffer, static_cast<uint64_t>(count), offset);
  }
  int64_t Read(duckdb::FileHandle& handle, void* buffer, int64_t count) override {
    auto& file = static_cast<StoreHandle&>(handle);
    const uint64_t left = file.size_ - std::min(file.position_, file.size_);
    const uint64_t take = std::min<uint64_t>(left, static_cast<uint64_t>(count));
    file.ReadAt(buffer, take, file.position_);
    file.position_ += take;
    return static_cast<int64_t>(take);
  }
  int64_t Write(duckdb::FileHandle& handle, void* buffer, int64_t count) override {
    static_cast<StoreHandle&>(handle).Append(buffer, static_cast<uint64_t>(count));
    return count;
  }
  int64_t GetFileSize(duckdb::FileHandle& handle) override {
    auto& file = static_cast<StoreHandle&>(handle);
    return static_cast<int64_t>(handle.flags.OpenForWriting() ? file.position_ : file.size_);
  }
  duckdb::timestamp_t GetLastModifiedTime(duckdb::FileHandle& handle) override {
    return duckdb::timestamp_t(static_cast<StoreHandle&>(handle).modified_micros_);
  }
  duckdb::FileType GetFileType(duckdb::FileHandle&) override {
    return duckdb::FileType::FILE_TYPE_REGULAR;
  }
  void FileSync(duckdb::FileHandle&) override {}  // Close makes the file durable
  void Seek(duckdb::FileHandle& handle, duckdb::idx_t location) override {
    static_cast<StoreHandle&>(handle).position_ = location;
  }
  duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override {
    return static_cast<StoreHandle&>(handle).position_;
  }
  bool CanSeek() override { return true; }
  bool OnDiskFile(duckdb::FileHandle&) override { return true; }
  bool DirectoryExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return true;  // folders are made with the first object in them
  }
  void CreateDirectory(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {}
  bool FileExists(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
    Place place = Resolve(path);
    return place.store->Head(place.key).ok();
  }
  void RemoveFile(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
    Place place = Resolve(path);
    if (Status status = place.store->Delete(place.key); !status.ok()) Throw(status);
  }
  bool TryRemoveFile(const std::string& path,
                     duckdb::optional_ptr<duckdb::FileOpener> opener) override {
    RemoveFile(path, opener);
    return true;
  }
  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& path, duckdb::FileOpener*) override {
    duckdb::vector<duckdb::OpenFileInfo> files;
    files.emplace_back(path);
    return files;
  }
  std::string PathSeparator(const std::string&) override { return "/"; }
  bool CanHandleFile(const std::string& path) override { return path.rfind(kScheme, 0) == 0; }
  std::string GetName() const override { return "TarnStoreFileSystem"; }

 private:
  duckdb::unique_ptr<duckdb::FileSystem> local_;
};

}  // namespace

void RegisterStoreFileSystem(duckdb::DatabaseInstance& db) {
  db.GetFileSystem().RegisterSubSystem(duckdb::make_uniq<StoreFileSystem>());
}

StoreMount::StoreMount(store::ObjectStore& store) {
  MountTable& mounts = Mounts();
  std::lock_guard<std::mutex> guard(mounts.mutex);
  id_ = mounts.next_id++;
  mounts.stores[id_] = &store;
}

StoreMount::~StoreMount() {
  MountTable& mounts = Mounts();
  std::lock_guard<std::mutex> guard(mounts.mutex);
  mounts.stores.erase(id_);
}

std::string StoreMount::Path(const std::string& key) const {
  return kScheme + std::to_string(id_) + "/" + key;
}

}  // namespace tarn::duck
