#include "duck/store_glob.h"

#include <fnmatch.h>

#include <string_view>

namespace tarn::duck {
namespace {

std::vector<std::string> Parts(const std::string& path) {
  std::vector<std::string> out;
  size_t start = 0;
  while (start <= path.size()) {
    const size_t slash = std::min(path.find('/', start), path.size());
    out.push_back(path.substr(start, slash - start));
    start = slash + 1;
  }
  return out;
}

bool Match(const std::vector<std::string>& pattern, size_t p, const std::vector<std::string>& key,
           size_t k) {
  for (; p < pattern.size(); ++p, ++k) {
    if (pattern[p] == "**") {
      for (size_t rest = k; rest < key.size(); ++rest) {
        if (Match(pattern, p + 1, key, rest)) return true;
      }
      return p + 1 == pattern.size();
    }
    if (k >= key.size()) return false;
    if (::fnmatch(pattern[p].c_str(), key[k].c_str(), FNM_NOESCAPE) != 0) return false;
  }
  return k == key.size();
}

}  // namespace

bool GlobMatchesKey(const std::string& pattern, const std::string& key) {
  return Match(Parts(pattern), 0, Parts(key), 0);
}

Result<std::vector<store::ObjectInfo>> GlobObjects(store::ObjectStore& store,
                                                   const std::string& pattern) {
  std::vector<store::ObjectInfo> out;
  const size_t mark = pattern.find_first_of("*?[");
  if (mark == std::string::npos) {
    if (pattern.empty() || pattern.back() == '/') return out;
    auto info = store.Head(pattern);
    if (info.ok()) out.push_back(std::move(*info));
    if (!info.ok() && info.status().code() != StatusCode::kNotFound) return info.status();
    return out;
  }
  TARN_ASSIGN_OR_RETURN(auto objects, store.List(pattern.substr(0, mark)));
  for (auto& object : objects) {
    if (GlobMatchesKey(pattern, object.key)) out.push_back(std::move(object));
  }
  return out;
}

}  // namespace tarn::duck
