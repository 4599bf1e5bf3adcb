// Patterns over the keys of a store: `*`, `?` and `[…]` within a name, `**` for any folders.
//
// Threads: free functions.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "store/object_store.h"

namespace tarn::duck {

// The objects `pattern` names, in byte order. A pattern without marks is a key; when no object has
// it the result is empty. A key that is taken literally may hold any mark.
Result<std::vector<store::ObjectInfo>> GlobObjects(store::ObjectStore& store,
                                                   const std::string& pattern);

bool GlobMatchesKey(const std::string& pattern, const std::string& key);

}  // namespace tarn::duck
