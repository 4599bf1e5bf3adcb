#include "transform/project/parse_inputs.h"

#include <cstdlib>

namespace tarn::transform {

void ParseInputs::NoteEnvironment(const std::string& name) {
  const char* set = std::getenv(name.c_str());
  const std::lock_guard<std::mutex> guard(mutex_);
  values_.environment[name] = set == nullptr ? std::nullopt : std::optional<std::string>(set);
}

void ParseInputs::NoteFlag(const std::string& name, const std::string& value) {
  const std::lock_guard<std::mutex> guard(mutex_);
  values_.flags[name] = value;
}

void ParseInputs::NoteChanging() {
  const std::lock_guard<std::mutex> guard(mutex_);
  values_.changes_by_itself = true;
}

void ParseInputs::NoteName(std::string_view name) {
  if (name == "run_started_at" || name == "invocation_id" || name == "invocation_args_dict") {
    NoteChanging();
  }
}

ParseInputs::Values ParseInputs::Taken() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  return values_;
}

}  // namespace tarn::transform
