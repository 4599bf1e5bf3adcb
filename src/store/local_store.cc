// Objects as files below a folder.
//
// Put and writers build the object under a hidden temporary name in the same folder and give it its
// name in one step: rename() to overwrite, link() for put-if-absent (link fails when the name
// exists, on every local file system and on NFS). So a reader never sees part of an object, and of
// several creators exactly one wins. Temporary names start with ".tarn-tmp-" and are never listed;
// a crash leaves one behind at most.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <unordered_set>

#include "base/random.h"
#include "store/object_store.h"
#include "store/posix_file.h"

namespace tarn::store {
namespace {

constexpr std::string_view kTemporaryPrefix = ".tarn-tmp-";

int64_t ModifiedMicros(const struct stat& info) {
  return info.st_mtim.tv_sec * 1'000'000LL + info.st_mtim.tv_nsec / 1000;
}

bool IsTemporary(std::string_view name) {
  return name.substr(0, kTemporaryPrefix.size()) == kTemporaryPrefix;
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Every process and every call gets a name of its own.
std::string TemporaryName() {
  static const std::string kProcess = MakeUuid(Random::System());
  static std::atomic<uint64_t> counter{0};
  return std::string(kTemporaryPrefix) + kProcess + "-" + std::to_string(counter.fetch_add(1));
}

// Gives the finished temporary file its name and makes the name durable.
Status Publish(const std::string& temporary, const std::string& path, PutMode mode, bool fsync) {
  if (mode == PutMode::kOverwrite) {
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      const Status status = ErrnoStatus(errno, "write", path);
      ::unlink(temporary.c_str());
      return status;
    }
  } else {
    const int linked = ::link(temporary.c_str(), path.c_str());
    const int error = errno;
    ::unlink(temporary.c_str());
    if (linked != 0) {
      if (error == EEXIST) return Status::AlreadyExists(path + " exists");
      return ErrnoStatus(error, "create", path);
    }
  }
  if (!fsync) return Status::Ok();
  if (Status synced = SyncFolder(ParentOf(path)); !synced.ok()) {
    // The name is there for every reader on this machine but may not survive a power cut.
    return Status::OutcomeUnknown(
        path + " was written but its folder could not be synced: " + synced.message());
  }
  return Status::Ok();
}

class LocalWriter final : public ObjectWriter {
 public:
  LocalWriter(FileDescriptor fd, std::string temporary, std::string path, PutMode mode, bool fsync)
      : fd_(std::move(fd)),
        temporary_(std::move(temporary)),
        path_(std::move(path)),
        mode_(mode),
        fsync_(fsync) {}
  ~LocalWriter() override {
    if (!finished_) ::unlink(temporary_.c_str());
  }
  Status Append(std::string_view bytes) override { return WriteAll(fd_.get(), bytes, path_); }
  Status Finish() override {
    if (fsync_) TARN_RETURN_IF_ERROR(SyncFile(fd_.get(), path_));
    fd_.Close();
    finished_ = true;
    return Publish(temporary_, path_, mode_, fsync_);
  }

 private:
  FileDescriptor fd_;
  std::string temporary_;
  std::string path_;
  PutMode mode_;
  bool fsync_;
  bool finished_ = false;
};

class LocalStore final : public ObjectStore {
 public:
  LocalStore(std::string root, LocalStoreOptions options)
      : root_(std::move(root)), options_(options) {}

  Result<std::string> Get(const std::string& key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    return ReadFileRange(PathOf(key), 0, UINT64_MAX);
  }

  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    return ReadFileRange(PathOf(key), offset, length);
  }

  Result<ObjectInfo> Head(const std::string& key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    struct stat info {};
    const std::string path = PathOf(key);
    if (::stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "stat", path);
    if (!S_ISREG(info.st_mode)) return Status::NotFound(path + " is not a file");
    return ObjectInfo{key, static_cast<uint64_t>(info.st_size), ModifiedMicros(info)};
  }

  Status Put(const std::string& key, std::string_view bytes, PutMode mode) override {
    return PutWhole(key, bytes, mode, options_.fsync);
  }

  Status PutExpendable(const std::string& key, std::string_view bytes) override {
    return PutWhole(key, bytes, PutMode::kCreateOnly, false);
  }

  Status PutWhole(const std::string& key, std::string_view bytes, PutMode mode, bool fsync) {
    if (mode == PutMode::kCreateOnly) {
      // Losing the race is common for commits; a look is cheaper than writing and syncing first.
      struct stat info {};
      if (::stat(PathOf(key).c_str(), &info) == 0)
        return Status::AlreadyExists(PathOf(key) + " exists");
    }
    TARN_ASSIGN_OR_RETURN(auto writer, Open(key, mode, fsync));
    TARN_RETURN_IF_ERROR(writer->Append(bytes));
    return writer->Finish();
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key, PutMode mode) override {
    return Open(key, mode, options_.fsync);
  }

  Result<std::unique_ptr<ObjectWriter>> Open(const std::string& key, PutMode mode, bool fsync) {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    const std::string path = PathOf(key);
    const std::string folder = ParentOf(path);
    const std::string temporary = folder + "/" + TemporaryName();
    const auto open = [&] {
      return ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    };
    FileDescriptor fd(open());
    if (!fd.valid() && errno == ENOENT) {
      TARN_RETURN_IF_ERROR(MakeFolders(folder, options_.fsync));
      fd = FileDescriptor(open());
    }
    if (!fd.valid()) return ErrnoStatus(errno, "write", path);
    return std::unique_ptr<ObjectWriter>(
        new LocalWriter(std::move(fd), temporary, path, mode, fsync));
  }

  Status Delete(const std::string& key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    const std::string path = PathOf(key);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
      return ErrnoStatus(errno, "delete", path);
    }
    return Status::Ok();
  }

  Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& start_after,
                                       size_t limit) override {
    // Walk only the folder the prefix points into; names are collected, then sorted, then cut.
    const size_t slash = prefix.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : prefix.substr(0, slash);
    std::vector<std::string> keys;
    TARN_RETURN_IF_ERROR(Walk(folder, prefix, start_after, &keys));
    std::sort(keys.begin(), keys.end());
    std::vector<ObjectInfo> out;
    for (const std::string& key : keys) {
      if (limit != 0 && out.size() == limit) break;
      struct stat info {};
      if (::stat(PathOf(key).c_str(), &info) != 0) continue;  // deleted while we listed
      out.push_back({key, static_cast<uint64_t>(info.st_size), ModifiedMicros(info)});
    }
    return out;
  }

  Result<Listing> ListFolder(const std::string& folder) override {
    Listing out;
    TARN_RETURN_IF_ERROR(ReadFolder(folder, [&](const std::string& name, bool is_folder) {
      (is_folder ? out.folders : out.objects).push_back(name);
      return Status::Ok();
    }));
    std::sort(out.objects.begin(), out.objects.end());
    std::sort(out.folders.begin(), out.folders.end());
    return out;
  }

  std::string EnginePath(const std::string& key) const override { return PathOf(key); }
  std::string Describe() const override { return root_; }

 private:
  std::string PathOf(const std::string& key) const {
    return key.empty() ? root_ : root_ + "/" + key;
  }

  template <typename Visit>
  Status ReadFolder(const std::string& folder, Visit visit) {
    const std::string path = PathOf(folder);
    DIR* dir = ::opendir(path.c_str());
    if (dir == nullptr) {
      if (errno == ENOENT || errno == ENOTDIR) return Status::Ok();
      return ErrnoStatus(errno, "list", path);
    }
    Status status;
    while (status.ok()) {
      errno = 0;
      const dirent* entry = ::readdir(dir);
      if (entry == nullptr) {
        if (errno != 0) status = ErrnoStatus(errno, "list", path);
        break;
      }
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || IsTemporary(name)) continue;
      bool is_folder = entry->d_type == DT_DIR;
      if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
        struct stat info {};
        if (::stat((path + "/" + name).c_str(), &info) != 0) continue;
        is_folder = S_ISDIR(info.st_mode);
      }
      status = visit(name, is_folder);
    }
    ::closedir(dir);
    return status;
  }

  Status Walk(const std::string& folder, const std::string& prefix, const std::string& start_after,
              std::vector<std::string>* keys) {
    return ReadFolder(folder, [&](const std::string& name, bool is_folder) -> Status {
      const std::string key = folder.empty() ? name : folder + "/" + name;
      if (is_folder) {
        // Descend only where a key with the prefix can be.
        const std::string below = key + "/";
        const size_t common = std::min(below.size(), prefix.size());
        if (below.compare(0, common, prefix, 0, common) != 0) return Status::Ok();
        return Walk(key, prefix, start_after, keys);
      }
      if (key.compare(0, prefix.size(), prefix) == 0 && key > start_after) keys->push_back(key);
      return Status::Ok();
    });
  }

  std::string root_;
  LocalStoreOptions options_;
};

}  // namespace

Result<std::shared_ptr<ObjectStore>> OpenLocalStore(const std::string& root,
                                                    const LocalStoreOptions& options) {
  std::string path = root;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty()) return Status::InvalidArgument("the path of a local store is empty");
  if (path.front() != '/') {
    char* here = ::getcwd(nullptr, 0);
    if (here == nullptr) return ErrnoStatus(errno, "find the current folder for", path);
    path = std::string(here) + "/" + path;
    ::free(here);
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, "open", path);
    if (!options.create_root) {
      return Status::NotFound("folder " + path + " does not exist; create it or check the path");
    }
    TARN_RETURN_IF_ERROR(MakeFolders(path, options.fsync));
  } else if (!S_ISDIR(info.st_mode)) {
    return Status::NotFound(path + " is a file, not a folder");
  }
  return std::shared_ptr<ObjectStore>(new LocalStore(path, options));
}

}  // namespace tarn::store
