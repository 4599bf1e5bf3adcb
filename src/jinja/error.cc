#include "jinja/error.h"

#include <cctype>

namespace tarn::jinja {
namespace {

// "UndefinedError" and the like: a capital, letters, then a colon.
size_t KindLength(std::string_view message) {
  size_t i = 0;
  while (i < message.size() && std::isalpha(static_cast<unsigned char>(message[i]))) ++i;
  bool is_kind = i >= 5 && std::isupper(static_cast<unsigned char>(message[0])) &&
                 message.substr(i, 2) == ": ";
  std::string_view word = message.substr(0, i);
  return is_kind && (word.ends_with("Error") || word.ends_with("Exception") ||
                     word == "TemplateNotFound" || word.ends_with("NotFound"))
             ? i
             : 0;
}

}  // namespace

std::string Error::OneLine() const {
  std::string out;
  if (!file.empty()) out += file + ":";
  if (line > 0) {
    out += (file.empty() ? "line " : "") + std::to_string(line) + ":";
    if (column > 0) out += std::to_string(column) + ":";
  }
  if (!out.empty()) out += " ";
  return out + kind + ": " + message;
}

std::string Error::Describe() const {
  std::string out = OneLine();
  if (line > 0 && !source_line.empty()) {
    std::string number = std::to_string(line);
    out += "\n  " + number + " | " + source_line;
    if (column > 0) {
      out += "\n  " + std::string(number.size(), ' ') + " | ";
      out += std::string(static_cast<size_t>(column - 1), ' ') + "^";
    }
  }
  for (const StackEntry& entry : stack) {
    out += "\n  in " + (entry.macro.empty() ? std::string("template") : "macro " + entry.macro);
    if (!entry.file.empty()) out += " (" + entry.file + ":" + std::to_string(entry.line) + ")";
  }
  return out;
}

Error ParseStatus(const Status& status) {
  Error e;
  std::string_view message = status.message();
  size_t kind = KindLength(message);
  e.kind = kind ? std::string(message.substr(0, kind)) : "RuntimeError";
  e.message = std::string(kind ? message.substr(kind + 2) : message);
  return e;
}

Status MakeError(std::string_view kind, std::string_view message) {
  return Status::InvalidArgument(std::string(kind) + ": " + std::string(message));
}
Status SyntaxError(std::string_view message) { return MakeError("TemplateSyntaxError", message); }
Status AssertionError(std::string_view message) {
  return MakeError("TemplateAssertionError", message);
}
Status RuntimeError(std::string_view message) { return MakeError("TemplateRuntimeError", message); }
Status UndefinedError(std::string_view message) { return MakeError("UndefinedError", message); }
Status TypeError(std::string_view message) { return MakeError("TypeError", message); }
Status ValueError(std::string_view message) { return MakeError("ValueError", message); }

}  // namespace tarn::jinja
