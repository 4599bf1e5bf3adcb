// OptionSet: one description per option; from it come the reader of YAML, the help text and the
// JSON schema.
//
// Reading is strict: an unknown key is an error with the nearest known one, a value of another kind
// names the key, its place and what would be right. Secrets are given by reference only (env:NAME,
// file:PATH) and never show up in a message.
//
// Threads: plain values; the setters write into what they were bound to, which outlives the set.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace YAML {
class Node;
}

namespace tarn::app {

class OptionSet {
 public:
  using Texts = std::vector<std::string>;
  using TextMap = std::map<std::string, std::string>;

  explicit OptionSet(std::string doc) : doc_(std::move(doc)) {}

  // Each binds `name` to `*into`, whose present value is the default. The last option can be made
  // required, or checked and converted further.
  OptionSet& Text(const std::string& name, std::string* into, const std::string& doc);
  OptionSet& Secret(const std::string& name, std::string* into, const std::string& doc);
  OptionSet& Flag(const std::string& name, bool* into, const std::string& doc);
  OptionSet& Count(const std::string& name, uint64_t* into, const std::string& doc);
  OptionSet& Size(const std::string& name, uint64_t* bytes, const std::string& doc);
  OptionSet& Duration(const std::string& name, int64_t* micros, const std::string& doc);
  OptionSet& List(const std::string& name, Texts* into, const std::string& doc);
  OptionSet& Numbers(const std::string& name, std::vector<int32_t>* into, const std::string& doc);
  // Values may be references.
  OptionSet& Map(const std::string& name, TextMap* into, const std::string& doc);
  // A text that `read` takes apart: "earliest", or a timestamp. `example` stands in the help.
  OptionSet& Parsed(const std::string& name, const std::string& example,
                    std::function<Status(const std::string&)> read, const std::string& doc);
  // A mapping with options of its own.
  OptionSet& Section(const std::string& name, OptionSet options, const std::string& doc);
  OptionSet& Required();

  // `place`: "sources/orders.yml", for messages, which add the line. Keys of `ignored` are somebody
  // else's.
  Status Read(const YAML::Node& node, const std::string& place, const Texts& ignored = {}) const;
  // A line per option: name, kind, default, what it means.
  std::string Help(const std::string& indent = "  ") const;
  // JSON schema (2020-12) of the mapping, as JSON text.
  std::string JsonSchema() const;

 private:
  enum class Kind {
    kText,
    kSecret,
    kFlag,
    kCount,
    kSize,
    kDuration,
    kList,
    kNumbers,
    kMap,
    kSection
  };
  struct Option {
    std::string name;
    Kind kind = Kind::kText;
    std::string doc;
    std::string default_text;  // as it would be written; empty: none
    bool required = false;
    std::function<Status(const YAML::Node&)> set;  // messages without the place
    std::vector<OptionSet> section;                // kSection: one
  };
  OptionSet& Add(Option option);
  static const char* KindName(Kind kind);

  std::string doc_;
  std::vector<Option> options_;
};

}  // namespace tarn::app
