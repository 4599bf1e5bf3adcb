#include "duck/folder_removal.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/random.h"

namespace tarn::duck {

namespace fs = std::filesystem;

namespace {

constexpr const char* kTrash = ".trash";

Status FromError(const std::string& what, const std::error_code& error) {
  const std::string message = what + ": " + error.message();
  if (error == std::errc::permission_denied || error == std::errc::read_only_file_system ||
      error == std::errc::operation_not_permitted) {
    return Status::Permission(message);
  }
  return Status::Io(message);
}

// Makes a rename in this folder survive a power cut.
void SyncFolder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)::fsync(fd);
  ::close(fd);
}

Status RemoveLocal(const fs::path& root, const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return Status::Ok();
  const fs::path trash = root / kTrash;
  fs::create_directories(trash, error);
  if (error) return FromError("cannot make '" + trash.string() + "' to drop a table", error);
  const fs::path grave = trash / MakeUuid(Random::System());
  fs::rename(folder, grave, error);
  if (error) return FromError("cannot remove '" + folder.string() + "'", error);
  SyncFolder(folder.parent_path());
  SyncFolder(trash);
  // From here on the table is gone; what is left in the trash, by this or an earlier call, is only
  // space.
  for (fs::directory_iterator it(trash, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    fs::remove_all(it->path(), ignored);
  }
  return Status::Ok();
}

Status RemoveObjects(store::ObjectStore& store, const std::string& key) {
  for (const std::string& prefix : {key + "/_delta_log/", key + "/"}) {
    TARN_ASSIGN_OR_RETURN(const auto objects, store.List(prefix));
    std::vector<std::string> keys;
    for (const auto& object : objects) keys.push_back(object.key);
    TARN_RETURN_IF_ERROR(store.DeleteMany(keys));
  }
  return Status::Ok();
}

}  // namespace

Status RemoveFolder(store::ObjectStore& store, const std::string& key) {
  const std::string folder = store.EnginePath(key);
  if (folder.empty() || folder.find("://") != std::string::npos) return RemoveObjects(store, key);
  const std::string root = store.EnginePath("");
  return RemoveLocal(root, folder);
}

}  // namespace tarn::duck
