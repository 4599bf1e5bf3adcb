// JudgeAccount: what contracts found in the records of one commit; part of the commit itself
// (`userMetadata`), so that it is counted exactly when its rows are there.
//
// The text: {"tarn":{"contracts":[{"contract","version","judged","flagged","dead_letters",
// "rules":{"user_id.required":[3,"dead_letter"]},"nulls":{"coupon":7},"max_delay_us":…}],
// "replay":true}}; what is zero is left out.
//
// Threads: plain values. Errors: none; a text that is no account reads as nullopt.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tarn::ingest {

struct ContractAccount {
  std::string contract, version;
  int64_t judged = 0;
  int64_t flagged = 0;  // records whose worst is a flag
  int64_t dead_letters = 0;
  // By rule: records that broke it, and what is done about it ("flag", "dead_letter", "stop").
  std::map<std::string, std::pair<int64_t, std::string>> rules;
  std::map<std::string, int64_t> nulls;  // by top-level field: null or absent
  int64_t max_delay_micros = 0;
};

struct JudgeAccount {
  std::vector<ContractAccount> contracts;
  bool replay = false;  // of records that were dead letters before

  bool empty() const { return contracts.empty(); }
  void Add(const JudgeAccount& other);
};

std::string AccountText(const JudgeAccount& account);
std::optional<JudgeAccount> ParseAccount(const std::string& text);

}  // namespace tarn::ingest
