#include "store/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tarn::store {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = other.Release();
  }
  return *this;
}

int FileDescriptor::Release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

void FileDescriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status ErrnoStatus(int error, const std::string& action, const std::string& path) {
  const std::string what = "cannot " + action + " " + path + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR: return Status::NotFound(what);
    case EEXIST: return Status::AlreadyExists(what);
    case EACCES:
    case EPERM: return Status::Permission(what + "; check the owner and mode of the folder");
    case EROFS: return Status::Permission(what + "; the file system is mounted read-only");
    case ENOSPC:
    case EDQUOT:
      return Status(StatusCode::kResource, what + "; free space and run it again", RetryClass::kNo);
    case EMFILE:
    case ENFILE:
      return Status(StatusCode::kResource, what + "; raise the limit of open files (ulimit -n)",
                    RetryClass::kBackoff);
    case EINTR:
    case EAGAIN: return Status::Io(what, RetryClass::kBackoff);
    default: return Status::Io(what);
  }
}

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "write", path);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return Status::Ok();
}

Status SyncFile(int fd, const std::string& path) {
  if (::fsync(fd) != 0) return ErrnoStatus(errno, "sync", path);
  return Status::Ok();
}

Status SyncFolder(const std::string& folder) {
  FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "open folder", folder);
  return SyncFile(fd.get(), folder);
}

Status MakeFolders(const std::string& folder, bool durable) {
  if (::mkdir(folder.c_str(), 0777) == 0) {
    if (!durable) return Status::Ok();
    const size_t slash = folder.rfind('/');
    return SyncFolder(slash == std::string::npos ? "."
                      : slash == 0               ? "/"
                                                 : folder.substr(0, slash));
  }
  if (errno == EEXIST) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return Status::Ok();
    return Status::Io(folder + " is in the way: it is not a folder");
  }
  if (errno != ENOENT) return ErrnoStatus(errno, "make folder", folder);
  const size_t slash = folder.rfind('/');
  if (slash == std::string::npos || slash == 0) return ErrnoStatus(ENOENT, "make folder", folder);
  TARN_RETURN_IF_ERROR(MakeFolders(folder.substr(0, slash), durable));
  return MakeFolders(folder, durable);
}

Result<std::string> ReadFileRange(const std::string& path, uint64_t offset, uint64_t length) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "open", path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat", path);
  if (S_ISDIR(info.st_mode)) return Status::NotFound(path + " is a folder, not a file");
  const auto size = static_cast<uint64_t>(info.st_size);
  if (offset > size) {
    return Status::InvalidArgument("offset " + std::to_string(offset) + " is beyond the end of " +
                                   path);
  }
  std::string out(std::min(length, size - offset), '\0');
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "read", path);
    }
    if (n == 0) break;  // the file shrank under us
    done += static_cast<size_t>(n);
  }
  out.resize(done);
  return out;
}

}  // namespace tarn::store
