// ListFiles: what paths, folders and globs mean on local disk, and whether a file is at rest.
//
// What it does not do: no reading of contents (file_check.h), no remote stores.
//
// A folder is read recursively; links to files are followed, links to folders are not. In folders
// and globs these names are passed over: hidden ones (leading '.'), leading '_', and what tools
// call a file they are still writing (.tmp, .temp, .part, .partial, .crdownload, .download,
// .filepart, .swp, .inprogress, trailing
// '~'). A path given by name is always taken. The result is sorted by path and names no file twice.
//
// Pure calls on the file system; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::sources::files {

// What changes when a file's content does. Compared, never interpreted.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  int64_t modified_nanos = 0;
  bool operator==(const FileStamp&) const = default;
};

struct ListedFile {
  std::string path;
  FileStamp stamp;
  bool in_folder = false;  // found in a folder, not given by name or by a glob
};

struct Listing {
  std::vector<ListedFile> files;
  std::vector<Status> problems;  // folders that cannot be read, links that lead nowhere
};

enum class Missing { kError, kIgnore };

// Errors: kNotFound for a path that is not there or a glob that matches nothing (unless kIgnore).
Result<Listing> ListFiles(const std::vector<std::string>& paths, Missing missing);

// '*' and '?' match within a name, "**" across names, [a-z] and [!a-z] one character of a name.
bool GlobMatch(std::string_view pattern, std::string_view path);
bool HasGlobMarks(std::string_view path);
// A name that ListFiles passes over.
bool IsIgnoredName(std::string_view name);

Result<FileStamp> StampOf(const std::string& path);

enum class WriterState {
  kNone,     // no process has the file open for writing
  kWriting,  // one has
  kUnknown,  // the system does not say (not our file, network disk)
};
// Asks the kernel (a read lease is granted only on a file without writers).
WriterState FindWriter(const std::string& path);

}  // namespace tarn::sources::files
