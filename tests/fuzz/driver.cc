// The fuzzer behind every target: seeded mutation of a corpus, led by coverage.
//
//   fuzz_<name> [--seconds N] [--seed N] [--max-bytes N] [--save DIR] CORPUS...   mutate
//   fuzz_<name> FILE...                                                          run each once
//
// Coverage comes from -fsanitize-coverage=trace-pc, which g++ has: an input that reaches a new edge
// joins the corpus of the run (and DIR). Without it (a build that is not instrumented) mutation is
// blind. What crashes, breaks a law, or takes longer than 10 s is written to ./crash-<crc>.
//
// With clang, TARN_LIBFUZZER=ON links libFuzzer instead of this file.
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "fuzz.h"

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
// g++ keeps the two runtimes apart: the death callback is AddressSanitizer's, and the other one
// must abort to be noticed.
extern "C" const char* __ubsan_default_options() {
  return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}
extern "C" const char* __asan_default_options() { return "detect_leaks=1"; }
#endif

namespace {

constexpr size_t kEdges = 1 << 16;
constexpr unsigned kSecondsPerInput = 10;
uint8_t edges[kEdges];       // of the input under test
uint8_t seen_edges[kEdges];  // counts, in classes, of all inputs before
uintptr_t previous = 0;
bool counting = false;

}  // namespace

// Called by instrumented code at every branch target.
extern "C" __attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc() {
  if (!counting) return;
  const auto here = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  const uintptr_t mixed = (here >> 1) * 0x9E3779B97F4A7C15ULL >> 48;
  uint8_t& count = edges[(mixed ^ previous) & (kEdges - 1)];
  if (count < 255) ++count;
  previous = mixed >> 1;
}

namespace tarn::fuzz {
namespace {

using Bytes = std::string;

const Bytes* current = nullptr;  // the input under test, for the handlers

void KeepInput() {
  if (current == nullptr) return;
  const Bytes& input = *current;
  current = nullptr;
  char name[32];
  std::snprintf(name, sizeof name, "crash-%08x", Crc32(input));
  std::ofstream(name, std::ios::binary).write(input.data(), static_cast<long>(input.size()));
  std::fprintf(stderr, "fuzz: the input is kept in ./%s (%zu bytes)\n", name, input.size());
}

void OnSignal(int signal_number) {
  std::fprintf(stderr, "fuzz: %s\n",
               signal_number == SIGALRM ? "takes too long" : strsignal(signal_number));
  KeepInput();
  _exit(1);
}

void InstallHandlers() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(KeepInput);
#else
  signal(SIGSEGV, OnSignal);
  signal(SIGFPE, OnSignal);
  signal(SIGBUS, OnSignal);
  signal(SIGILL, OnSignal);
#endif
  signal(SIGABRT, OnSignal);
  signal(SIGALRM, OnSignal);
}

// Eight classes: a loop run twice is news, a loop run 201 times instead of 200 is not.
uint8_t ClassOf(uint8_t count) {
  static constexpr int kBounds[] = {1, 2, 3, 4, 8, 16, 32, 128};
  uint8_t out = 0;
  for (int i = 0; i < 8; ++i) {
    if (count >= kBounds[i]) out = static_cast<uint8_t>(1 << i);
  }
  return out;
}

// True when the input reached something no input before did.
bool RunOne(const Bytes& input) {
  std::memset(edges, 0, sizeof edges);
  previous = 0;
  // A copy of exactly its size: a byte read beyond it is then beyond the heap block.
  const std::vector<uint8_t> exact(input.begin(), input.end());
  current = &input;
  alarm(kSecondsPerInput);
  counting = true;
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  counting = false;
  alarm(0);
  current = nullptr;
  bool fresh = false;
  for (size_t i = 0; i < kEdges; ++i) {
    if (edges[i] == 0) continue;
    const uint8_t bit = ClassOf(edges[i]);
    fresh = fresh || (seen_edges[i] & bit) == 0;
    seen_edges[i] |= bit;
  }
  return fresh;
}

class Mutator {
 public:
  Mutator(Random& random, size_t max_bytes) : random_(random), max_bytes_(max_bytes) {}

  Bytes Mutate(const std::vector<Bytes>& corpus) {
    Bytes out = Pick(corpus);
    for (uint64_t i = 1 + random_.Uniform(4); i > 0; --i) Once(corpus, &out);
    if (out.size() > max_bytes_) out.resize(max_bytes_);
    return out;
  }

 private:
  const Bytes& Pick(const std::vector<Bytes>& corpus) {
    // The newest are the most promising.
    const size_t size = corpus.size();
    const size_t back = random_.Uniform(1 + random_.Uniform(size));
    return corpus[size - 1 - back];
  }
  size_t At(const Bytes& bytes) { return bytes.empty() ? 0 : random_.Uniform(bytes.size()); }
  size_t Length(const Bytes& bytes, size_t at) {
    return bytes.size() == at ? 0 : 1 + random_.Uniform(std::min<size_t>(bytes.size() - at, 64));
  }

  void Once(const std::vector<Bytes>& corpus, Bytes* out) {
    const size_t at = At(*out);
    switch (random_.Uniform(9)) {
      case 0:
        if (!out->empty()) (*out)[at] = static_cast<char>((*out)[at] ^ (1 << random_.Uniform(8)));
        break;
      case 1:
        if (!out->empty()) (*out)[at] = static_cast<char>(random_.Uniform(256));
        break;
      case 2: out->insert(at, 1, Special()); break;
      case 3: out->erase(at, Length(*out, at)); break;
      case 4: out->insert(at, out->substr(At(*out), Length(*out, at))); break;
      case 5: {  // a piece of another input
        const Bytes& other = Pick(corpus);
        const size_t from = At(other);
        out->insert(at, other.substr(from, Length(other, from)));
        break;
      }
      case 6: {  // the end of another input
        const Bytes& other = Pick(corpus);
        out->replace(at, Bytes::npos, other.substr(At(other)));
        break;
      }
      case 7: ReplaceNumber(out); break;
      default: SetInteger(out, at); break;
    }
  }

  char Special() {
    static constexpr char kBytes[] = "\"'`\\{}[]():,;-+.eE0\n\r\t \x00\x7f\xff\xc3\xed";
    return kBytes[random_.Uniform(sizeof kBytes - 1)];
  }
  void ReplaceNumber(Bytes* out) {
    static const char* const kNumbers[] = {"0",
                                           "-1",
                                           "1",
                                           "2147483648",
                                           "9223372036854775807",
                                           "-9223372036854775808",
                                           "18446744073709551616",
                                           "1e999",
                                           "1e-999",
                                           "0.1",
                                           "00",
                                           "99999999999999999999"};
    const size_t first = out->find_first_of("0123456789", At(*out));
    if (first == Bytes::npos) return;
    const size_t end = std::min(out->find_first_not_of("0123456789", first), out->size());
    out->replace(first, end - first, kNumbers[random_.Uniform(std::size(kNumbers))]);
  }
  void SetInteger(Bytes* out, size_t at) {
    static constexpr uint64_t kIntegers[] = {
        0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, ~uint64_t{0}};
    const uint64_t value = kIntegers[random_.Uniform(std::size(kIntegers))];
    const size_t width = size_t{1} << random_.Uniform(4);
    if (at + width <= out->size()) std::memcpy(out->data() + at, &value, width);
  }

  Random& random_;
  size_t max_bytes_;
};

struct Options {
  int64_t seconds = 10;
  uint64_t seed = 1;
  size_t max_bytes = 4096;
  std::string save;
  std::vector<std::string> paths;
};

Bytes ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// False when the paths are files: they are then run and nothing is mutated.
bool LoadCorpus(const Options& options, std::vector<Bytes>* corpus) {
  bool folders = false;
  std::vector<std::filesystem::path> files;
  for (const std::string& path : options.paths) {
    if (!std::filesystem::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    folders = true;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) corpus->push_back(ReadFile(file));
  return folders || files.empty();
}

void Save(const std::string& folder, const Bytes& input) {
  if (folder.empty()) return;
  char name[32];
  std::snprintf(name, sizeof name, "/%08x", Crc32(input));
  std::ofstream(folder + name, std::ios::binary)
      .write(input.data(), static_cast<long>(input.size()));
}

int Fuzz(const Options& options, std::vector<Bytes> corpus) {
  SeededRandom random(options.seed);
  Mutator mutator(random, options.max_bytes);
  if (corpus.empty()) corpus.emplace_back();
  const size_t given = corpus.size();
  for (const Bytes& input : corpus) RunOne(input);
  uint64_t runs = given;
  const time_t end = time(nullptr) + options.seconds;
  for (; time(nullptr) < end; ++runs) {
    Bytes input = mutator.Mutate(corpus);
    if (!RunOne(input)) continue;
    Save(options.save, input);
    corpus.push_back(std::move(input));
  }
  const auto covered = kEdges - static_cast<size_t>(std::count(seen_edges, seen_edges + kEdges, 0));
  std::printf("%llu inputs, %zu from the corpus, %zu found, %zu edges\n",
              static_cast<unsigned long long>(runs), given, corpus.size() - given, covered);
  return 0;
}

int Usage() {
  std::fprintf(stderr,
               "usage: fuzz_TARGET [--seconds N] [--seed N] [--max-bytes N] [--save DIR] "
               "CORPUS_DIR... | FILE...\n");
  return 2;
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const bool takes_value = flag.starts_with("--");
    if (takes_value && i + 1 == argc) return Usage();
    const char* value = takes_value ? argv[++i] : "";
    if (flag == "--seconds") {
      options.seconds = std::strtoll(value, nullptr, 10);
    } else if (flag == "--seed") {
      options.seed = std::strtoull(value, nullptr, 10);
    } else if (flag == "--max-bytes") {
      options.max_bytes = std::strtoull(value, nullptr, 10);
    } else if (flag == "--save") {
      options.save = value;
    } else if (takes_value) {
      return Usage();
    } else {
      options.paths.push_back(flag);
    }
  }
  InstallHandlers();
  std::vector<Bytes> corpus;
  if (LoadCorpus(options, &corpus)) return Fuzz(options, std::move(corpus));
  for (const Bytes& input : corpus) RunOne(input);
  std::printf("%zu files run\n", corpus.size());
  return 0;
}

}  // namespace
}  // namespace tarn::fuzz

int main(int argc, char** argv) { return tarn::fuzz::Main(argc, argv); }
