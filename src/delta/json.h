// The bytes of a log entry (newline-delimited JSON) <-> actions (PROTOCOL.md, "Delta Log Entries",
// "Actions"). Commits, compacted logs and JSON checkpoints share this form.
//
// What it does not do: no I/O, no reconciliation. Unknown actions and unknown fields are skipped,
// as the protocol asks.
//
// Threads: free functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/checkpoint_format.h"

namespace tarn::delta {

// Hands every action of `bytes` to `sink`, in order. `origin` names the file in messages. Blank
// lines are skipped. Errors: kCorruption "<origin> line <n>: <reason>; <remedy>"; whatever the sink
// returns.
Status ReadActions(std::string bytes, const std::string& origin, CheckpointSink* sink);

// The same, collected.
Result<std::vector<Action>> ParseActions(std::string bytes, const std::string& origin);

// One action as one line without the line end. A CommitInfo with `raw_json` set is given back as it
// came. Values of operation_parameters are JSON texts and written as such (as a string when they
// are not JSON).
std::string SerializeAction(const Action& action);
// Every line ends with '\n'.
std::string SerializeActions(const std::vector<Action>& actions);
void AppendAction(const Action& action, std::string* out);  // line and '\n'

AddFile ToAddFile(const AddView& view);

// Text as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD, so that the
// result is always valid JSON.
std::string JsonQuote(std::string_view text);
void AppendJsonString(std::string_view text, std::string* out);
// {"k":"v",…}, and back. Errors: kCorruption when it is not an object of strings (null values are
// dropped).
std::string StringMapToJson(const StringMap& map);
Result<StringMap> StringMapFromJson(std::string_view json);

}  // namespace tarn::delta
