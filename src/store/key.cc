#include "store/object_store.h"

namespace tarn::store {

Status ValidateKey(const std::string& key) {
  const auto fail = [&](const char* why) {
    return Status::InvalidArgument("object key '" + key + "' " + why);
  };
  if (key.empty()) return fail("is empty");
  size_t start = 0;
  while (start <= key.size()) {
    const size_t slash = std::min(key.find('/', start), key.size());
    const std::string_view part(key.data() + start, slash - start);
    if (part.empty())
      return fail("has an empty part; keys are 'a/b/c' without leading or trailing '/'");
    if (part == "." || part == "..") return fail("has a '.' or '..' part");
    if (part.find('\0') != std::string_view::npos) return fail("holds a NUL byte");
    start = slash + 1;
  }
  return Status::Ok();
}

Status ObjectStore::DeleteMany(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) TARN_RETURN_IF_ERROR(Delete(key));
  return Status::Ok();
}

std::vector<Result<std::string>> ObjectStore::GetMany(const std::vector<std::string>& keys) {
  std::vector<Result<std::string>> out;
  out.reserve(keys.size());
  for (const std::string& key : keys) out.push_back(Get(key));
  return out;
}

}  // namespace tarn::store
