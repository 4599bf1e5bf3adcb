// `_last_checkpoint`, and the names of a log's files.
#include "delta/log.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  const std::string text(fuzz::TextOf(data, size));
  auto store = store::MakeMemoryStore();
  if (!store->Put("t/_delta_log/_last_checkpoint", text, store::PutMode::kOverwrite).ok()) return 0;
  const auto hint = delta::ReadCheckpointHint(*store, "t");
  fuzz::Require(!hint || hint->value() >= 0, "a version is not negative");
  const auto canonical = delta::CanonicalJson(text);
  if (hint) fuzz::Require(canonical.has_value(), "a hint that counts is valid JSON");
  const auto name = delta::ParseLogFileName(text);
  if (name) {
    fuzz::Require(name->version.value() >= 0 && name->version <= name->end, "versions ascend");
    fuzz::Require(name->parts == 0 || (name->part >= 1 && name->part <= name->parts),
                  "a part is one of its parts");
  }
  return 0;
}
