#include "duck/store_file_system.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "duck/remote_reader.h"
#include "duck/status_exception.h"
#include "duck/store_glob.h"
#include "duck/tail_cache.h"

namespace tarn::duck {
namespace {

constexpr const char* kScheme = "tarnstore://";
constexpr uint64_t kTailCacheBytes = 64u << 20;
// Names DuckDB's own remote file systems use, and the one that is ours.
constexpr const char* kSizeOption = "file_size";
constexpr const char* kModifiedOption = "last_modified";
constexpr const char* kTagOption = "etag";
constexpr const char* kImmutableOption = "tarn_immutable";

struct MountedStore {
  store::ObjectStore* store = nullptr;
  std::unordered_map<std::string, store::ObjectInfo> known;  // by key
};

struct MountTable {
  std::mutex mutex;
  std::unordered_map<uint64_t, MountedStore> stores;
  uint64_t next_id = 1;  // never reused: a path means one store for ever
};

MountTable& Mounts() {
  static MountTable table;
  return table;
}

bool IsMountPath(const std::string& path) { return path.rfind(kScheme, 0) == 0; }

// An object: its store, its key, and the lifetime of the store when that is ours to keep.
struct Place {
  store::ObjectStore* store = nullptr;
  std::string key;
  std::shared_ptr<store::ObjectStore> owner;  // null for a mounted store
};

uint64_t MountId(const std::string& path) { return std::stoull(path.substr(std::strlen(kScheme))); }

Place ResolveMount(const std::string& path) {
  const size_t slash = path.find('/', std::strlen(kScheme));
  if (slash == std::string::npos) throw duckdb::IOException("'%s' names no object", path);
  MountTable& mounts = Mounts();
  std::lock_guard<std::mutex> guard(mounts.mutex);
  const auto found = mounts.stores.find(MountId(path));
  if (found == mounts.stores.end()) throw duckdb::IOException("the store of '%s' is closed", path);
  return {found->second.store, path.substr(slash + 1), nullptr};
}

// An absent file is an I/O error to DuckDB, not a missing catalog entry.
store::ObjectInfo HeadOrThrow(const Place& place) {
  auto info = place.store->Head(place.key);
  if (!info.ok() && info.status().code() == StatusCode::kNotFound) {
    throw duckdb::IOException("%s", info.status().message());
  }
  return ValueOrThrow(std::move(info));
}

// Size and time of an object; through a mount it is asked for once.
store::ObjectInfo HeadOf(const std::string& path, const Place& place) {
  if (!IsMountPath(path)) return HeadOrThrow(place);
  const uint64_t id = MountId(path);
  MountTable& mounts = Mounts();
  {
    std::lock_guard<std::mutex> guard(mounts.mutex);
    const auto& known = mounts.stores[id].known;
    if (const auto it = known.find(place.key); it != known.end()) return it->second;
  }
  const store::ObjectInfo info = HeadOrThrow(place);
  std::lock_guard<std::mutex> guard(mounts.mutex);
  mounts.stores[id].known[place.key] = info;
  return info;
}

bool IsLocal(const Place& place) {
  const std::string path = place.store->EnginePath(place.key);
  return !path.empty() && path.front() == '/';
}

class StoreHandle final : public duckdb::FileHandle {
 public:
  StoreHandle(duckdb::FileSystem& fs, const std::string& path, duckdb::FileOpenFlags flags,
              Place place)
      : FileHandle(fs, path, flags), place_(std::move(place)) {}

  void OpenForWriting(bool exclusive) {
    writer_ = ValueOrThrow(place_.store->OpenWriter(
        place_.key, exclusive ? store::PutMode::kCreateOnly : store::PutMode::kOverwrite));
  }
  void OpenForReading(uint64_t size, int64_t modified_micros, std::string version,
                      TailCache& tails) {
    size_ = size;
    modified_micros_ = modified_micros;
    version_ = std::move(version);
    reader_ =
        std::make_unique<RemoteReader>(*place_.store, place_.key, path, size, version_, tails);
  }

  void Close() override {
    if (!writer_) return;
    auto writer = std::move(writer_);
    ThrowIfError(writer->Finish());
  }

  void ReadAt(void* buffer, uint64_t count, uint64_t offset) {
    if (!reader_) throw duckdb::IOException("%s is not open for reading", path);
    ThrowIfError(reader_->ReadAt(offset, count, static_cast<char*>(buffer)));
  }

  void Append(const void* buffer, uint64_t count) {
    if (!writer_) throw duckdb::IOException("%s is not open for writing", path);
    ThrowIfError(writer_->Append({static_cast<const char*>(buffer), count}));
    position_ += count;
  }

  bool writing() const { return writer_ != nullptr; }
  bool local() const { return IsLocal(place_); }

  uint64_t size_ = 0;
  int64_t modified_micros_ = 0;
  std::string version_;
  uint64_t position_ = 0;

 private:
  Place place_;
  std::unique_ptr<store::ObjectWriter> writer_;
  std::unique_ptr<RemoteReader> reader_;
};

StoreHandle& Handle(duckdb::FileHandle& handle) { return static_cast<StoreHandle&>(handle); }

std::string VersionOf(const store::ObjectInfo& info) {
  if (!info.tag.empty()) return info.tag;
  return std::to_string(info.size_bytes) + "-" + std::to_string(info.modified_micros);
}

duckdb::OpenFileInfo InfoOf(std::string path, const store::ObjectInfo& object) {
  duckdb::OpenFileInfo info(std::move(path));
  info.extended_info = duckdb::make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
  info.extended_info->options[kSizeOption] = duckdb::Value::UBIGINT(object.size_bytes);
  info.extended_info->options[kModifiedOption] =
      duckdb::Value::TIMESTAMP(duckdb::timestamp_t(object.modified_micros));
  info.extended_info->options[kTagOption] = duckdb::Value(object.tag);
  return info;
}

class StoreFileSystem final : public duckdb::FileSystem {
 public:
  explicit StoreFileSystem(std::shared_ptr<store::StoreOpener> opener)
      : opener_(std::move(opener)),
        local_(duckdb::FileSystem::CreateLocal()),
        tails_(kTailCacheBytes) {}

  duckdb::unique_ptr<duckdb::FileHandle> OpenFile(
      const std::string& path, duckdb::FileOpenFlags flags,
      duckdb::optional_ptr<duckdb::FileOpener> opener) override {
    return OpenFileExtended(duckdb::OpenFileInfo(path), flags, opener);
  }

  void Read(duckdb::FileHandle& handle, void* buffer, int64_t count,
            duckdb::idx_t offset) override {
    Handle(handle).ReadAt(buffer, static_cast<uint64_t>(count), offset);
  }
  int64_t Read(duckdb::FileHandle& handle, void* buffer, int64_t count) override {
    auto& file = Handle(handle);
    const uint64_t left = file.size_ - std::min(file.position_, file.size_);
    const uint64_t take = std::min<uint64_t>(left, static_cast<uint64_t>(count));
    file.ReadAt(buffer, take, file.position_);
    file.position_ += take;
    return static_cast<int64_t>(take);
  }
  int64_t Write(duckdb::FileHandle& handle, void* buffer, int64_t count) override {
    Handle(handle).Append(buffer, static_cast<uint64_t>(count));
    return count;
  }
  int64_t GetFileSize(duckdb::FileHandle& handle) override {
    auto& file = Handle(handle);
    return static_cast<int64_t>(handle.flags.OpenForWriting() ? file.position_ : file.size_);
  }
  duckdb::timestamp_t GetLastModifiedTime(duckdb::FileHandle& handle) override {
    return duckdb::timestamp_t(Handle(handle).modified_micros_);
  }
  std::string GetVersionTag(duckdb::FileHandle& handle) override { return Handle(handle).version_; }
  duckdb::FileType GetFileType(duckdb::FileHandle&) override {
    return duckdb::FileType::FILE_TYPE_REGULAR;
  }
  void FileSync(duckdb::FileHandle&) override {}  // Close makes the file durable
  void Seek(duckdb::FileHandle& handle, duckdb::idx_t location) override {
    Handle(handle).position_ = location;
  }
  duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override {
    return Handle(handle).position_;
  }
  bool CanSeek() override { return true; }
  // Decides whether DuckDB reads ahead by itself.
  bool OnDiskFile(duckdb::FileHandle& handle) override { return Handle(handle).local(); }
  bool DirectoryExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return true;  // folders are made with the first object in them
  }
  void CreateDirectory(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {}
  bool FileExists(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
    const Place place = Resolve(path);
    if (place.key.empty() || place.key.back() == '/') return false;
    const auto info = place.store->Head(place.key);
    if (!info.ok() && info.status().code() != StatusCode::kNotFound) ThrowIfError(info.status());
    return info.ok();
  }
  void RemoveFile(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
    const Place place = Resolve(path);
    ThrowIfError(place.store->Delete(place.key));
  }
  bool TryRemoveFile(const std::string& path,
                     duckdb::optional_ptr<duckdb::FileOpener> opener) override {
    RemoveFile(path, opener);
    return true;
  }
  void MoveFile(const std::string& source, const std::string&,
                duckdb::optional_ptr<duckdb::FileOpener>) override {
    throw duckdb::NotImplementedException(
        "'%s' cannot be renamed: an object store has no rename; write it under its final name",
        source);
  }
  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& path, duckdb::FileOpener*) override {
    const Place place = Resolve(path);
    duckdb::vector<duckdb::OpenFileInfo> files;
    if (IsMountPath(path)) {
      files.emplace_back(path);
      return files;
    }
    const std::string root = path.substr(0, path.size() - place.key.size());
    for (const auto& object : ValueOrThrow(GlobObjects(*place.store, place.key))) {
      files.push_back(InfoOf(root + object.key, object));
    }
    return files;
  }
  std::string PathSeparator(const std::string&) override { return "/"; }
  bool IsPathAbsolute(const std::string&) override { return true; }
  bool CanHandleFile(const std::string& path) override {
    return IsMountPath(path) || (opener_ && opener_->Handles(path));
  }
  std::string GetName() const override { return "TarnStoreFileSystem"; }

 protected:
  bool SupportsOpenFileExtended() const override { return true; }
  bool SupportsListFilesExtended() const override { return true; }

  duckdb::unique_ptr<duckdb::FileHandle> OpenFileExtended(
      const duckdb::OpenFileInfo& file, duckdb::FileOpenFlags flags,
      duckdb::optional_ptr<duckdb::FileOpener> opener) override {
    Place place = Resolve(file.path);
    const store::ObjectStore& store = *place.store;
    if (!flags.OpenForWriting()) {
      // A local object is read by the engine itself: no copy, and reads of one handle in parallel.
      const std::string local = store.EnginePath(place.key);
      if (!local.empty() && local.front() == '/') return local_->OpenFile(local, flags, opener);
    }
    if (flags.OpenForAppending()) {
      throw duckdb::NotImplementedException("'%s' cannot be appended to: objects are written whole",
                                            file.path);
    }
    auto handle = duckdb::make_uniq<StoreHandle>(*this, file.path, flags, place);
    if (flags.OpenForWriting()) {
      handle->OpenForWriting(flags.ExclusiveCreate());
      return handle;
    }
    if (flags.ReturnNullIfNotExists() && !place.store->Head(place.key).ok()) return nullptr;
    OpenToRead(file, place, *handle);
    return handle;
  }

  bool ListFilesExtended(const std::string& directory,
                         const std::function<void(duckdb::OpenFileInfo& info)>& callback,
                         duckdb::optional_ptr<duckdb::FileOpener>) override {
    Place place = Resolve(directory);
    while (!place.key.empty() && place.key.back() == '/') place.key.pop_back();
    const auto listing = ValueOrThrow(place.store->ListFolder(place.key));
    const auto tell = [&](const std::string& name, const char* type) {
      duckdb::OpenFileInfo info(name);
      info.extended_info = duckdb::make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
      info.extended_info->options["type"] = duckdb::Value(type);
      callback(info);
    };
    for (const auto& name : listing.folders) tell(name, "directory");
    for (const auto& name : listing.objects) tell(name, "file");
    return !listing.folders.empty() || !listing.objects.empty();
  }

 private:
  Place Resolve(const std::string& path) const {
    if (IsMountPath(path)) return ResolveMount(path);
    if (!opener_) throw duckdb::IOException("'%s' is not on this machine", path);
    auto located = ValueOrThrow(opener_->Locate(path));
    Place place;
    place.store = located.store.get();
    place.owner = std::move(located.store);
    place.key = std::move(located.key);
    return place;
  }

  void OpenToRead(const duckdb::OpenFileInfo& file, const Place& place, StoreHandle& handle) {
    if (file.extended_info) {
      const auto& options = file.extended_info->options;
      const auto size = options.find(kSizeOption);
      if (size != options.end() && !size->second.IsNull()) {
        store::ObjectInfo info;
        info.size_bytes =
            duckdb::UBigIntValue::Get(size->second.DefaultCastAs(duckdb::LogicalType::UBIGINT));
        const auto modified = options.find(kModifiedOption);
        if (modified != options.end() && !modified->second.IsNull()) {
          info.modified_micros = duckdb::TimestampValue::Get(
                                     modified->second.DefaultCastAs(duckdb::LogicalType::TIMESTAMP))
                                     .value;
        }
        const auto tag = options.find(kTagOption);
        if (tag != options.end() && !tag->second.IsNull()) info.tag = tag->second.ToString();
        const bool immutable = options.find(kImmutableOption) != options.end();
        handle.OpenForReading(info.size_bytes, info.modified_micros,
                              immutable ? "immutable" : VersionOf(info), tails_);
        return;
      }
    }
    const store::ObjectInfo info = HeadOf(file.path, place);
    handle.OpenForReading(info.size_bytes, info.modified_micros, VersionOf(info), tails_);
  }

  std::shared_ptr<store::StoreOpener> opener_;
  duckdb::unique_ptr<duckdb::FileSystem> local_;
  TailCache tails_;
};

}  // namespace

void RegisterStoreFileSystem(duckdb::DatabaseInstance& db,
                             std::shared_ptr<store::StoreOpener> opener) {
  db.GetFileSystem().RegisterSubSystem(duckdb::make_uniq<StoreFileSystem>(std::move(opener)));
}

duckdb::OpenFileInfo ImmutableFile(std::string path, uint64_t size_bytes) {
  duckdb::OpenFileInfo info(std::move(path));
  if (info.path.find("://") == std::string::npos) return info;
  info.extended_info = duckdb::make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
  info.extended_info->options[kSizeOption] = duckdb::Value::UBIGINT(size_bytes);
  info.extended_info->options[kImmutableOption] = duckdb::Value::BOOLEAN(true);
  return info;
}

StoreMount::StoreMount(store::ObjectStore& store) {
  MountTable& mounts = Mounts();
  std::lock_guard<std::mutex> guard(mounts.mutex);
  id_ = mounts.next_id++;
  mounts.stores[id_].store = &store;
}

StoreMount::~StoreMount() {
  MountTable& mounts = Mounts();
  std::lock_guard<std::mutex> guard(mounts.mutex);
  mounts.stores.erase(id_);
}

std::string StoreMount::Path(const std::string& key) const {
  return kScheme + std::to_string(id_) + "/" + key;
}

void StoreMount::Know(const store::ObjectInfo& info) const {
  MountTable& mounts = Mounts();
  std::lock_guard<std::mutex> guard(mounts.mutex);
  mounts.stores[id_].known[info.key] = info;
}

}  // namespace tarn::duck
