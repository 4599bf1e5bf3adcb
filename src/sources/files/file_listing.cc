#include "sources/files/file_listing.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>

namespace tarn::sources::files {
namespace fs = std::filesystem;
namespace {

std::vector<std::string_view> Parts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

using PartIterator = std::vector<std::string_view>::const_iterator;

bool MatchParts(PartIterator pattern, PartIterator pattern_end, PartIterator path,
                PartIterator path_end) {
  for (; pattern != pattern_end; ++pattern) {
    if (*pattern == "**") {
      for (PartIterator rest = path;; ++rest) {
        if (MatchParts(pattern + 1, pattern_end, rest, path_end)) return true;
        if (rest == path_end) return false;
      }
    }
    if (path == path_end) return false;
    if (fnmatch(std::string(*pattern).c_str(), std::string(*path).c_str(), FNM_NOESCAPE) != 0) {
      return false;
    }
    ++path;
  }
  return path == path_end;
}

Status FromErrno(const std::string& what, const std::string& path, int error) {
  const std::string message = what + " " + path + ": " + std::strerror(error);
  if (error == ENOENT || error == ENOTDIR) return Status::NotFound(message);
  if (error == EACCES || error == EPERM) return Status::Permission(message);
  return Status::Io(message);
}

class Lister {
 public:
  enum class Found { kByName, kByGlob, kInFolder };

  void Add(const std::string& path, Found found) {
    const std::string normal = fs::path(path).lexically_normal().string();
    if (seen_.count(normal) != 0) return;
    auto stamp = StampOf(normal);
    if (!stamp.ok()) {
      // A file that went away between listing and looking is no problem of anybody's.
      if (found == Found::kByName || stamp.status().code() != StatusCode::kNotFound) {
        listing_.problems.push_back(stamp.status());
      }
      return;
    }
    seen_.insert(normal);
    listing_.files.push_back({normal, *stamp, found == Found::kInFolder});
  }

  // Every file below `folder` that `wanted` takes, names passed over aside.
  template <typename Wanted>
  void AddBelow(const std::string& folder, Found how, const Wanted& wanted) {
    std::vector<std::string> found;
    std::error_code error;
    fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied,
                                        error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      std::error_code ignored;
      const bool is_folder = at->is_directory(ignored) && !at->is_symlink(ignored);
      if (IsIgnoredName(at->path().filename().string())) {
        if (is_folder) at.disable_recursion_pending();
        continue;
      }
      if (at->is_regular_file(ignored) && wanted(at->path().string())) {
        found.push_back(at->path().string());
      }
    }
    if (error) {
      listing_.problems.push_back(FromErrno("cannot list folder", folder, error.value()));
    }
    std::sort(found.begin(), found.end());
    for (const std::string& path : found) Add(path, how);
  }

  Listing Take() { return std::move(listing_); }
  size_t size() const { return listing_.files.size(); }

 private:
  Listing listing_;
  std::set<std::string> seen_;
};

// The folder in front of the first part with a mark.
std::string FixedFolder(const std::string& pattern) {
  const size_t mark = pattern.find_first_of("*?[");
  const size_t slash = pattern.rfind('/', mark);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : pattern.substr(0, slash);
}

}  // namespace

bool HasGlobMarks(std::string_view path) {
  return path.find_first_of("*?[") != std::string_view::npos;
}

bool GlobMatch(std::string_view pattern, std::string_view path) {
  if (pattern.substr(0, 1) == "/" && path.substr(0, 1) != "/") return false;
  const auto pattern_parts = Parts(pattern);
  const auto path_parts = Parts(path);
  return MatchParts(pattern_parts.begin(), pattern_parts.end(), path_parts.begin(),
                    path_parts.end());
}

bool IsIgnoredName(std::string_view name) {
  if (name.empty() || name.front() == '.' || name.front() == '_' || name.back() == '~') return true;
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  for (const char* end : {".tmp", ".temp", ".part", ".partial", ".crdownload", ".download",
                          ".filepart", ".swp", ".inprogress"}) {
    if (lower.ends_with(end)) return true;
  }
  return false;
}

Result<FileStamp> StampOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return FromErrno("cannot read", path, errno);
  if (!S_ISREG(info.st_mode)) return Status::InvalidArgument(path + " is not a regular file");
  return FileStamp{
      static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino),
      static_cast<uint64_t>(info.st_size),
      static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec};
}

Result<Listing> ListFiles(const std::vector<std::string>& paths, Missing missing) {
  Lister lister;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status)) {
      lister.AddBelow(path, Lister::Found::kInFolder, [](const std::string&) { return true; });
    } else if (fs::exists(status)) {
      lister.Add(path, Lister::Found::kByName);
    } else if (HasGlobMarks(path)) {
      const size_t before = lister.size();
      const std::string pattern = fs::path(path).lexically_normal().string();
      const std::string folder = FixedFolder(pattern);
      if (fs::is_directory(folder, error)) {
        lister.AddBelow(folder, Lister::Found::kByGlob, [&](const std::string& found) {
          return GlobMatch(pattern, fs::path(found).lexically_normal().string());
        });
      }
      if (lister.size() == before && missing == Missing::kError) {
        return Status::NotFound("no file matches " + path);
      }
    } else if (missing == Missing::kError) {
      return Status::NotFound("no file or folder " + path);
    }
  }
  return lister.Take();
}

WriterState FindWriter(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return WriterState::kUnknown;
  // A writer that comes while the lease is held makes the kernel signal us; SIGURG is ignored by
  // default, the signal it would send otherwise ends the process.
  WriterState state = WriterState::kUnknown;
  if (::fcntl(fd, F_SETSIG, SIGURG) == 0) {
    if (::fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
      ::fcntl(fd, F_SETLEASE, F_UNLCK);
      state = WriterState::kNone;
    } else if (errno == EAGAIN) {
      state = WriterState::kWriting;
    }
  }
  ::close(fd);
  return state;
}

}  // namespace tarn::sources::files
