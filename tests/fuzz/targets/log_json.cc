// The bytes of a log entry. What is read and written again reads the same.
#include "delta/json.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  const std::string text(fuzz::TextOf(data, size));
  const auto actions = delta::ParseActions(text, "entry");
  if (!actions.ok()) return 0;
  const std::string once = delta::SerializeActions(*actions);
  const auto again = delta::ParseActions(once, "again");
  fuzz::Require(again.ok(), "what was written can be read: " + again.status().ToString());
  fuzz::Require(again->size() == actions->size(), "no action is lost or doubled");
  fuzz::Require(delta::SerializeActions(*again) == once, "actions survive writing and reading");
  return 0;
}
