// Errors of templates: their kinds, where they happened, how they are shown.
//
// Inside the room a failure is a Status whose message begins with the kind, as Python and Jinja2
// name it ("UndefinedError: 'x' is undefined"). The Session (or the compiler) adds the place. What
// callers see in Status::message() is one line:
//
//   models/orders.sql:3:14: UndefinedError: 'foo' is undefined
//
// and, structured, Error: for messages of several lines use Error::Describe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::jinja {

// A call on the way to the error, innermost first.
struct StackEntry {
  std::string macro;  // "" for the template itself
  std::string file;
  int line = 0;  // of the call (or the error) within `file`
};

struct Error {
  std::string
      kind;  // "TemplateSyntaxError", "UndefinedError", "TypeError", "CompilationError", ...
  std::string message;  // without the kind
  std::string file;     // the name given to Compile; "" unknown
  int line = 0;         // from 1; 0 unknown
  int column = 0;       // in characters, from 1; 0 unknown
  std::string source_line;
  std::vector<StackEntry> stack;

  // One line: "file:line:column: Kind: message".
  std::string OneLine() const;
  // The same, then the line with a caret under the column, then the macro stack:
  //   models/a.sql:3:4: UndefinedError: 'foo' is undefined
  //     3 | {{ foo.bar }}
  //       |    ^
  //     in macro my_macro (macros/m.sql:12)
  //     in template (models/a.sql:3)
  std::string Describe() const;
};

// Splits "Kind: message" of a Status that has no place yet. Without a kind it is "RuntimeError".
Error ParseStatus(const Status& status);

Status MakeError(std::string_view kind, std::string_view message);
Status SyntaxError(std::string_view message);  // TemplateSyntaxError
Status AssertionError(
    std::string_view message);  // TemplateAssertionError: unknown filter, block twice
Status RuntimeError(std::string_view message);  // TemplateRuntimeError
Status UndefinedError(std::string_view message);
Status TypeError(std::string_view message);
Status ValueError(std::string_view message);

}  // namespace tarn::jinja
