// The few POSIX calls the local store is made of, with errno turned into Status.
//
// Errors name the path and say what to do about a full disk, a read-only folder or too many open
// files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tarn::store {

// Owns a file descriptor; closes it on destruction.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { Close(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release();
  void Close();

 private:
  int fd_;
};

// `action` as in "cannot <action> <path>: …".
Status ErrnoStatus(int error, const std::string& action, const std::string& path);
Status WriteAll(int fd, std::string_view bytes, const std::string& path);
Status SyncFile(int fd, const std::string& path);
// Makes names created in, renamed into or removed from `folder` durable.
Status SyncFolder(const std::string& folder);
// mkdir -p; when `durable`, each folder made is synced into its parent.
Status MakeFolders(const std::string& folder, bool durable);
Result<std::string> ReadFileRange(const std::string& path, uint64_t offset, uint64_t length);

}  // namespace tarn::store
