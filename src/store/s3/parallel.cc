#include "store/s3/parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace tarn::store::s3 {

void RunParallel(size_t count, size_t at_once, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  const auto loop = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(count, at_once); ++i) {
    try {
      threads.emplace_back(loop);
    } catch (const std::system_error&) {
      break;  // no more threads: those there are do the work
    }
  }
  loop();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tarn::store::s3
