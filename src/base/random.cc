#include "base/random.h"

#include <cstdio>
#include <mutex>
#include <random>

namespace tarn {
namespace {

class SystemRandom final : public Random {
 public:
  uint64_t NextU64() override {
    std::lock_guard lock(mutex_);
    return (static_cast<uint64_t>(device_()) << 32) | device_();
  }

 private:
  std::mutex mutex_;
  std::random_device device_;
};

}  // namespace

Random& Random::System() {
  static SystemRandom random;
  return random;
}

uint64_t SeededRandom::NextU64() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::string MakeUuid(Random& random) {
  const uint64_t high = (random.NextU64() & ~0xf000ULL) | 0x4000ULL;
  const uint64_t low = (random.NextU64() & ~(3ULL << 62)) | (2ULL << 62);
  char out[37];
  std::snprintf(out, sizeof out, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16 & 0xffff), static_cast<unsigned>(high & 0xffff),
                static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return out;
}

}  // namespace tarn
