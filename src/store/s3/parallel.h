// Calls that wait for a server, several at once. Internal to this folder.
#pragma once

#include <cstddef>
#include <functional>

namespace tarn::store::s3 {

// Calls work(0) … work(count - 1), at most `at_once` at a time, and returns when all are done. The
// caller's thread takes part. `work` must not throw.
void RunParallel(size_t count, size_t at_once, const std::function<void(size_t)>& work);

}  // namespace tarn::store::s3
