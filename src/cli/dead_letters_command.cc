// `tarn dead-letters`: list, show, replay, discard what was kept out of Bronze.
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "base/random.h"
#include "base/reference.h"
#include "cli/command.h"
#include "cli/lake_options.h"
#include "cli/render.h"
#include "cli/version.h"
#include "codec/json_text.h"
#include "govern/contract_yaml.h"
#include "ingest/contract_watch.h"
#include "ingest/dead_letters.h"

namespace tarn::cli {
namespace {

struct LettersArguments {
  LakeOptions lake;
  ingest::LetterFilter filter;
  std::string since, format = "table", reason;
  std::string letters = "bronze.dead_letters";
  std::string contracts;
  bool as_is = false, all = false;
};

// A time, or how long ago.
Status ReadSince(const LettersArguments& arguments, ingest::LetterFilter* filter) {
  if (arguments.since.empty()) return Status::Ok();
  if (const auto ago = ParseDurationMicros(arguments.since); ago.ok()) {
    filter->since_micros = Clock::System().NowMicros() - *ago;
    return Status::Ok();
  }
  const auto at = ParseTimestampUtc(arguments.since);
  if (!at.ok()) {
    return Status::InvalidArgument("--since '" + arguments.since +
                                   "' is neither a time (2026-01-31) nor a duration (2h)");
  }
  filter->since_micros = *at;
  return Status::Ok();
}

std::string Me() {
  const char* user = std::getenv("USER");
  char host[256] = "localhost";
  (void)gethostname(host, sizeof(host) - 1);
  return std::string(user != nullptr && *user != '\0' ? user : std::to_string(getuid())) + "@" +
         host;
}

Result<ingest::LetterJudge> JudgeOf(engine::Engine& engine,
                                    const std::vector<govern::Contract>& contracts,
                                    const std::string& table,
                                    std::vector<std::unique_ptr<ingest::ContractWatch>>* judges) {
  if (!ingest::HasContractFor(contracts, table)) return ingest::LetterJudge{};
  ingest::ContractJudgeOptions judging;
  judging.contracts = contracts;
  judging.table_of = [table](std::string_view) { return table; };
  TARN_ASSIGN_OR_RETURN(auto made, ingest::ContractWatch::Make(engine, std::move(judging)));
  judges->push_back(std::move(made));
  return ingest::LetterJudge{judges->back()->judge(), {"contract."}};
}

using Act = std::function<Status(ingest::DeadLetters& letters)>;

int WithLetters(LettersArguments& arguments, Streams& streams, const Act& act) {
  if (const Status read = ReadSince(arguments, &arguments.filter); !read.ok()) {
    return ReportUsage(streams, read);
  }
  engine::EngineOptions engine_options;
  if (const Status read = ReadLakeOptions(arguments.lake, &engine_options); !read.ok()) {
    return ReportUsage(streams, read);
  }
  auto engine = engine::Engine::Open(engine_options);
  if (!engine.ok()) return ReportError(streams, engine.status());
  ingest::DeadLetterOptions options;
  options.letters = arguments.letters;
  options.pipeline_version = std::string("tarn-") + kTarnVersion;
  options.by = Me();
  options.writer_id = MakeUuid(Random::System());
  options.as_is = arguments.as_is;
  // Lives as long as the replay.
  std::vector<std::unique_ptr<ingest::ContractWatch>> judges;
  if (!arguments.contracts.empty()) {
    auto contracts = govern::LoadContracts(arguments.contracts);
    if (!contracts.ok()) return ReportUsage(streams, contracts.status());
    options.judge_of = [&, loaded = *contracts](const std::string& table) {
      return JudgeOf(**engine, loaded, table, &judges);
    };
  }
  auto letters = ingest::DeadLetters::Open(**engine, options);
  if (!letters.ok()) return ReportError(streams, letters.status());
  Status status = act(**letters);
  for (const auto& judge : judges) {
    if (const Status counted = judge->Finish(); status.ok()) status = counted;
  }
  return status.ok() ? kExitOk : ReportError(streams, status);
}

Status Print(const LettersArguments& arguments, const std::vector<ColumnHead>& columns,
             const std::vector<TextRow>& rows, Streams& streams) {
  RenderOptions render;
  TARN_ASSIGN_OR_RETURN(render.format, ParseOutputFormat(arguments.format));
  if (streams.out_is_terminal) render.max_columns_wide = streams.terminal_columns;
  RenderTextRows(render, columns, rows, streams.out);
  return Status::Ok();
}

Status List(const LettersArguments& arguments, ingest::DeadLetters& letters, Streams& streams) {
  TARN_ASSIGN_OR_RETURN(const auto found, letters.List(arguments.filter));
  const std::vector<ColumnHead> columns = {
      {"id", "VARCHAR", false},    {"status", "VARCHAR", false}, {"at", "VARCHAR", false},
      {"table", "VARCHAR", false}, {"stream", "VARCHAR", false}, {"partition", "INTEGER", true},
      {"offset", "BIGINT", true},  {"rule", "VARCHAR", false},   {"reason", "VARCHAR", false},
      {"bytes", "BIGINT", true},   {"attempt", "INTEGER", true}};
  std::vector<TextRow> rows;
  for (const auto& letter : found) {
    rows.push_back({letter.id, letter.status, letter.at, letter.table, letter.topic,
                    std::to_string(letter.partition), std::to_string(letter.offset), letter.rule,
                    letter.reason, std::to_string(letter.payload_bytes),
                    std::to_string(letter.attempt)});
  }
  return Print(arguments, columns, rows, streams);
}

std::string Printable(const std::string& bytes) {
  const bool text = codec::FindInvalidUtf8(bytes) == std::string_view::npos &&
                    bytes.find('\0') == std::string::npos;
  if (text) return bytes;
  std::string out = "0x";
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[c & 15]);
  }
  return out;
}

std::optional<std::string> HeaderText(const ingest::LetterRecord& record) {
  if (record.headers.empty()) return std::nullopt;
  std::string out;
  for (const auto& [name, value] : record.headers) {
    out += (out.empty() ? "" : ", ") + name + "=" + (value ? Printable(*value) : "null");
  }
  return out;
}

Status Show(const LettersArguments& arguments, ingest::DeadLetters& letters, Streams& streams) {
  ingest::LetterFilter filter = arguments.filter;
  filter.status = "all";
  TARN_ASSIGN_OR_RETURN(const auto found, letters.List(filter));
  if (found.empty()) return Status::NotFound("there is no dead letter " + filter.id);
  if (found.size() > 1) {
    return Status::InvalidArgument(std::to_string(found.size()) + " dead letters begin with " +
                                   filter.id + "; write more of the id");
  }
  const ingest::Letter& letter = found[0];
  TARN_ASSIGN_OR_RETURN(const ingest::LetterRecord record, letters.Record(letter.id));
  const auto number = [](const std::optional<int64_t>& value) -> std::optional<std::string> {
    return value ? std::optional(std::to_string(*value)) : std::nullopt;
  };
  const std::vector<TextRow> rows = {
      {"id", letter.id},
      {"status", letter.status},
      {"note", letter.note.empty() ? std::nullopt : std::optional(letter.note)},
      {"at", letter.at},
      {"table", letter.table},
      {"system", letter.system},
      {"stream", letter.topic},
      {"partition", std::to_string(letter.partition)},
      {"offset", std::to_string(letter.offset)},
      {"line", number(letter.line)},
      {"byte_offset", number(letter.byte_offset)},
      {"rule", letter.rule},
      {"reason", letter.reason},
      {"attempt", std::to_string(letter.attempt)},
      {"bytes", std::to_string(letter.payload_bytes)},
      {"key", record.key},
      {"event_time", record.event_time_micros
                         ? std::optional(FormatTimestampUtc(*record.event_time_micros))
                         : std::nullopt},
      {"schema", record.schema},
      {"headers", HeaderText(record)},
      {"payload", Printable(record.payload)}};
  return Print(arguments, {{"field", "VARCHAR", false}, {"value", "VARCHAR", false}}, rows,
               streams);
}

// What is changed by a filter that filters nothing has to be meant.
Status CheckMeant(const LettersArguments& arguments) {
  const auto& filter = arguments.filter;
  const bool filters = !filter.id.empty() || !filter.stream.empty() || !filter.table.empty() ||
                       !filter.rule.empty() || !arguments.since.empty();
  if (filters || arguments.all) return Status::Ok();
  return Status::InvalidArgument("say which: an id, --stream, --table, --rule, --since, or --all");
}

Status Replay(const LettersArguments& arguments, ingest::DeadLetters& letters, Streams& streams) {
  TARN_ASSIGN_OR_RETURN(const auto report, letters.Replay(arguments.filter));
  streams.out << report.replayed << " replayed";
  if (report.recovered > 0) {
    streams.out << ", " << report.recovered << " were in Bronze after an earlier replay";
  }
  streams.out << ", " << report.left << " still bad\n";
  for (const auto& [id, reason] : report.why) streams.out << "  " << id << "  " << reason << "\n";
  return Status::Ok();
}

Status Discard(const LettersArguments& arguments, ingest::DeadLetters& letters, Streams& streams) {
  TARN_ASSIGN_OR_RETURN(const uint64_t count, letters.Discard(arguments.filter, arguments.reason));
  streams.out << count << " discarded\n";
  return Status::Ok();
}

using Body = Status (*)(const LettersArguments&, ingest::DeadLetters&, Streams&);

std::shared_ptr<LettersArguments> AddCommand(CLI::App* parent, Invocation& invocation,
                                             const char* name, const char* doc, bool changes,
                                             Body body, CLI::App** made) {
  CLI::App* command = parent->add_subcommand(name, doc);
  auto arguments = std::make_shared<LettersArguments>();
  AddLakeOptions(*command, arguments->lake);
  command->add_option("--dead-letters", arguments->letters, "table of dead letters")
      ->capture_default_str();
  command->footer(kExitCodesHelp);
  command->callback([arguments, &invocation, changes, body] {
    invocation.run = [arguments, &invocation, changes, body] {
      Streams& streams = invocation.streams;
      if (changes) {
        if (const Status meant = CheckMeant(*arguments); !meant.ok()) {
          return ReportUsage(streams, meant);
        }
      }
      return WithLetters(*arguments, streams, [&](ingest::DeadLetters& letters) {
        return body(*arguments, letters, streams);
      });
    };
  });
  *made = command;
  return arguments;
}

void AddFilters(CLI::App* command, LettersArguments* arguments) {
  command->add_option("--stream", arguments->filter.stream, "topic, file or pushed stream");
  command->add_option("--table", arguments->filter.table, "Bronze table they were meant for");
  command->add_option("--rule", arguments->filter.rule, "json.syntax, or json.*");
  command->add_option("--since", arguments->since, "a time (UTC), or how long ago: 2h, 7d");
}

void AddFormat(CLI::App* command, LettersArguments* arguments) {
  command->add_option("--format", arguments->format, "table, csv, json, ndjson, markdown")
      ->check(CLI::IsMember(kOutputFormatNames))
      ->capture_default_str();
}

}  // namespace

void RegisterDeadLetters(CLI::App& app, Invocation& invocation) {
  CLI::App* parent = app.add_subcommand("dead-letters",
                                        "what was kept out of Bronze: list, show, replay, discard");
  parent->require_subcommand(1);
  CLI::App* command = nullptr;
  auto arguments = AddCommand(parent, invocation, "list", "list dead letters, oldest first", false,
                              &List, &command);
  AddFilters(command, arguments.get());
  AddFormat(command, arguments.get());
  command->add_option("--status", arguments->filter.status, "open, replayed, discarded or all")
      ->check(CLI::IsMember({"open", "replayed", "discarded", "all"}))
      ->capture_default_str();
  command->add_option("--limit", arguments->filter.limit, "this many at most");

  arguments =
      AddCommand(parent, invocation, "show", "show one with its bytes", false, &Show, &command);
  command->add_option("id", arguments->filter.id, "its id, or how it begins")->required();
  AddFormat(command, arguments.get());

  arguments =
      AddCommand(parent, invocation, "replay",
                 "take records into Bronze that are good now, each once", true, &Replay, &command);
  command->add_option("id", arguments->filter.id, "one of them");
  AddFilters(command, arguments.get());
  command->add_flag("--all", arguments->all, "every open one");
  command->add_option("--contracts", arguments->contracts,
                      "a file or folder: letters of contract.* are judged again by these");
  command->add_flag("--as-is", arguments->as_is, "unchecked: the bytes as they came");

  arguments =
      AddCommand(parent, invocation, "discard",
                 "note that records are not wanted; nothing is deleted", true, &Discard, &command);
  command->add_option("id", arguments->filter.id, "one of them");
  AddFilters(command, arguments.get());
  command->add_flag("--all", arguments->all, "every open one");
  command->add_option("--reason", arguments->reason, "why; it is recorded")->required();
}

}  // namespace tarn::cli
