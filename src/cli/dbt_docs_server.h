// DocsServer: the documentation page of a project over HTTP.
//
// What it is: GET / (the page), /manifest.json, /catalog.json, /run_results.json from the target
// folder; anything else is 404, other methods 405. Only 127.0.0.1 is listened on, and only requests
// that name this machine as host are answered, so that no other site's page can read it.
//
// Threads: the server's own. Lifetime: stops when it goes.
//
// Errors: kNotFound when the target folder has no manifest.json or catalog.json, with the command
// that makes them; kIo when the port is taken.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"

namespace tarn::cli {

class DocsServer {
 public:
  // `port` 0: any free one.
  static Result<std::unique_ptr<DocsServer>> Start(const std::string& target_folder, uint16_t port);
  virtual ~DocsServer() = default;
  virtual uint16_t port() const = 0;
};

// dbt_docs_page.html.
extern const char kDocsPage[];

}  // namespace tarn::cli
