// Java's regular expressions on RE2, as far as RE2 goes: back-references and look-around are
// refused with a message that says so. Threads: compiled patterns are kept per thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "duckdb/common/re2_regex.hpp"

namespace tarn::dialect {

// A compiled pattern.
class JavaRegex {
 public:
  explicit JavaRegex(std::string_view pattern);
  int group_count() const { return group_count_; }  // without group 0
  // The number of a named group, -1 when there is none.
  int GroupNamed(const std::string& name) const;
  // The first match at or after byte `from`; group 0 of `match` is the whole of it.
  bool Search(std::string_view text, size_t from, duckdb_re2::Match& match) const;

 private:
  duckdb_re2::Regex regex_;
  int group_count_ = 0;
  std::map<std::string, int> names_;
};

// Throws duckdb::InvalidInputException for a pattern that cannot be run.
std::shared_ptr<const JavaRegex> CompileJavaRegex(std::string_view pattern);

// The pattern in RE2's words.
std::string ToRe2(std::string_view java);

// Walks over the matches as java.util.regex.Matcher.find does.
class RegexScan {
 public:
  RegexScan(const JavaRegex& regex, std::string_view text, size_t from = 0)
      : regex_(regex), text_(text), at_(from) {}
  bool Next();
  size_t start() const { return match_.groups[0].position; }
  size_t end() const { return start() + match_.groups[0].text.size(); }
  // Empty for a group that took no part.
  const std::string& Group(size_t i) const { return match_.groups[i].text; }
  size_t groups() const { return match_.groups.size(); }

 private:
  const JavaRegex& regex_;
  std::string_view text_;
  size_t at_;
  bool done_ = false;
  duckdb_re2::Match match_;
};

}  // namespace tarn::dialect
