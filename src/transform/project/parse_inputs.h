// ParseInputs: what parsing a project looked at besides its files, its variables and its target.
//
// What it is: environment variables and flags with the values they had, and whether anything was
// read that is another thing in every run (the time, the invocation's id). A parse may be used
// again while all of these are what they were (manifest_cache.h).
//
// Threads: safe for concurrent calls.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace tarn::transform {

class ParseInputs {
 public:
  struct Values {
    std::map<std::string, std::optional<std::string>> environment;  // nullopt: not set
    std::map<std::string, std::string> flags;                       // upper case, as JSON
    bool changes_by_itself = false;
  };

  void NoteEnvironment(const std::string& name);
  void NoteFlag(const std::string& name, const std::string& value);
  void NoteChanging();
  // A name a template looked up: some stand for the running command.
  void NoteName(std::string_view name);
  Values Taken() const;

 private:
  mutable std::mutex mutex_;
  Values values_;
};

}  // namespace tarn::transform
